"""Bytes of a file, whole and indexable, without copying what is large.

Small files are read; large ones are mapped, so that gigabytes of tensors that nobody looks at are
never brought into memory.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
from typing import TypeAlias

Buffer: TypeAlias = bytes | mmap.mmap
"""Indexing gives an int, slicing gives bytes, `find` searches: all that a container needs."""

MAP_FROM_BYTES = 64 << 20
"""Files of at least this size (bytes) are mapped rather than read."""


def read_path(path: str | os.PathLike[str]) -> Buffer:
    """Return the bytes of a regular file.

    Raises:
        OSError: the file does not exist, is not a regular file, or cannot be read.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        size = status.st_size
        if size >= MAP_FROM_BYTES:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return file.read()


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a FIFO would wait for a writer
