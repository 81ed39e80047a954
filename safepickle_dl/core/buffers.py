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
    Text: TypeAlias = Bytes | Ints
else:
    Bytes = list[int]
    Ints = list[int]
    Text = list[int]


LARGE = 1 << 20
"""Ints from which a buffer grows by half at a time (count)."""


def new_ints(size: int) -> Ints:
    """Return a buffer of `size` zeros (signed, 64 bits each)."""
    return array("q", bytes(8 * size))


def new_bytes(size: int) -> Ints:
    """Return a buffer of `size` zeros (unsigned, 8 bits each)."""
    return array("B", bytes(size))


def grown(buffer: Ints, size: int) -> Ints:
    """Return `buffer` itself if it holds `size` ints, else enlarged in place: doubled, or by half once it is large."""
    held = len(buffer)
    if held >= size:
        return buffer
    more = held if held < LARGE else held // 2
    buffer.frombytes(bytes(buffer.itemsize * max(size - held, more)))
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
