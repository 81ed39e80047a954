"""What the first bytes of something say it is. Names and extensions are never asked."""

from __future__ import annotations

import re

from safepickle_dl.reader import Buffer

OPCODES = frozenset(b"(.012BCFGIJKLMNPQRSTUVX]abcdeghijlopqrstu})" + bytes(range(0x80, 0x99)))
"""The first byte of a pickle is one of these 68.

Source: CPython `Lib/pickle.py`.
"""

HEAD_BYTES = 1 << 16
"""How much of a compressed member is decompressed to learn whether the rest matters (bytes)."""

ZIP_MAGIC = b"PK\x03\x04"
END, END_SIZE = b"PK\x05\x06", 22
"""Of a zip archive: the record that it ends with, but for a comment."""
MAX_COMMENT_BYTES = 0xFFFF
NPY_MAGIC = b"\x93NUMPY"
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_BZIP2_LENGTH = 0x31000000
"""`BZh91` read as BINBYTES asks for more than this (bytes)."""

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_LZ4_MAGICS = (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SEVENZIP_MAGIC = b"7z\xbc\xaf\x27\x1c"
SQLITE_MAGIC = b"SQLite format 3\0"
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[{\[][ \t\r\n]*[\"{\[]")


def compression(head: bytes) -> str:
    """Name the single-stream compression that begins here, or ""."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in _BZIP2_BLOCKS:
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if head.startswith(_LZ4_MAGICS):
        return "lz4"
    if head.startswith(_ZSTD_MAGIC):
        return "zstd"
    if head.startswith(b"ZF0x"):
        return "joblib-zf"
    if _is_lzma(head):
        return "lzma"
    if _is_zlib(head):
        return "zlib"
    return ""


def _is_zlib(head: bytes) -> bool:
    """Whether a zlib header is here: any window size, no preset dictionary (RFC 1950)."""
    if len(head) < 3:
        return False
    return head[0] & 0x8F == 8 and not head[1] & 0x20 and (head[0] << 8 | head[1]) % 31 == 0


def _is_lzma(head: bytes) -> bool:
    """Whether a .lzma header is here, by the tests that liblzma makes for FORMAT_AUTO."""
    if len(head) < 14 or head[0] >= 225 or head[13] != 0:
        return False
    dictionary = int.from_bytes(head[1:5], "little")
    size = int.from_bytes(head[5:13], "little")
    top = 1 << max(0, dictionary.bit_length() - 1)
    plain = dictionary in (0, 0xFFFFFFFF, top, top | top >> 1)
    return plain and (size == (1 << 64) - 1 or 0 < size < 1 << 38)


def is_skippable(head: bytes) -> bool:
    """Whether a skippable frame of lz4 or zstd is here."""
    return len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F


def is_json(head: bytes) -> bool:
    """Whether a JSON object or array may begin here."""
    return _JSON.match(head) is not None


def is_tar(head: bytes) -> bool:
    """Whether a tar header is here: the `ustar` magic, or a checksum that is right."""
    if head[257:262] == b"ustar":
        return True
    if len(head) < 512:
        return False
    field = head[148:156].strip(b" \0")
    if not field or field.strip(b"01234567"):
        return False
    total = sum(head[:148]) + 8 * 0x20 + sum(head[156:512])
    return int(field, 8) == total


def find_zip_end(data: Buffer, start: int, end: int) -> int:
    """Return the offset of the last end record of a zip archive that the tail holds, or -1."""
    low = max(start, end - END_SIZE - MAX_COMMENT_BYTES)
    return data.rfind(END, low, end - END_SIZE + len(END)) if end - low >= END_SIZE else -1


def find_superblock(data: Buffer, start: int, end: int) -> int:
    """Return where the superblock of an HDF5 file is, or -1.

    It is at the start, or behind a block of the user's own (512 bytes, 1,024 ...).
    """
    offset = 0
    while start + offset + len(HDF5_MAGIC) <= end:
        if data[start + offset : start + offset + len(HDF5_MAGIC)] == HDF5_MAGIC:
            return start + offset
        offset = 2 * offset or 512
    return -1


def may_be_pickle(head: bytes, size: int) -> bool:
    """Whether a loader could begin to unpickle here, as far as the first bytes tell.

    Args:
        head: the first bytes.
        size: the length of all that follows, `head` included (bytes).
    """
    if not head or head[0] not in OPCODES:
        return False
    if head.startswith((ZIP_MAGIC, NPY_MAGIC, SQLITE_MAGIC)):
        return False
    kind = compression(head)
    if kind == "bzip2":
        return size > _BZIP2_LENGTH
    if kind == "zstd":  # "(" then opcode 0xb5: no loader gets further
        return False
    return not (kind == "lzma" and head[1] == 0)


def could_matter(head: bytes) -> bool:
    """Whether it is worth reading on: a pickle or a container may begin here."""
    return bool(
        may_be_pickle(head, len(head))
        or head.startswith((ZIP_MAGIC, NPY_MAGIC, HDF5_MAGIC, SEVENZIP_MAGIC, SQLITE_MAGIC))
        or compression(head)
        or is_skippable(head)
        or is_tar(head)
        or is_json(head)
    )
