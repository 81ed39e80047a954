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

unlocked = nullcontext()
"""Around a loop that touches nothing but buffers and maps: the compiled core lets other threads run meanwhile."""


class IntMap(dict[int, int]):
    """Any int to an int from 0 up."""

    put = dict.__setitem__
    count = dict.__len__


def copied_map(source: IntMap) -> IntMap:
    """Return a map with the same content."""
    return IntMap(source)


def new_ints(size: int) -> Ints:
    """Return a buffer of `size` zeros (signed, 64 bits each)."""
    return array("q", bytes(8 * size))


def ints_of(text: str) -> Ints:
    """Return a buffer with the ASCII codes of a text."""
    return array("q", list(text.encode("ascii")))


def copied(buffer: Ints) -> Ints:
    """Return a buffer with the same content."""
    return buffer[:]


def grown(buffer: Ints, size: int) -> Ints:
    """Return `buffer`, which the caller gives up, if it holds `size` ints, else one at least twice as long."""
    if len(buffer) >= size:
        return buffer
    buffer.frombytes(bytes(8 * (max(size, 2 * len(buffer)) - len(buffer))))
    return buffer


def new_octets(size: int) -> Octets:
    """Return a buffer of `size` zeros, 8 bits each, unsigned."""
    return bytearray(size)


def copied_octets(buffer: Octets) -> Octets:
    """Do what `copied` does."""
    return buffer[:]


def grown_octets(buffer: Octets, size: int) -> Octets:
    """Do what `grown` does."""
    if len(buffer) < size:
        buffer.extend(bytes(max(size, 2 * len(buffer)) - len(buffer)))
    return buffer


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
