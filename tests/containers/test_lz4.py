from __future__ import annotations

import base64
import struct

import pytest

from safepickle_dl.containers.lz4 import Lz4Frame, decode_block
from tests.containers.wrap import NOISE, OTHER, PICKLE, look, lz4_framed, zstandard

CONTENT = PICKLE + bytes(200) + PICKLE * 3 + b"abcabcabc" * 30
PACKED = {
    "linked": (
        "BCJNGGhAtgIAAAAAAABNUwAAAP8qgAJ9cQAoWAcAAAB3ZWlnaHRzcQFdcQIoSwFLAksDZVgEAAAAbmFtZXEDWAUAAABpbmVydHEE"
        "dS4AAQC0DwABJQ84AF0/YWJjAwDzUGJjYWJjAAAAAA=="
    ),
    "independent": (
        "BCJNGGhAtgIAAAAAAABNUwAAAP8qgAJ9cQAoWAcAAAB3ZWlnaHRzcQFdcQIoSwFLAksDZVgEAAAAbmFtZXEDWAUAAABpbmVydHEE"
        "dS4AAQC0DwABJQ84AF0/YWJjAwDzUGJjYWJjAAAAAA=="
    ),
    "checksums": (
        "BCJNGHxAtgIAAAAAAAAaUwAAAP8qgAJ9cQAoWAcAAAB3ZWlnaHRzcQFdcQIoSwFLAksDZVgEAAAAbmFtZXEDWAUAAABpbmVydHEE"
        "dS4AAQC0DwABJQ84AF0/YWJjAwDzUGJjYWJjLGe3lwAAAAB0vVqw"
    ),
    "no size": (
        "BCJNGGBAglMAAAD/KoACfXEAKFgHAAAAd2VpZ2h0c3EBXXECKEsBSwJLA2VYBAAAAG5hbWVxA1gFAAAAaW5lcnRxBHUuAAEAtA8A"
        "ASUPOABdP2FiYwMA81BiY2FiYwAAAAA="
    ),
}
"""What the reference library made of CONTENT."""


@pytest.mark.parametrize("kind", PACKED)
def test_what_the_library_wrote_is_read(kind: str) -> None:
    found = look(base64.b64decode(PACKED[kind]))
    assert found.regions == [("lz4", CONTENT)]
    assert found.problems == []


def test_matches_that_overlap_and_reach_into_the_block_before() -> None:
    assert decode_block(b"\x1f\x61\x01\x00\x02\x10\x62", b"") == b"a" * 22 + b"b"
    assert decode_block(b"\x04\x03\x00\x10\x21", b"xyz") == b"xyzxyzxy!"


@pytest.mark.parametrize("block", [b"\x10a\0\0", b"\x10a\x02\0", b"\x1fa\x01\0" + b"\xff" * 40_000])
def test_malformed_blocks(block: bytes) -> None:
    with pytest.raises(ValueError, match=r"match before the start|block too large"):
        decode_block(block, b"")


def test_several_frames_skippable_ones_and_what_follows() -> None:
    frame = lz4_framed(PICKLE)
    assert look(frame + lz4_framed(OTHER)).regions == [("lz4", PICKLE + OTHER)]
    skip = b"\x55\x2a\x4d\x18" + struct.pack("<I", 5) + b"hello"
    assert look(skip + frame).regions[-1] == ("behind@13!lz4", PICKLE)
    assert look(zstandard(PICKLE) + OTHER).regions == [("zstd", PICKLE), (f"trailing@{len(zstandard(PICKLE))}", OTHER)]


def test_legacy_frames() -> None:
    block = bytes([0xF0, len(PICKLE) - 15]) + PICKLE
    assert look(b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block).regions == [("lz4", PICKLE)]


def test_byte_by_byte() -> None:
    frame, decoder, out = lz4_framed(NOISE), Lz4Frame(), b""
    for i in range(len(frame)):
        out += decoder.decompress(frame[i : i + 1], 1 << 20)
    assert out == NOISE and decoder.eof
