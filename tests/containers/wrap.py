"""Containers made in memory around an inert pickle; nothing here is ever unpickled."""

from __future__ import annotations

import lzma
import pickle
import struct
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from safepickle_dl.containers import Problem, Region, open_file
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer
from train.corpus.files.archives import Member, gzipped, tarred, zipped

__all__ = ["NOISE", "OTHER", "PICKLE", "Found", "Member", "gzipped", "look", "tarred", "zipped"]

PICKLE = pickle.dumps({"weights": [1, 2, 3], "name": "inert"}, protocol=2)
OTHER = pickle.dumps(["another", 4.5], protocol=4)
NOISE = bytes(3 * i % 251 + 5 for i in range(3000)).replace(b"PK", b"..")
"""Begins with no opcode and no magic number."""


@dataclass(frozen=True)
class Found:
    """What `open_file` yields: the regions where a loader begins to read, and what went wrong."""

    regions: list[tuple[str, bytes]]
    problems: list[Problem]

    @property
    def messages(self) -> list[str]:
        return [problem.message for problem in self.problems]


def look(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Found:
    """Open `data` to the end and check what holds for every answer."""
    found = Found([], [])
    for item in open_file(data, limits):
        if isinstance(item, Region):
            assert 0 <= item.start < item.end <= len(item.data)
            if item.certain:
                found.regions.append((item.name, item.data[item.start : item.end]))
        elif isinstance(item, Problem):
            assert 1 <= item.unread_bytes <= len(data)
            found.problems.append(item)
    return found


def zstandard(data: bytes) -> bytes:
    """Compress as zstd."""
    zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    packed: bytes = zstd.compress(data)
    return packed


def lz4_framed(data: bytes) -> bytes:
    """Write an LZ4 frame whose blocks are literals only."""
    out = b"\x04\x22\x4d\x18\x60\x40\x82"
    for start in range(0, len(data), 60_000):
        piece = data[start : start + 60_000]
        extra, rest = b"", len(piece)
        if rest >= 15:
            extra = b"\xff" * ((rest - 15) // 255) + bytes([(rest - 15) % 255])
        block = bytes([min(rest, 15) << 4]) + extra + piece
        out += struct.pack("<I", len(block)) + block
    return out + bytes(4)


def sevenzipped(files: Sequence[tuple[str, bytes]], method: str = "lzma2") -> bytes:
    """Write a 7z archive of one folder, its header not compressed."""
    content = b"".join(data for _, data in files)
    coder = b"\x01\x00"
    packed = content
    if method == "lzma2":
        chain = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
        packed = lzma.compress(content, lzma.FORMAT_RAW, filters=chain)
        coder = b"\x21\x21\x01\x08"
    sizes = b"".join(_number(len(data)) for _, data in files[:-1])
    names = b"".join(name.encode("utf-16-le") + b"\0\0" for name, _ in files)
    streams = b"\x06\0\x01\x09" + _number(len(packed)) + b"\0"
    streams += b"\x07\x0b\x01\0\x01" + coder + b"\x0c" + _number(len(content)) + b"\0"
    streams += b"\x08\x0d" + _number(len(files)) + (b"\x09" + sizes if len(files) > 1 else b"") + b"\0"
    header = b"\x01\x04" + streams + b"\0"
    header += b"\x05" + _number(len(files)) + b"\x11" + _number(1 + len(names)) + b"\0" + names + b"\0\0"
    where = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<I", zlib.crc32(where)) + where + packed + header


def _number(value: int) -> bytes:
    """A 7z number, in its longest form."""
    return b"\xff" + struct.pack("<Q", value)
