"""The few things that differ between the runtimes of core/: buffers, and the search for a newline.

Everything else in core/ is written in one small subset of Python: ints, indexed int buffers, `Dict[int, int]`,
module constants read through their module. Interpreted, a buffer is an `array('q')`; a later compiled build
replaces only this file.
"""

from __future__ import annotations

import re
from array import array
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap
    from typing import TypeAlias

    Bytes: TypeAlias = bytes | mmap.mmap
    Ints: TypeAlias = array[int]
    Octets: TypeAlias = bytearray
    Text: TypeAlias = Bytes | Ints
else:
    Bytes = list[int]
    Ints = list[int]
    Octets = list[int]
    Text = list[int]


LARGE = 1 << 20
"""Ints from which a buffer grows by an eighth at a time (count)."""


def new_ints(size: int) -> Ints:
    """Return a buffer of `size` zeros (signed, 64 bits each)."""
    return array("q", bytes(8 * size))


def grown(buffer: Ints, size: int) -> Ints:
    """Return `buffer` itself if it holds `size` ints, else enlarged in place: doubled, or by an eighth once large."""
    held = len(buffer)
    if held < size:
        buffer.frombytes(bytes(8 * max(size - held, held if held < LARGE else held // 8)))
    return buffer


def new_octets(size: int) -> Octets:
    """Return a buffer of `size` zeros, 8 bits each, unsigned."""
    return bytearray(size)


def grown_octets(buffer: Octets, size: int) -> Octets:
    """Do what `grown` does."""
    held = len(buffer)
    if held < size:
        buffer.extend(bytes(max(size - held, held if held < LARGE else held // 8)))
    return buffer


class IntMap:
    """Any int to an int from 0 up; keys that are used about in turn take 8 bytes each."""

    def __init__(self) -> None:
        """Start empty."""
        self._dense = new_ints(64)
        self._sparse: dict[int, int] = {}
        self._count = 0

    def count(self) -> int:
        """Return the number of keys."""
        return self._count

    def n_sparse(self) -> int:
        """Return the number of keys that were not used in turn."""
        return len(self._sparse)

    def put(self, key: int, value: int) -> None:
        """Store a value under a key."""
        if 0 <= key < len(self._dense) or 0 <= key <= 2 * self._count + 1024:
            self._dense = grown(self._dense, key + 1)
            if self._dense[key] == 0 and key not in self._sparse:
                self._count += 1
            self._dense[key] = value + 1
            return
        if key not in self._sparse:
            self._count += 1
        self._sparse[key] = value

    def get(self, key: int, default: int) -> int:
        """Return the value under a key, or `default`."""
        if 0 <= key < len(self._dense) and self._dense[key] > 0:
            return self._dense[key] - 1
        return self._sparse.get(key, default)

    def copied(self) -> IntMap:
        """Return a map with the same content."""
        copy = IntMap()
        copy._dense, copy._sparse, copy._count = self._dense[:], dict(self._sparse), self._count
        return copy


def find_newline(data: Bytes, start: int, end: int) -> int:
    """Return the position of the first newline in `data[start:end]`, or -1."""
    return data.find(b"\n", start, end)


def find_text(data: Bytes, start: int, end: int, shortest: int) -> int:
    """Return where the first run of at least `shortest` printable ASCII bytes begins in `data[start:end]`, or -1."""
    found = _text_run(shortest).search(data, start, end)
    return -1 if found is None else found.start()


@cache
def _text_run(shortest: int) -> re.Pattern[bytes]:
    return re.compile(rb"[\x20-\x7e\t\n\r]{%d}" % shortest)
