"""zlib and gzip decompress to what Python's modules say."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from safepickle_dl.embed.inflate import Inflater

CHANCE = random.Random(0)
CONTENTS = [
    b"",
    b"a",
    bytes(70_000),
    b"pickle " * 900,
    CHANCE.randbytes(3000),
    "".join(CHANCE.choices("abcdefgh \n", (9, 5, 4, 3, 2, 1, 1, 1, 5, 1), k=20_000)).encode(),
]


def inflated(data: bytes, limit: int = 1 << 20) -> tuple[bytes, int, bool]:
    """Return what comes out, where the stream ends, and whether it is broken."""
    inflater = Inflater(data, 0, len(data))
    inflater.run(limit)
    return bytes(inflater.out[: inflater.size]), inflater.at, inflater.failed


@pytest.mark.parametrize("content", CONTENTS, ids=len)
@pytest.mark.parametrize("level", [0, 1, 9])
def test_whole_streams(content: bytes, level: int) -> None:
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY):
        squeeze = zlib.compressobj(level, strategy=strategy)
        data = squeeze.compress(content) + squeeze.flush()
        assert inflated(data) == (content, len(data), False)
    data = gzip.compress(content, level)
    assert inflated(data) == (content, len(data), False)


def test_headers_and_what_follows() -> None:
    packed = gzip.compress(b"content")
    body = packed[10:]
    assert inflated(b"\x1f\x8b\x08\x1e" + bytes(6) + b"\3\0abc" + b"name\0comment\0" + b"\0\0" + body)[0] == b"content"
    assert inflated(packed + bytes(5) + packed + b"junk") == (b"contentcontent", 2 * len(packed) + 5, False)
    assert inflated(zlib.compress(b"x") + b"\0junk") == (b"x", len(zlib.compress(b"x")) + 1, False)


def test_it_stops_at_the_limit() -> None:
    for level in (0, 9):
        out, _, failed = inflated(zlib.compress(bytes(70_000), level), 1000)
        assert 1000 <= len(out) < 1300 and not failed


def expected_of(data: bytes) -> tuple[bytes, bool]:
    """Return what zlib gives of raw deflate, byte by byte, and whether the stream ends."""
    decoder, out = zlib.decompressobj(-15), b""
    try:
        for byte in data:
            out += decoder.decompress(bytes([byte]))
            if decoder.eof:
                break
    except zlib.error:
        pass
    return out, decoder.eof


def test_what_is_broken_gives_what_came_before() -> None:
    n_broken = 0
    for _ in range(300):
        content = CHANCE.choice([CHANCE.randbytes(100), b"pickle " * 30, bytes(CHANCE.choices(b"abcdef\n", k=400))])
        squeeze = zlib.compressobj(
            CHANCE.choice([0, 6]), strategy=CHANCE.choice([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED])
        )
        data = bytearray(squeeze.compress(content) + squeeze.flush())
        data[CHANCE.randrange(2, min(len(data), 80))] ^= 1 << CHANCE.randrange(8)
        out, is_whole = expected_of(data[2:])
        found, _, failed = inflated(bytes(data[: CHANCE.choice([len(data), len(data) // 2])]))
        if len(found) < len(out):
            assert failed and found == out[: len(found)]
        else:
            assert found.startswith(out) and (is_whole or failed)
        n_broken += failed
    assert n_broken > 100
    assert inflated(b"\x1f\x8b\x08") == (b"", 3, True)
    assert inflated(b"x\x9c\x07")[2] and inflated(b"x\x9c\x05\xff\xff")[2]
