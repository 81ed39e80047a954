"""What opening a file yields: regions that may hold pickles, and problems met on the way."""

from __future__ import annotations

from dataclasses import dataclass

from safepickle_dl.reader import Buffer


@dataclass(frozen=True, slots=True)
class Region:
    """A span `data[start:end]` that begins where a loader would begin to unpickle.

    Several pickles may follow each other in it, and raw data may follow them.
    """

    name: str
    """Members from the outside in, joined by `!`: `data.tar!a/data.pkl`; "" for the file itself."""
    data: Buffer
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the file that could not be opened: the file is then never `benign`."""

    name: str
    message: str
    unread_bytes: int
    """Bytes of the outermost file that stay unexamined because of it (at least 1)."""
