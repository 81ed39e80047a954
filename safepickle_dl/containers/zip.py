"""Zip archives, read as tolerantly as the most tolerant loader reads them.

CRC, flag bits, names and counts are not believed. Where loaders differ in where they look
(CPython shifts offsets by the data before the archive, torch's miniz does not; both take the last
end record), every place that has the right signature is read.

Source: PKWARE APPNOTE 6.3; CPython `Lib/zipfile`; miniz as torch uses it.
"""

from __future__ import annotations

import re
import struct
from bz2 import BZ2Decompressor
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from lzma import FILTER_LZMA1

from safepickle_dl.containers.codecs import CODECS, Codec, Deflate, lzma_raw
from safepickle_dl.containers.compressed import Inflater, unpack
from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Problem
from safepickle_dl.containers.sniff import END, END_SIZE, MAX_COMMENT_BYTES, ZIP_MAGIC, find_zip_end
from safepickle_dl.reader import Buffer

END64, END64_SIZE = b"PK\x06\x06", 56
LOCATOR, LOCATOR_SIZE = b"PK\x06\x07", 20
CENTRAL, CENTRAL_SIZE = b"PK\x01\x02", 46
LOCAL_SIZE = 30
MAX_END_RECORDS = 64
"""End records of one archive that are followed (count)."""

ENCRYPTED, DESCRIPTOR, UTF8 = 1, 8, 0x800
_ANY_HEADER = re.compile(rb"PK(?:\x03\x04|\x07\x08|\x01\x02)")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a directory says of one member; `local` is where its own header should be."""

    name: str
    flags: int
    method: int
    packed_bytes: int
    size: int
    local: int


@dataclass(frozen=True, slots=True)
class Table:
    """A central directory: where it lies, what its offsets count from, how many it promises."""

    start: int
    base: int
    count: int


def open_zip(node: Node, spans: Sequence[tuple[int, int]]) -> Iterator[Node | Problem]:
    """Yield the members of every directory that an end record reaches, each place once.

    Where the first member is in no directory, the local headers are walked from the start.

    Args:
        node: what ends with an end record, or begins with a local header.
        spans: the members that the caller has been given so far, a list that grows with them: an
            end record within one is that member's own.
    """
    data, low = node.data, max(node.start, node.end - END_SIZE - MAX_COMMENT_BYTES)
    seen: set[tuple[int, int, int]] = set()
    found = empty = listed = False
    record = find_zip_end(data, node.start, node.end)
    for _ in range(MAX_END_RECORDS):
        if record < 0:
            break
        empty = empty or data[record + 10 : record + 12] == b"\0\0"
        if not any(start <= record < end for start, end in spans):
            for table in _tables(node, record):
                found = True
                listed = listed or _lists_first(node, table, record)
                yield from _read_table(node, table, record, seen)
        record = data.rfind(END, low, record)
    if record >= 0:
        yield node.problem(f"more than {MAX_END_RECORDS} zip end records", record - low)
    if not listed and (found or not empty) and data[node.start : node.start + 4] == ZIP_MAGIC:
        yield node.problem("zip members are in no directory" if found else "truncated zip: no directory", 1)
        yield from _members(node, _walk_local(node), seen)


def _lists_first(node: Node, table: Table, end: int) -> bool:
    """Return whether a directory has the member that a node begins with, nearly always as its first entry."""
    return any(table.base + entry.local == node.start for entry in _walk_central(node, table, end))


def _tables(node: Node, record: int) -> Iterator[Table]:
    """Yield the directories that an end record may mean: 32 and 64 bit, shifted or not."""
    data = node.data
    count, size, offset = struct.unpack_from("<HII", data, record + 10)
    last, wide = record, []
    locator = record - LOCATOR_SIZE
    if locator >= node.start and data[locator : locator + 4] == LOCATOR:
        (said,) = struct.unpack_from("<Q", data, locator + 8)
        for place in {node.start + said, locator - END64_SIZE}:
            if node.start <= place <= locator - END64_SIZE and data[place : place + 4] == END64:
                last = min(last, place)
                wide.append((place, *struct.unpack_from("<QQQ", data, place + 32)))
    done = set()
    for place, n_entries, n_bytes, first in [*wide, (last, count, size, offset)]:
        for start in (place - n_bytes, node.start + first):
            inside = node.start <= start <= record - CENTRAL_SIZE
            if inside and start not in done and data[start : start + 4] == CENTRAL:
                done.add(start)
                yield Table(start, start - first, n_entries)


def _read_table(
    node: Node,
    table: Table,
    end: int,
    seen: set[tuple[int, int, int]],
) -> Iterator[Node | Problem]:
    """Yield the members of one directory; complain if it ends before its promised count."""
    count = 0

    def entries() -> Iterator[Entry | Problem]:
        nonlocal count
        for entry in _walk_central(node, table, end):
            count += 1
            there = False
            for local in dict.fromkeys((table.base + entry.local, node.start + entry.local)):
                if node.start <= local <= node.end - LOCAL_SIZE and (node.data[local : local + 4] == ZIP_MAGIC):
                    there = True
                    yield replace(entry, local=local)
            if not there:
                yield node.problem("zip member not found", entry.packed_bytes, entry.name)

    yield from _members(node, entries(), seen)
    if count < table.count and node.budget.members >= 0:
        yield node.problem(f"zip directory has {count} of {table.count} members", 1)


def _walk_central(node: Node, table: Table, end: int) -> Iterator[Entry]:
    data, position = node.data, table.start
    while position + CENTRAL_SIZE <= end and data[position : position + 4] == CENTRAL:
        flags, method = struct.unpack_from("<HH", data, position + 8)
        packed, size, n_name, n_extra, n_comment = struct.unpack_from("<IIHHH", data, position + 20)
        (local,) = struct.unpack_from("<I", data, position + 42)
        names = position + CENTRAL_SIZE
        extra = data[names + n_name : min(names + n_name + n_extra, end)]
        size, packed, local = _zip64(extra, size, packed, local)
        name = _text(data[names : min(names + n_name, end)], flags)
        yield Entry(name, flags, method, packed, size, local)
        position = names + n_name + n_extra + n_comment


def _walk_local(node: Node) -> Iterator[Entry | Problem]:
    """Yield members by their own headers; a member of unknown length ends at the next header."""
    data, position = node.data, node.start
    while 0 <= position <= node.end - LOCAL_SIZE:
        flags, method = struct.unpack_from("<HH", data, position + 6)
        packed, size, n_name, n_extra = struct.unpack_from("<IIHH", data, position + 18)
        names = position + LOCAL_SIZE
        extra = data[names + n_name : min(names + n_name + n_extra, node.end)]
        size, packed, _ = _zip64(extra, size, packed, 0)
        body = min(names + n_name + n_extra, node.end)
        if flags & DESCRIPTOR and not packed:
            following = _ANY_HEADER.search(data, body, node.end)
            packed = (following.start() if following else node.end) - body
        name = _text(data[names : min(names + n_name, node.end)], flags)
        yield Entry(name, flags, method, packed, size, position)
        position = data.find(ZIP_MAGIC, min(body + packed, node.end), node.end)


def _zip64(extra: bytes, size: int, packed: int, local: int) -> tuple[int, int, int]:
    """Replace those of the three values that are all ones by their 64-bit forms."""
    values = [size, packed, local]
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            field = position + 4
            for index, value in enumerate(values):
                if value == 0xFFFFFFFF and field + 8 <= len(extra):
                    (values[index],) = struct.unpack_from("<Q", extra, field)
                    field += 8
            break
        position += 4 + length
    return values[0], values[1], values[2]


def _text(raw: bytes, flags: int) -> str:
    return raw.decode("utf-8" if flags & UTF8 else "cp437", errors="replace")


def _members(
    node: Node,
    entries: Iterator[Entry | Problem],
    seen: set[tuple[int, int, int]],
) -> Iterator[Node | Problem]:
    """Yield what the entries hold, each place once, until the members run out."""
    budget, unread = node.budget, node.end - node.start
    for entry in entries:
        if not budget.take_member():
            yield node.problem(f"limit max_members reached ({budget.limits.max_members})", unread)
            return
        if isinstance(entry, Problem):
            yield entry
            continue
        n_name, n_extra = struct.unpack_from("<HH", node.data, entry.local + 26)
        start = min(entry.local + LOCAL_SIZE + n_name + n_extra, node.end)
        end = min(start + entry.packed_bytes, node.end)
        unread = max(1, unread - (end - start))
        if (start, end, entry.method) in seen:
            continue
        seen.add((start, end, entry.method))
        if start + entry.packed_bytes > node.end:
            yield node.problem("truncated zip member", 1, entry.name)
        yield from _content(node, entry, start, end)


def _content(node: Node, entry: Entry, start: int, end: int) -> Iterator[Node | Problem]:
    encrypted = bool(entry.flags & ENCRYPTED)
    if entry.method == 0:
        if encrypted and entry.packed_bytes == entry.size + 12:
            yield node.problem("encrypted zip member", end - start, entry.name)
        yield node.child(entry.name, start, end)
        return
    codec, start = _codec(node.data, entry.method, start, end)
    if codec is None:
        message = f"zip method {entry.method} is not supported"
        yield node.problem(message, end - start, entry.name)
        return
    inflater = Inflater(codec, node.data, start, end, node.budget)
    yield from unpack(node, entry.name, inflater, start, end)
    enough = inflater.failure.startswith("truncated") and inflater.size >= entry.size
    if inflater.failure and not enough:
        message = "encrypted or " * encrypted + inflater.failure
        yield node.problem(message, end - start, entry.name)


def _codec(data: Buffer, method: int, start: int, end: int) -> tuple[Codec | None, int]:
    """Return how to decompress a member, and where the compressed data begins."""
    if method == 8:
        return Codec("deflate", Deflate, several=False), start
    if method == 12:
        return Codec("bzip2", BZ2Decompressor, several=False), start
    if method in (20, 93):
        return CODECS["zstd"], start
    if method == 14 and start + 9 <= end:
        n_properties, properties, dictionary = struct.unpack_from("<HBI", data, start + 2)
        lzma1 = {
            "id": FILTER_LZMA1,
            "lc": properties % 9,
            "lp": properties // 9 % 5,
            "pb": properties // 45,
            "dict_size": dictionary,
        }
        return Codec("lzma", lambda: lzma_raw([lzma1]), several=False), min(start + 4 + n_properties, end)
    return None, start
