"""Whatever the bytes are: it ends, it raises nothing, and its answers are well formed."""

from __future__ import annotations

import bz2
import lzma
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl.limits import Limits
from tests.containers.test_npy import npy
from tests.containers.wrap import OTHER, PICKLE, Member, gzipped, look, tarred, zipped

SMALL = Limits(max_depth=4, max_members=200, max_unpacked_bytes=1 << 22, max_member_bytes=1 << 20)
MEMBERS = [Member(b"a", PICKLE), Member(b"b", OTHER, 8), Member(b"c", npy("'O'"), 8)]
HOSTS = [
    zipped(MEMBERS),
    zipped(MEMBERS, zip64=True),
    zipped([Member(b"z", zipped(MEMBERS)), Member(b"t", tarred([("n", PICKLE)]), 8)]),
    tarred([("name", PICKLE), ("n" * 150, OTHER)], 1),
    tarred([("name", PICKLE), ("n" * 150, OTHER)], 2),
    gzipped(tarred([("name", PICKLE)])),
    gzipped(PICKLE) + gzipped(OTHER),
    bz2.compress(PICKLE),
    lzma.compress(PICKLE),
    lzma.compress(PICKLE, lzma.FORMAT_ALONE),
    zlib.compress(PICKLE),
    npy("[('a', '|O')]"),
    PICKLE,
]
MAGICS = [b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"]\0\0", b"x\x9c"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"", b"\x93NUMPY\x01\0", *MAGICS]), st.binary(max_size=700))
def test_random_bytes(magic: bytes, data: bytes) -> None:
    look(magic + data, SMALL)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(HOSTS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
    st.sampled_from([*HOSTS, b""]),
)
def test_mutated_containers(host: bytes, changes: list[tuple[float, int]], cut: float, tail: bytes) -> None:
    data = bytearray(host)
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    look(bytes(data[: int(cut * len(data))]) + tail, SMALL)
    look(bytes(data), SMALL)


@pytest.mark.parametrize("host", HOSTS, ids=range(len(HOSTS)))
def test_every_truncation(host: bytes) -> None:
    for end in range(0, len(host), 1 + len(host) // 150):
        look(host[:end], SMALL)


@pytest.mark.parametrize("host", HOSTS[:4], ids=range(4))
def test_every_byte_turned(host: bytes) -> None:
    for place in range(0, len(host), 1 + len(host) // 400):
        for value in (0x00, 0xFF, host[place] ^ 0x80):
            look(host[:place] + bytes([value]) + host[place + 1 :], SMALL)
