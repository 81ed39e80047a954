"""What opening a file yields: regions that may hold pickles, problems met on the way, and what else it is."""

from __future__ import annotations

from dataclasses import dataclass

from safepickle_dl.reader import Buffer


@dataclass(frozen=True, slots=True)
class Region:
    """A span `data[start:end]` that begins where a loader would, or might, begin to unpickle.

    Several pickles may follow each other in it, and raw data may follow them.
    """

    name: str
    """Members from the outside in, joined by `!`: `data.tar!a/data.pkl`; "" for the file itself."""
    data: Buffer
    start: int
    end: int
    depth: int = 0
    """Containers around it (levels)."""
    certain: bool = True
    """Whether a loader of the file begins here; if not, only what makes sense as a pickle is one."""
    search: bool = False
    """Whether pickles further on count though none begins here."""
    promised: bool = False
    """Whether the format says that a pickle begins here: what is none is then a broken one, not something else."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the file that could not be opened: the file is then never `benign`."""

    name: str
    message: str
    unread_bytes: int
    """Bytes of the outermost file that stay unexamined because of it (at least 1)."""

    @property
    def is_limit(self) -> bool:
        """Whether one of our limits is the reason, and not the bytes."""
        return self.message.startswith("limit ")


@dataclass(frozen=True, slots=True)
class Note:
    """What is worth knowing beside the verdict: a format that carries no pickle, code that is not examined."""

    name: str
    message: str
