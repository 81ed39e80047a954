"""The few things that differ between the runtimes of core/: buffers, maps of ints, and searches in bytes.

Everything else in core/ is written in one small subset of Python: ints, indexed int buffers, `IntMap`, constants.
This file is the interpreted one; `embed/cython_buffers.pyx` stands in for it in the compiled core and
`embed/torch_buffers.py` in TorchScript.
"""

from __future__ import annotations

import mmap
import re
from array import array
from contextlib import nullcontext
from functools import cache
from typing import TypeAlias

Bytes: TypeAlias = bytes | bytearray | mmap.mmap
"""Is only read."""
Octets: TypeAlias = bytearray
Ints: TypeAlias = "array[int]"
Indices: TypeAlias = "array[int]"
"""For numbers of nodes, cells, sites and slices, counts and opcodes: 32 bits each, signed."""

unlocked = nullcontext()
"""Around a loop that touches nothing but buffers and maps: the compiled core lets other threads run meanwhile."""


LARGE = 1 << 20
"""Ints from which a buffer grows by an eighth at a time (count)."""
NEAR = 64
"""How far a key of an `IntMap` may be beyond twice the number of its keys, to grow with it (count)."""


def new_ints(size: int) -> Ints:
    """Return a buffer of `size` zeros (signed, 64 bits each)."""
    return array("q", bytes(8 * size))


def ints_of(text: str) -> Ints:
    """Return a buffer with the ASCII codes of a text."""
    return array("q", list(text.encode("ascii")))


def copied(buffer: Ints) -> Ints:
    """Return a buffer with the same content."""
    return buffer[:]


def new_indices(size: int) -> Indices:
    """Return a buffer of `size` zeros (signed, 32 bits each)."""
    return array("i", bytes(4 * size))


def copied_indices(buffer: Indices) -> Indices:
    """Do what `copied` does."""
    return buffer[:]


def _enlarged(held: int, size: int) -> int:
    return max(size, 2 * held if held < LARGE else held + held // 8)


def grown(buffer: Ints, size: int) -> Ints:
    """Return `buffer`, which the caller gives up, if it holds `size` ints, else a longer one (see LARGE)."""
    held = len(buffer)
    if held < size:
        buffer.frombytes(bytes(buffer.itemsize * (_enlarged(held, size) - held)))
    return buffer


def grown_indices(buffer: Indices, size: int) -> Indices:
    """Do what `grown` does."""
    return grown(buffer, size)


def new_octets(size: int) -> Octets:
    """Return a buffer of `size` zeros, 8 bits each, unsigned."""
    return bytearray(size)


def copied_octets(buffer: Octets) -> Octets:
    """Do what `copied` does."""
    return buffer[:]


def grown_octets(buffer: Octets, size: int) -> Octets:
    """Do what `grown` does."""
    held = len(buffer)
    if held < size:
        buffer.extend(bytes(_enlarged(held, size) - held))
    return buffer


class IntMap:
    """Any int to an int from 0 up (31 bits): keys that grow with the map take 4 bytes each, others those of a dict."""

    def __init__(self) -> None:
        """Start empty."""
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.near = new_indices(16)
        """Values plus one, by key; 0: none."""
        self.far: dict[int, int] = {}
        self.n = 0

    def count(self) -> int:
        """Return the number of keys."""
        return self.n

    def n_far(self) -> int:
        """Return the number of keys that did not grow with the map."""
        return len(self.far)

    def put(self, key: int, value: int) -> None:
        """Store a value under a key."""
        if self.get(key, -1) < 0:
            self.n += 1
        if 0 <= key <= 2 * self.n + NEAR:
            self.near = grown_indices(self.near, key + 1)
            self.near[key] = value + 1
        else:
            self.far[key] = value

    def get(self, key: int, default: int) -> int:
        """Return the value under a key, or `default`."""
        if 0 <= key < len(self.near) and self.near[key] > 0:
            return self.near[key] - 1
        return self.far.get(key, default)


def copied_map(source: IntMap) -> IntMap:
    """Return a map with the same content."""
    copy = IntMap()
    copy.near, copy.far, copy.n = copied_indices(source.near), dict(source.far), source.n
    return copy


def find_int(buffer: Ints, value: int, start: int, end: int) -> int:
    """Return the index of the first `value` in `buffer[start:end]`, or -1."""
    try:
        return buffer.index(value, start, end)
    except ValueError:
        return -1


def find_byte(data: Bytes, value: int, start: int, end: int) -> int:
    """Return the position of the first `value` in `data[start:end]`, or -1. Not compiled: `embed/` alone needs it."""
    return data.find(bytes((value,)), start, end)


def highest(data: Bytes, start: int, end: int) -> int:
    """Return the highest byte of `data[start:end]`, which is not empty. For `embed/` too."""
    return max(data[start:end])


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
