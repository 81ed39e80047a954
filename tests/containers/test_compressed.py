from __future__ import annotations

import bz2
import lzma
import random
import zlib
from collections.abc import Callable

import pytest

from safepickle_dl.limits import Limits
from tests.containers.wrap import NOISE, OTHER, PICKLE, Member, gzipped, look, zipped


def lzma_alone(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_ALONE)


Compress = Callable[[bytes], bytes]
KINDS: list[tuple[str, Compress]] = [
    ("gzip", gzipped),
    ("bzip2", bz2.compress),
    ("xz", lzma.compress),
    ("lzma", lzma_alone),
    ("zlib", zlib.compress),
]
each_kind = pytest.mark.parametrize(("kind", "compress"), KINDS, ids=[kind for kind, _ in KINDS])
RANDOM = random.Random(1).randbytes(300_000)


@each_kind
def test_content_is_found(kind: str, compress: Compress) -> None:
    for content in (PICKLE, PICKLE + RANDOM):
        found = look(compress(content))
        assert found.regions == [(kind, content)]
        assert found.problems == []


@each_kind
def test_streams_in_a_row_are_one(kind: str, compress: Compress) -> None:
    half = len(PICKLE) // 2
    found = look(compress(PICKLE[:half]) + compress(PICKLE[half:]) + bytes(8))
    assert found.regions == [(kind, PICKLE)]
    assert found.problems == []


@each_kind
def test_truncation_keeps_what_came_out(kind: str, compress: Compress) -> None:
    packed = compress(PICKLE + RANDOM)
    found = look(packed[: len(packed) * 3 // 4])
    if kind == "bzip2":  # one block holds all of it
        assert found.regions == []
    else:
        ((name, content),) = found.regions
        assert name == kind
        assert (PICKLE + RANDOM).startswith(content) and len(content) > 100_000
    assert found.messages == [f"truncated {kind} data"]


@pytest.mark.parametrize("kind", ["gzip", "zlib"])
def test_corruption_keeps_what_is_before_it(kind: str) -> None:
    squeeze = zlib.compressobj(wbits=31 if kind == "gzip" else 15)
    packed = squeeze.compress(PICKLE + NOISE[:100]) + squeeze.flush(zlib.Z_FULL_FLUSH)
    found = look(packed + b"\x07" + bytes(50))
    ((_, content),) = found.regions
    assert content in (PICKLE + NOISE[:100], PICKLE + NOISE[:99])  # zlib may keep the last one
    assert found.messages[0].startswith(f"corrupt {kind} data")


@pytest.mark.parametrize("kind", ["gzip", "zlib"])
def test_checksums_are_not_believed(kind: str) -> None:
    packed = bytearray(dict(KINDS)[kind](PICKLE))
    packed[-8 if kind == "gzip" else -4] ^= 0xFF
    found = look(bytes(packed))
    assert found.regions == [(kind, PICKLE)]
    assert found.problems == []


def test_gzip_header_fields_are_skipped() -> None:
    plain = gzipped(PICKLE)
    fields = b"\x03\x00abc" + b"name\0" + b"comment\0" + b"\0\0"
    packed = plain[:3] + bytes([0x1E | 0x20]) + plain[4:10] + fields + plain[10:]
    assert look(packed).regions == [("gzip", PICKLE)]


@each_kind
def test_what_follows_is_examined(kind: str, compress: Compress) -> None:
    packed = compress(PICKLE + NOISE)
    found = look(packed + OTHER)
    assert found.regions == [(kind, PICKLE + NOISE), (f"trailing@{len(packed)}", OTHER)]
    found = look(packed + bytes(100))
    assert found.regions == [(kind, PICKLE + NOISE)]
    assert found.problems == []


@each_kind
def test_data_without_a_pickle_is_not_inflated_whole(kind: str, compress: Compress) -> None:
    packed = compress(NOISE + bytes(8 << 20))
    found = look(packed, Limits(max_unpacked_bytes=1 << 17))
    assert found.regions == [] and found.problems == []


@each_kind
def test_bombs_are_bounded(kind: str, compress: Compress) -> None:
    found = look(compress(PICKLE + bytes(4 << 20)), Limits(max_member_bytes=100_000))
    assert 100_000 < len(found.regions[0][1]) < 200_000
    assert found.messages == ["limit max_member_bytes reached (100000)"]


def test_the_ratio_limit() -> None:
    found = look(bz2.compress(PICKLE + bytes(40 << 20)), Limits(max_ratio=1000))
    assert found.messages == ["limit max_ratio reached (1000)"]


@each_kind
def test_compressed_members_and_layers(kind: str, compress: Compress) -> None:
    found = look(zipped([Member(b"a.pkl.z", compress(compress(PICKLE)), 8)]))
    assert found.regions == [(f"a.pkl.z!{kind}!{kind}", PICKLE)]
    assert found.problems == []


def test_many_empty_streams_count_as_members() -> None:
    found = look(gzipped(b"") * 100 + gzipped(PICKLE), Limits(max_members=50))
    assert found.messages == ["limit max_members reached (50)"]


@pytest.mark.parametrize("data", [b"x^2 + y^2 = z^2, said the text", b"x\x9c" + NOISE])
def test_a_chance_zlib_header_is_no_problem(data: bytes) -> None:
    assert look(data).problems == []


def test_a_pickle_that_looks_like_zlib_is_still_a_pickle() -> None:
    data = b"(S'a'\ntR."
    assert (ord("(") << 8 | ord("S")) % 31 == 0
    assert ("", data) in look(data).regions
    assert look(data).problems == []


def test_integers_that_look_like_lzma_are_no_problem() -> None:
    rows = b"".join(i.to_bytes(8, "little") for i in (93, 3, 7, *range(200)))
    assert look(rows).problems == []
