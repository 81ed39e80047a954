"""Archives in memory, with every lie that their headers can tell.

Source: PKWARE APPNOTE 6.3; `lz4_Frame_format.md` 1.6; RFC 8878 (zstd); `7zFormat.txt` of 7-Zip.
"""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One zip member."""

    name: bytes
    data: bytes
    method: int = 0
    """0: stored; 8: deflated; 93: a zstd frame; any other: stored, and called something else."""
    flags: int = 0
    crc: int | None = None
    """What both headers say; None: the truth. So is `size`."""
    size: int | None = None
    local_name: bytes | None = None
    """The name in the member's own header; None: the directory's."""
    align: int = 0
    """The data begins at a multiple of this many bytes, behind a padding field as torch writes it."""


def zipped(members: Sequence[Member], *, shift: int = 0, zip64: bool = False, count: int | None = None) -> bytes:
    """Return a zip archive.

    Args:
        members: in the order in which they are written.
        shift: the bytes that will stand before the archive: its offsets count them.
        zip64: whether sizes and offsets are in their 64-bit fields.
        count: of members, as the end record says; None: the truth.
    """
    body, directory = bytearray(), bytearray()
    for member in members:
        packed = member.data
        if member.method == 8:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = squeeze.compress(member.data) + squeeze.flush()
        elif member.method == 93:
            packed = zstd_framed(member.data)
        size = len(member.data) if member.size is None else member.size
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        local_name = member.name if member.local_name is None else member.local_name
        offset = len(body) + shift
        common = struct.pack("<HHHHI", member.flags, member.method, 0, 0x21, crc)
        extra = struct.pack("<HHQQQ", 1, 24, size, len(packed), offset) if zip64 else b""
        wide = 0xFFFFFFFF
        sizes = struct.pack("<II", wide, wide) if zip64 else struct.pack("<II", len(packed), size)
        local_extra = extra
        if member.align:
            n_pad = -(len(body) + 30 + len(local_name) + len(extra) + 4) % member.align
            local_extra += b"FB" + struct.pack("<H", n_pad) + b"Z" * n_pad
        body += b"PK\x03\x04" + struct.pack("<H", 20) + common + sizes
        body += struct.pack("<HH", len(local_name), len(local_extra)) + local_name + local_extra + packed
        directory += b"PK\x01\x02" + struct.pack("<HH", 20, 20) + common + sizes
        directory += struct.pack("<HH", len(member.name), len(extra))
        directory += struct.pack("<HHHII", 0, 0, 0, 0, wide if zip64 else offset)
        directory += member.name + extra
    n = len(members) if count is None else count
    start, end = len(body) + shift, b""
    if zip64:
        end += b"PK\x06\x06" + struct.pack("<QHHII", 44, 45, 45, 0, 0)
        end += struct.pack("<QQQQ", n, n, len(directory), start)
        end += b"PK\x06\x07" + struct.pack("<IQI", 0, start + len(directory), 1)
        end += b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, wide, wide, 0)
    else:
        end += b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, n, n, len(directory), start, 0)
    return bytes(body + directory) + end


def tarred(members: Sequence[tuple[str, bytes]], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return a tar archive of (name, data) in a `tarfile` format."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def gzipped(data: bytes) -> bytes:
    """Compress without a time stamp."""
    return gzip.compress(data, mtime=0)


def _xxh32_of_few(data: bytes) -> int:
    """Return the xxHash32 of fewer than four bytes, as lz4 headers hold it."""
    value = (374761393 + len(data)) & 0xFFFFFFFF
    for byte in data:
        value = (value + byte * 374761393) & 0xFFFFFFFF
        value = (value << 11 | value >> 21) * 2654435761 & 0xFFFFFFFF
    for shift, factor in ((15, 2246822519), (13, 3266489917), (16, 1)):
        value = (value ^ value >> shift) * factor & 0xFFFFFFFF
    return value


def lz4_framed(data: bytes) -> bytes:
    """Return an lz4 frame of uncompressed blocks."""
    descriptor = b"\x60\x70"  # version 1, independent blocks of up to 4 MiB, no checksums
    out = [b"\x04\x22\x4d\x18", descriptor, bytes([_xxh32_of_few(descriptor) >> 8 & 255])]
    for start in range(0, len(data), 4 << 20):
        block = data[start : start + (4 << 20)]
        out += [struct.pack("<I", len(block) | 1 << 31), block]
    return b"".join(out) + bytes(4)


def zstd_framed(data: bytes) -> bytes:
    """Return a zstd frame of uncompressed blocks."""
    out = [b"\x28\xb5\x2f\xfd\xe0", struct.pack("<Q", len(data))]  # a single segment of a stated size
    step = 1 << 17
    for start in range(0, max(len(data), 1), step):
        block = data[start : start + step]
        last = start + step >= len(data)
        out += [struct.pack("<I", len(block) << 3 | last)[:3], block]
    return b"".join(out)


def seven_zipped(name: str, data: bytes) -> bytes:
    """Return a 7z archive of one file, packed with LZMA2."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)

    def number(value: int) -> bytes:
        return b"\xff" + struct.pack("<Q", value)

    pack_info = b"\x06" + number(0) + number(1) + b"\x09" + number(len(packed)) + b"\0"
    coder = b"\x21\x21\x01\x10"  # LZMA2, with one byte of properties: a dictionary of 1 MiB
    folders = b"\x07\x0b" + number(1) + b"\0" + number(1) + coder
    unpack_info = folders + b"\x0c" + number(len(data)) + b"\0"
    digests = b"\x08\x0a\x01" + struct.pack("<I", zlib.crc32(data)) + b"\0"
    names = b"\0" + name.encode("utf-16-le") + b"\0\0"
    files = b"\x05" + number(1) + b"\x11" + number(len(names)) + names + b"\0"
    header = b"\x01\x04" + pack_info + unpack_info + digests + b"\0" + files + b"\0"
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header
