"""7z archives, without a library: checksums are not believed, and one broken folder does not hide the others.

Read: copy, LZMA, LZMA2, deflate, bzip2, zstd, lz4, and the filters that the standard library knows, in front of LZMA.
Not read, and said so: encryption, PPMd, BCJ2, deflate64.

Source: 7zFormat.txt of the LZMA SDK.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from safepickle_dl.containers.codecs import CODECS, Codec, Decoder, Deflate, lzma_raw
from safepickle_dl.containers.compressed import Inflater
from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Problem

SIGNATURE_BYTES = 32
MAX_HEADERS = 8
"""Headers that are compressed, within each other (levels)."""
MAX_CODERS = 8
MAX_HEADER_BYTES = 256 << 20

END, HEADER, FILES, PACK, UNPACK, SUB, SIZE, CRC, FOLDER, UNPACK_SIZE, N_STREAMS = 0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13
EMPTY_STREAM, NAMES, ENCODED_HEADER = 14, 17, 23

_FILTERS = {
    b"\x03": lzma.FILTER_DELTA,
    b"\x04": lzma.FILTER_X86,
    b"\x05": lzma.FILTER_POWERPC,
    b"\x06": lzma.FILTER_IA64,
    b"\x07": lzma.FILTER_ARM,
    b"\x08": lzma.FILTER_ARMTHUMB,
    b"\x09": lzma.FILTER_SPARC,
    b"\x03\x03\x01\x03": lzma.FILTER_X86,
    b"\x03\x03\x02\x05": lzma.FILTER_POWERPC,
    b"\x03\x03\x04\x01": lzma.FILTER_IA64,
    b"\x03\x03\x05\x01": lzma.FILTER_ARM,
    b"\x03\x03\x07\x01": lzma.FILTER_ARMTHUMB,
    b"\x03\x03\x08\x05": lzma.FILTER_SPARC,
}
_LZMA, _LZMA2 = b"\x03\x01\x01", b"\x21"
_SINGLE = {
    b"\x00": Codec("copy", lambda: _Copy(), several=False),
    b"\x04\x01\x08": Codec("deflate", Deflate, several=False),
    b"\x04\x02\x02": Codec("bzip2", bz2.BZ2Decompressor),
    b"\x04\xf7\x11\x01": CODECS["zstd"],
    b"\x04\xf7\x11\x04": CODECS["lz4"],
}
_UNREAD = {
    b"\x06\xf1\x07\x01": "encrypted",
    b"\x03\x04\x01": "compressed with PPMd",
    b"\x03\x03\x01\x1b": "filtered with BCJ2",
    b"\x04\x01\x09": "compressed with deflate64",
}


class _Copy:
    """Nothing to decompress."""

    eof = False
    needs_input = True
    unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return the data (blocks are small)."""
        return data


@dataclass(slots=True)
class _Folder:
    """Files that were compressed together: in the order of decoding, its coders as (id, properties)."""

    coders: list[tuple[bytes, bytes]]
    n_packed: int
    size: int = 0
    files: list[int] = field(default_factory=list)
    """Sizes of its files (bytes)."""
    start: int = 0
    end: int = 0
    has_digest: bool = False


class _Fields:
    """Reads the fields of a header; running out of bytes is a ValueError."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise ValueError("header too short")
        self.at += size
        return self.data[self.at - size : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        first, mask, value = self.byte(), 0x80, 0
        for i in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * i
            value |= self.byte() << 8 * i
            mask >>= 1
        return value

    def count(self) -> int:
        """Return a number of things that take at least a bit each."""
        value = self.number()
        if value > 8 * len(self.data):
            raise ValueError("count too large")
        return value

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[i // 8] & 0x80 >> i % 8) for i in range(count)]

    def digests(self, count: int) -> list[bool]:
        """Skip checksums; return for which of `count` things there is one."""
        defined = [True] * count if self.byte() else self.bits(count)
        self.take(4 * sum(defined))
        return defined


def open_7z(node: Node) -> Iterator[Node | Problem]:
    """Yield the files of a 7z archive."""
    data, start = node.data, node.start
    base = start + SIGNATURE_BYTES
    offset = int.from_bytes(data[start + 12 : start + 20], "little")
    size = int.from_bytes(data[start + 20 : start + 28], "little")
    if base + offset + size > node.end or size > MAX_HEADER_BYTES or (size == 0 and base < node.end):
        yield node.problem("7z without its header", node.end - start)
        return
    header = bytes(data[base + offset : base + offset + size])
    try:
        for _ in range(MAX_HEADERS):
            if header[:1] != bytes([ENCODED_HEADER]):
                break
            (folder,) = _streams(_Fields(header[1:]), base)
            inflater = _inflater(node, folder)
            if isinstance(inflater, str):
                yield node.problem(f"7z header {inflater}", node.end - start)
                return
            inflater.run(min(folder.size, MAX_HEADER_BYTES))
            header = bytes(inflater.value()[: folder.size])
        folders, names = _archive(_Fields(header), base) if header else ([], [])
    except (ValueError, IndexError, MemoryError) as error:
        yield node.problem(f"corrupt 7z header: {error}", node.end - start)
        return
    first = 0
    for folder in folders:
        yield from _open_folder(node, folder, names[first:])
        first += len(folder.files)


def _open_folder(node: Node, folder: _Folder, names: list[str]) -> Iterator[Node | Problem]:
    inflater = _inflater(node, folder)
    if isinstance(inflater, str):
        yield node.problem(f"7z member {inflater}", folder.end - folder.start, names[0] if names else "")
        return
    inflater.run(folder.size)
    if inflater.failure and inflater.size < folder.size:
        yield node.problem(f"7z: {inflater.failure}", folder.end - folder.start)
    content, at = inflater.value(), 0
    for index, size in enumerate(folder.files):
        if not node.budget.take_member():
            yield node.problem(f"limit max_members reached ({node.budget.limits.max_members})", 1)
            return
        name = names[index] if index < len(names) else f"file {index}"
        end = min(at + size, inflater.size)
        packed = (folder.end - folder.start) * size // max(1, folder.size)
        if at < end:
            yield node.unpacked(name, content, packed, span=(at, end))
        at += size


def _inflater(node: Node, folder: _Folder) -> Inflater | str:
    """Return what decompresses a folder, or why nothing does."""
    codec = _codec(folder.coders)
    if isinstance(codec, str):
        return codec
    start, end = min(folder.start, node.end), min(folder.end, node.end)
    return Inflater(codec, node.data, start, end, node.budget)


def _codec(coders: list[tuple[bytes, bytes]]) -> Codec | str:
    for identity, _ in coders:
        if identity in _UNREAD:
            return f"is {_UNREAD[identity]}"
    if len(coders) == 1 and coders[0][0] in _SINGLE:
        return _SINGLE[coders[0][0]]
    filters: list[dict[str, Any]] = []
    for identity, properties in reversed(coders):  # liblzma wants the order of encoding
        if identity == _LZMA and len(properties) >= 5:
            lclppb = properties[0]
            dictionary = int.from_bytes(properties[1:5], "little")
            spread = {"lc": lclppb % 9, "lp": lclppb // 9 % 5, "pb": lclppb // 45}
            filters.append({"id": lzma.FILTER_LZMA1, "dict_size": max(dictionary, 4096), **spread})
        elif identity == _LZMA2 and properties:
            bits = properties[0]
            dictionary = 0xFFFFFFFF if bits >= 40 else (2 | bits & 1) << (bits // 2 + 11)
            filters.append({"id": lzma.FILTER_LZMA2, "dict_size": dictionary})
        elif identity == b"\x03":
            filters.append({"id": lzma.FILTER_DELTA, "dist": (properties[0] if properties else 0) + 1})
        elif identity in _FILTERS:
            filters.append({"id": _FILTERS[identity]})
        else:
            return f"has the unknown method {identity.hex()}"

    def make() -> Decoder:
        return lzma_raw(filters)

    return Codec("lzma", make, several=False)


def _archive(fields: _Fields, base: int) -> tuple[list[_Folder], list[str]]:
    """Read a header: its folders, and the names of the files that have content."""
    if fields.byte() != HEADER:
        raise ValueError("no header")
    folders: list[_Folder] = []
    names: list[str] = []
    empty: list[bool] = []
    while (kind := fields.byte()) != END:
        if kind == 2:  # archive properties
            while fields.byte() != END:
                fields.take(fields.number())
        elif kind == 3:
            _streams(fields, base)
        elif kind == 4:
            folders = _streams(fields, base)
        elif kind == FILES:
            count = fields.count()
            while (prop := fields.number()) != END:
                body = _Fields(fields.take(fields.number()))
                if prop == EMPTY_STREAM:
                    empty = body.bits(count)
                elif prop == NAMES and body.byte() == 0:
                    text = body.take(len(body.data) - 1).decode("utf-16-le", "replace")
                    names = text.split("\0")[:count]
        else:
            raise ValueError(f"unknown section {kind}")
    filled = [name for index, name in enumerate(names) if not (index < len(empty) and empty[index])]
    return folders, filled


def _streams(fields: _Fields, base: int) -> list[_Folder]:
    """Read a StreamsInfo: where the folders lie, how each is coded, which files are in it."""
    folders: list[_Folder] = []
    packed: list[int] = []
    place = base
    has_files = False
    while (kind := fields.byte()) != END:
        if kind == PACK:
            place += fields.number()
            count = fields.count()
            while (part := fields.byte()) != END:
                if part == SIZE:
                    packed = [fields.number() for _ in range(count)]
                elif part == CRC:
                    fields.digests(count)
                else:
                    raise ValueError(f"unknown field {part}")
        elif kind == UNPACK:
            folders = _folders(fields)
        elif kind == SUB:
            _substreams(fields, folders)
            has_files = True
        else:
            raise ValueError(f"unknown section {kind}")
    for folder in folders:
        folder.start = place
        place += sum(packed[: folder.n_packed])
        folder.end = place
        del packed[: folder.n_packed]
        if not has_files:
            folder.files = [folder.size]
    return folders


def _folders(fields: _Fields) -> list[_Folder]:
    if fields.byte() != FOLDER:
        raise ValueError("no folders")
    count = fields.count()
    if fields.byte():
        raise ValueError("external folders")
    read = [_folder(fields) for _ in range(count)]
    if fields.byte() != UNPACK_SIZE:
        raise ValueError("no sizes")
    for folder, main in read:
        sizes = [fields.number() for _ in folder.coders]
        folder.size = sizes[main]
    while (part := fields.byte()) != END:
        if part != CRC:
            raise ValueError(f"unknown field {part}")
        for (folder, _), has_digest in zip(read, fields.digests(count), strict=True):
            folder.has_digest = has_digest
    return [folder for folder, _ in read]


def _folder(fields: _Fields) -> tuple[_Folder, int]:
    """Read a folder; return it and which coder's output is the folder's."""
    n_coders = fields.number()
    if not 0 < n_coders <= MAX_CODERS:
        raise ValueError(f"{n_coders} coders")
    coders: list[tuple[bytes, bytes]] = []
    n_in = 0
    for _ in range(n_coders):
        flags = fields.byte()
        identity = fields.take(flags & 15)
        inputs = 1
        if flags & 0x10:
            inputs, outputs = fields.number(), fields.number()
            if outputs != 1 or inputs > MAX_CODERS:
                raise ValueError("coder with several outputs")
        properties = fields.take(fields.number()) if flags & 0x20 else b""
        coders.append((identity, properties))
        n_in += inputs
    feeds = [(fields.number(), fields.number()) for _ in range(n_coders - 1)]
    n_packed = n_in - len(feeds)
    if n_packed > 1:
        for _ in range(n_packed):
            fields.number()
    fed = {source: target for target, source in feeds}  # output of a coder -> input of another
    main = next((i for i in range(n_coders) if i not in fed), 0)
    if n_in != n_coders:  # BCJ2 and its like; the codecs say that it is not read
        return _Folder(coders, n_packed), main
    chain, at = [main], main
    source_of = dict(feeds)
    while at in source_of and len(chain) < n_coders:
        at = source_of[at]
        chain.append(at)
    order = [coders[i] for i in reversed(chain) if i < n_coders]  # the packed stream's coder first
    if len(order) != n_coders:
        raise ValueError("coders in a circle")
    return _Folder(order, n_packed), main


def _substreams(fields: _Fields, folders: list[_Folder]) -> None:
    counts = [1] * len(folders)
    kind = fields.byte()
    if kind == N_STREAMS:
        counts = [fields.count() for _ in folders]
        kind = fields.byte()
    for folder, count in zip(folders, counts, strict=True):
        sizes = [fields.number() for _ in range(count - 1)] if kind == SIZE else []
        folder.files = [*sizes, max(0, folder.size - sum(sizes))] if count else []
    if kind == SIZE:
        kind = fields.byte()
    while kind != END:
        if kind != CRC:
            raise ValueError(f"unknown field {kind}")
        fields.digests(sum(c for c, folder in zip(counts, folders, strict=True) if c != 1 or not folder.has_digest))
        kind = fields.byte()
