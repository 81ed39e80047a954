"""HDF5: attributes, objects and plain data lie in it as they are and are searched; deflated chunks are inflated first.

No tree is needed to find chunks: every zlib stream in the file that is whole and whose checksum is right, as the HDF5
library wants it, is one. Together, in the order in which they lie in the file and in that of their addresses in it,
they are searched as one region: a pickle may be cut into many chunks. What may have been shuffled is searched once more
for each element size that a shuffle filter states. No loader is known that unpickles chunks by itself: what is found is
uncertain, as everything else in HDF5.

Source: "HDF5 File Format Specification Version 3.0"; `H5Zdeflate.c`, `H5Zshuffle.c`, `H5Fsuper.c`.
"""

from __future__ import annotations

import re
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Note, Problem, Region
from safepickle_dl.containers.spool import Spool
from safepickle_dl.reader import Buffer

INPUT_BYTES = 1 << 16
OUTPUT_BYTES = 1 << 16
TRIAL_BYTES = 512
"""The first bytes that tell whether a zlib stream is none, nearly always (bytes)."""
TURN_BYTES = 1 << 22
"""Shuffled bytes that are put in order at a time (bytes)."""
SUPERBLOCK_BYTES = 1024
MESSAGE_BYTES = 256
"""How far behind a shuffle filter the deflate filter of the same dataset is (bytes)."""
WINDOW_BYTES = 1 << 24
"""Bytes that are searched for addresses of chunks at a time."""


def _zlib_headers() -> bytes:
    """Return a pattern of the two bytes that a zlib stream without a dictionary may begin with (RFC 1950)."""
    each = []
    for first in range(0x08, 0x80, 0x10):
        seconds = [second for second in range(256) if (first << 8 | second) % 31 == 0 and not second & 0x20]
        each.append(b"\\x%02x[%s]" % (first, b"".join(b"\\x%02x" % second for second in seconds)))
    return b"|".join(each)


_STREAM = re.compile(_zlib_headers())
_NAME_SIZES = b"".join(b"\\x%02x" % size for size in range(0, 256, 8))
_DEFLATE = re.compile(rb"\x01\0(?=..\x01\0[\0-\x09]\0\0\0|([%s].)..\x01\0)" % _NAME_SIZES, re.DOTALL)
"""The deflate filter in a pipeline message of version 2, or of version 1, where its name follows."""
_SHUFFLE = re.compile(rb"\x02\0(?=(..(?:\x01\0..|..\x01\0)))", re.DOTALL)
"""The shuffle filter in either: its one value is behind the second number, or behind the third and the name."""
_OTHERS = {b"lzf": 32000, b"blosc": 32001}
"""Filters that compress and are in wide use, by the names that are written beside their numbers."""


def open_hdf5(node: Node, superblock: int) -> Iterator[Region | Problem | Note]:
    """Yield what the deflated chunks hold, and what keeps others or us from reading on; not the file as it is."""
    data, start, end = node.data, node.start, node.end
    if _is_cut_off(data, start, superblock, end):
        yield node.problem("truncated HDF5", 1)
    for name, number in _OTHERS.items():
        if _uses(data, start, end, name, number):
            yield Note(node.name, f"HDF5 chunks compressed with {name.decode()}, which are not examined")
    if next(_deflates(data, start, end), None) is None:
        return
    chunks = _Chunks(node)
    try:
        chunks.inflate()
        yield from chunks.regions(superblock, _element_sizes(data, start, end))
    except OSError as error:
        chunks.limit = f"limit of the temporary folder reached: {error.strerror}"
    if chunks.limit:
        yield node.problem(chunks.limit, 1)


class _Chunks:
    """What the zlib streams of a file hold, in the order in which they lie in it."""

    def __init__(self, node: Node) -> None:
        self.limit = ""
        self._node, self._budget = node, node.budget
        self._out = Spool(node.budget.limits.max_memory_bytes)
        self._starts = array("q")
        self._bounds = array("q", [0])
        """Where what each holds begins in `_out`, and where the last ends."""
        self._inner: set[int] = set()
        """Those that begin within another one."""

    def inflate(self) -> None:
        """Inflate every stream that is whole.

        Raises:
            OSError: the temporary folder is full.
        """
        node, reached = self._node, self._node.start
        for found in _STREAM.finditer(node.data, node.start, node.end):
            behind = self._inflate(found.start())
            if self.limit:
                return
            size = self._out.size
            if behind < 0 or size == self._bounds[-1]:
                self._out.shorten(self._bounds[-1])
                continue
            if found.start() < reached:
                self._inner.add(len(self._starts))
            reached = max(reached, behind)
            self._starts.append(found.start())
            self._bounds.append(size)
            if len(self._starts) >= self._budget.limits.max_chunks:
                self.limit = f"limit max_chunks reached ({self._budget.limits.max_chunks})"
                return

    def _inflate(self, start: int) -> int:
        """Append what a zlib stream holds; return where it ends, or -1 if it is none or broken."""
        data, end = self._node.data, self._node.end
        decoder = zlib.decompressobj()
        block, position = data[start : min(start + TRIAL_BYTES, end)], start + TRIAL_BYTES
        while not self.limit:
            self._budget.check_time()
            try:
                piece = decoder.decompress(block, OUTPUT_BYTES)
            except zlib.error:
                return -1
            self._out.write(piece)
            self._spend(len(piece))
            if decoder.eof:
                return min(position, end) - len(decoder.unused_data)
            block = decoder.unconsumed_tail
            if not block:
                block = data[position : min(position + INPUT_BYTES, end)]
                position += INPUT_BYTES if block else 0
                if not block and not piece:
                    return -1
        return -1

    def _spend(self, n_bytes: int) -> None:
        limits = self._budget.limits
        self._budget.unpacked_bytes -= n_bytes
        if self._budget.unpacked_bytes < 0:
            self.limit = f"limit max_unpacked_bytes reached ({limits.max_unpacked_bytes})"
        elif self._out.size > limits.max_member_bytes:
            self.limit = f"limit max_member_bytes reached ({limits.max_member_bytes})"

    def regions(self, superblock: int, element_sizes: Sequence[int]) -> Iterator[Region]:
        """Yield what the chunks hold together, in each order, as it is and with its elements put in order.

        Raises:
            OSError: the temporary folder is full.
        """
        if not self._starts:
            return
        plain = self._out.value()
        for order in self._orders(superblock):
            if isinstance(order, range) or len(order) == 1:
                yield self._region("deflated", plain, self._bounds[order[0]], self._bounds[order[-1] + 1])
            else:
                yield self._region("deflated", self._joined(plain, order, 1))
            for size in element_sizes:
                shuffled = [i for i in order if self._bounds[i + 1] - self._bounds[i] >= 2 * size]
                if shuffled and not self.limit:
                    yield self._region(f"shuffled by {size}", self._joined(plain, shuffled, size))
            if self.limit:
                return

    def _region(self, label: str, data: Buffer, start: int = 0, end: int = -1) -> Region:
        packed = self._node.end - self._node.start
        span = (start, end if end >= 0 else len(data))
        return self._node.unpacked(label, data, packed, span, certain=False).region(search=True)

    def _joined(self, plain: Buffer, order: Sequence[int], size: int) -> Buffer:
        """Return chunks one behind the other, each put in order as a shuffle of elements of `size` bytes wants it."""
        out = Spool(self._budget.limits.max_memory_bytes)
        octets = np.frombuffer(plain, np.uint8)
        for i in order:
            self._budget.check_time()
            lo, hi = self._bounds[i], self._bounds[i + 1]
            n = (hi - lo) // size
            elements = octets[lo : lo + n * size].reshape(size, n).T
            step = max(1, TURN_BYTES // size)
            for first in range(0, n, step):
                out.write(elements[first : first + step].tobytes())
            out.write(plain[lo + n * size : hi])
            self._spend(hi - lo)
            if self.limit:
                break
        return out.value()

    def _orders(self, superblock: int) -> Iterator[Sequence[int]]:
        """Yield the orders in which chunks may belong together, each a list of their numbers."""
        n = len(self._starts)
        yield [i for i in range(n) if i not in self._inner] if self._inner else range(n)
        yield from ([i] for i in sorted(self._inner))
        order = self._by_reference(superblock)
        if len(order) > 1 and (np.diff(order) != 1).any():
            yield order.tolist()

    def _by_reference(self, superblock: int) -> npt.NDArray[np.int64]:
        """Return the chunks in the order in which their addresses are written, as any kind of index lists them."""
        data, start, end = self._node.data, self._node.start, self._node.end
        starts = np.asarray(self._starts) - superblock
        found, count = [], 0
        for window in range(start, end, WINDOW_BYTES):
            self._budget.check_time()
            places, numbers = [], []
            for place in range(window, min(window + 8, end - 7)):
                values = np.frombuffer(data, "<i8", (min(window + WINDOW_BYTES, end - 7) - place + 7) // 8, place)
                near = np.flatnonzero((values >= starts[0]) & (values <= starts[-1]))
                number = np.searchsorted(starts, values[near])
                hit = starts[number] == values[near]
                places.append(place + 8 * near[hit])
                numbers.append(number[hit])
            if places:
                found.append(np.concatenate(numbers)[np.argsort(np.concatenate(places))])
                count += len(found[-1])
            if count > self._budget.limits.max_chunks:
                self.limit = f"limit max_chunks reached ({self._budget.limits.max_chunks})"
                break
        return np.concatenate(found) if found else np.zeros(0, np.int64)


def _is_cut_off(data: Buffer, start: int, superblock: int, end: int) -> bool:
    """Return whether a file ends before its superblock says so, or within it."""
    head = data[superblock : min(superblock + SUPERBLOCK_BYTES, end)].ljust(14, b"\0")
    version = head[8]
    width = head[13] if version < 2 else head[9]
    at = (28 if version == 1 else 24 if version == 0 else 12) + 2 * width
    return end - superblock < at + width or end - start < int.from_bytes(head[at : at + width], "little")


def _uses(data: Buffer, start: int, end: int, name: bytes, number: int) -> bool:
    """Return whether a filter with this name and number is in a pipeline message."""
    place = data.find(name + b"\0", start, end)
    while place >= 0:
        if place >= start + 8 and data[place - 8 : place - 6] == number.to_bytes(2, "little"):
            return True
        place = data.find(name + b"\0", place + 1, end)
    return False


def _deflates(data: Buffer, start: int, end: int) -> Iterator[int]:
    """Yield where a deflate filter is in what looks like a pipeline message."""
    for found in _DEFLATE.finditer(data, start, end):
        behind = found.end() + 6 + int.from_bytes(found[1] or b"", "little")
        if found[1] is None or (data[behind : behind + 1] <= b"\x09" and data[behind + 1 : behind + 4] == bytes(3)):
            yield found.start()


def _element_sizes(data: Buffer, start: int, end: int) -> list[int]:
    """Return the sizes of elements that shuffle filters in front of a deflate filter state (bytes)."""
    sizes = set()
    for found in _SHUFFLE.finditer(data, start, end):
        n_name, count, also_count = struct.unpack_from("<HHH", found[1])
        for is_here, value in ((count == 1, found.end() + 4), (also_count == 1, found.end() + 6 + n_name)):
            behind = (value + 4, min(value + MESSAGE_BYTES, end))
            if is_here and next(_deflates(data, *behind), None) is not None:
                sizes.add(int.from_bytes(data[value : value + 4], "little"))
    return sorted(sizes - {0, 1})
