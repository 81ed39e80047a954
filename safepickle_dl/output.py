"""Where a report goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from safepickle_dl.errors import InputError, reason_of
from safepickle_dl.report.escape import encodable
from safepickle_dl.report.tally import Tally

PROGRESS_EVERY_S = 0.1
"""The progress line changes at most this often (seconds)."""


def wants_colour(stream: TextIO) -> bool:
    """Return whether `stream` is a terminal whose user has not asked for plain text."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


def write(stream: TextIO, text: str) -> None:
    """Write `text` now, with escapes for what the stream's encoding cannot express."""
    if text:
        stream.write(encodable(text, stream.encoding or "utf-8"))
        stream.flush()


def silence(stream: TextIO) -> None:
    """Point a stream whose reader went away to nowhere, so that the last flush cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Sink:
    """Takes the report; a context manager.

    A file is first written beside its place and moved there on leaving without an exception, so
    that a broken run leaves the previous report alone. Without a single `write` it is not touched.
    """

    def __init__(self, path: Path | None) -> None:
        """Name the place.

        Args:
            path: The report's file; None means standard output.

        Raises:
            InputError: the path is a folder, or lies in a folder that does not exist.
        """
        self._target = path.resolve() if path else None
        self._stream: TextIO | None = None
        self._part: Path | None = None
        if self._target and not self._target.parent.is_dir():
            raise InputError(f"{path}: no such folder for the report")
        if self._target and self._target.is_dir():
            raise InputError(f"{path}: is a folder, not a file for the report")

    @property
    def colour(self) -> bool:
        """Whether what is written may be coloured."""
        return self._target is None and wants_colour(sys.stdout)

    def write(self, text: str) -> None:
        """Add to the report.

        Raises:
            BrokenPipeError: nobody reads what is written any more.
            InputError: it cannot be written for another reason.
        """
        try:
            if self._target and not self._stream:
                self._stream = self._open(self._target)
            write(self._stream or sys.stdout, text)
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._target:
                silence(sys.stdout)
            raise InputError(f"{self._target or 'standard output'}: {reason_of(error)}") from error

    def _open(self, target: Path) -> TextIO:
        if target.exists() and not target.is_file():  # a pipe or a device is never replaced
            return target.open("w", encoding="utf-8")
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        stream = part.open("x", encoding="utf-8", newline="\n")
        self._part = part
        return stream

    def __enter__(self) -> Sink:
        """Return the sink itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the file in its place, or remove what was written if the run broke."""
        try:
            if self._stream:
                self._stream.close()
            if self._part and self._target and kind is None:
                self._part.replace(self._target)
                self._part = None
        except OSError as failure:
            if kind is None:
                raise InputError(f"{self._target}: {reason_of(failure)}") from failure
        finally:
            if self._part:
                with contextlib.suppress(OSError):
                    self._part.unlink()


class Progress:
    """One line on a terminal's standard error that counts files; nothing anywhere else."""

    def __init__(self, stream: TextIO) -> None:
        """Watch `stream`; it stays untouched unless it is a terminal."""
        self._stream = stream
        self._active = stream.isatty()
        self._width = 0
        self._next_s = 0.0

    def show(self, tally: Tally) -> None:
        """Show how far the run is."""
        now_s = time.monotonic()
        if self._active and now_s >= self._next_s:
            self._next_s = now_s + PROGRESS_EVERY_S
            line = f"files scanned: {tally.files}"
            write(self._stream, "\r" + line.ljust(self._width))
            self._width = len(line)

    def clear(self) -> None:
        """Make room for a line of the report."""
        if self._width:
            write(self._stream, "\r" + " " * self._width + "\r")
            self._width = 0
            self._next_s = 0.0
