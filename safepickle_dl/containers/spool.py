"""Where decompressed bytes go: memory while they are few, then a temporary file that has no name."""

from __future__ import annotations

import io
import mmap
from typing import IO

from safepickle_dl.reader import Buffer


class Spool:
    """Takes bytes at its end and gives back all of them, whole and indexable."""

    def __init__(self, max_memory_bytes: int) -> None:
        """Start empty; from `max_memory_bytes` on, the bytes are in a file that nobody else can open."""
        self._max_memory_bytes = max_memory_bytes
        self._out: IO[bytes] = io.BytesIO()
        self.size = 0
        self._on_disk = False

    def write(self, piece: bytes) -> None:
        """Append bytes.

        Raises:
            OSError: the temporary folder is full.
        """
        if self.size + len(piece) > self._max_memory_bytes and not self._on_disk:
            import tempfile  # rarely needed, and slow to import

            file = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as its map)
            file.write(self.head(self.size))
            self._out, self._on_disk = file, True
        self._out.write(piece)
        self.size += len(piece)

    def shorten(self, size: int) -> None:
        """Forget all but the first `size` bytes."""
        if size < self.size:
            self._out.seek(size)
            self._out.truncate()
            self.size = size

    def head(self, size: int) -> bytes:
        """Return the first bytes."""
        if isinstance(self._out, io.BytesIO):
            return bytes(self._out.getbuffer()[:size])
        return self.value()[:size]

    def value(self) -> Buffer:
        """Return all bytes."""
        if isinstance(self._out, io.BytesIO):
            return self._out.getvalue()
        self._out.flush()
        return mmap.mmap(self._out.fileno(), 0, access=mmap.ACCESS_READ)
