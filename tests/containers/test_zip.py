from __future__ import annotations

import bz2
import io
import lzma
import struct
import zipfile

import pytest

from safepickle_dl.limits import Limits
from tests.containers.wrap import NOISE, OTHER, PICKLE, Member, look, zipped


@pytest.mark.parametrize("method", [0, 8, 12, 14])
@pytest.mark.parametrize("name", ["archive/data.pkl", "notes.txt", "é/✓", "../up"])
def test_members_are_found_under_any_name(method: int, name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, PICKLE)
        archive.writestr("archive/data/0", NOISE)
        archive.writestr("archive/version", "3\n")
    found = look(file.getvalue())
    assert found.regions == [(name, PICKLE)]
    assert found.problems == []


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("prefix", [b"", b"\0" * 99])
@pytest.mark.parametrize("shifted", [False, True])
def test_data_before_the_archive(method: int, zip64: bool, prefix: bytes, shifted: bool) -> None:
    members = [Member(b"a", PICKLE, method), Member(b"b", OTHER, method)]
    data = prefix + zipped(members, zip64=zip64, shift=len(prefix) if shifted else 0)
    found = look(data)
    assert found.regions == [("a", PICKLE), ("b", OTHER)]
    assert found.problems == []


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("flags", [0x1, 0x20, 0x40, 0x2000, 0xFFFF & ~0x8])
def test_flags_and_checksums_are_not_believed(method: int, flags: int) -> None:
    data = zipped([Member(b"data.pkl", PICKLE, method, flags, crc=123)])
    assert look(data).regions == [("data.pkl", PICKLE)]
    assert look(data).problems == []


def test_encrypted_members_are_problems() -> None:
    stored = Member(b"a", NOISE, flags=1, size=len(NOISE) - 12)
    found = look(zipped([stored]))
    assert found.regions == []
    assert found.messages == ["encrypted zip member"]
    data = bytearray(zipped([Member(b"b", PICKLE, 8, flags=1)]))
    place = data.find(b"b") + 1
    data[place : place + 8] = b"\xff" * 8
    assert look(bytes(data)).messages[0].startswith("encrypted or corrupt")


def test_duplicate_names_are_all_read() -> None:
    data = zipped([Member(b"data.pkl", PICKLE), Member(b"data.pkl", OTHER)])
    assert look(data).regions == [("data.pkl", PICKLE), ("data.pkl", OTHER)]


def test_an_archive_in_an_archive_has_a_joined_name() -> None:
    inner = zipped([Member(b"in/data.pkl", PICKLE, 8)])
    for method in (0, 8):
        found = look(zipped([Member(b"x", OTHER), Member(b"model.bin", inner, method)]))
        assert found.regions == [("x", OTHER), ("model.bin!in/data.pkl", PICKLE)]
        assert found.problems == []


def test_a_comment_may_hold_another_end_record() -> None:
    comment = b"PK\x05\x06" + bytes(18)
    data = zipped([Member(b"a", PICKLE)])
    data = data[:-2] + struct.pack("<H", len(comment)) + comment
    assert look(data).regions == [("a", PICKLE)]


def test_two_archives_in_a_row_are_both_read() -> None:
    data = zipped([Member(b"a", PICKLE)]) + zipped([Member(b"b", OTHER)])
    assert {("a", PICKLE), ("b", OTHER)} <= set(look(data).regions)


def test_both_places_are_read_where_loaders_differ() -> None:
    """Offset 0 from the file's start, and from the archive's: both have a local header."""
    first = zipped([Member(b"x", OTHER)])
    prefix = first[: first.find(b"PK\x01\x02")]
    found = look(prefix + zipped([Member(b"x", PICKLE[: len(OTHER)])]))
    assert {data for _, data in found.regions} == {PICKLE[: len(OTHER)], OTHER}


@pytest.mark.parametrize("method", [0, 8])
def test_without_a_directory_the_local_headers_are_walked(method: int) -> None:
    whole = zipped([Member(b"a", PICKLE, method), Member(b"b", OTHER, method)])
    found = look(whole[: whole.find(b"PK\x01\x02")])
    assert found.regions == [("a", PICKLE), ("b", OTHER)]
    assert found.messages == ["truncated zip: no directory"]


def test_members_of_unknown_length_end_at_the_next_header() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(Unseekable(file), "w") as archive:  # type: ignore[call-overload]
        archive.writestr("a", PICKLE)
        archive.writestr("b", OTHER)
    whole = file.getvalue()
    assert look(whole).regions == [("a", PICKLE), ("b", OTHER)]
    assert look(whole[: whole.find(b"PK\x01\x02")]).regions == [("a", PICKLE), ("b", OTHER)]


class Unseekable:
    """What makes `zipfile` write data descriptors."""

    def __init__(self, file: io.BytesIO) -> None:
        self.write, self.flush = file.write, file.flush


def test_a_short_directory_is_a_problem() -> None:
    found = look(zipped([Member(b"a", PICKLE)], count=3))
    assert found.regions == [("a", PICKLE)]
    assert found.messages == ["zip directory has 1 of 3 members"]


def test_an_unknown_method_is_a_problem() -> None:
    found = look(zipped([Member(b"a", PICKLE, method=97), Member(b"b", OTHER)]))
    assert found.regions == [("b", OTHER)]
    assert found.messages == ["zip method 97 is not supported"]
    assert found.problems[0].name == "a"


def test_an_archive_that_contains_itself_ends() -> None:
    data = bytearray(zipped([Member(b"q", PICKLE + b"." * 4)]))
    size = struct.pack("<II", len(data), len(data))
    place = data.find(b"PK\x01\x02")
    data[place + 20 : place + 28] = size
    assert len(look(bytes(data)).regions) == 1


def test_a_bomb_is_bounded() -> None:
    bomb = zipped([Member(b"bomb", PICKLE + bytes(20 << 20), 8), Member(b"b", OTHER)])
    for limits in (
        Limits(max_member_bytes=1 << 20),
        Limits(max_unpacked_bytes=1 << 20),
        Limits(max_ratio=100),
    ):
        found = look(bomb, limits)
        (_, content), rest = found.regions[0], found.regions[1:]
        assert content.startswith(PICKLE) and len(content) < 3 << 20
        assert rest == [("b", OTHER)]
        assert found.messages[0].startswith("limit max_")


def test_tensors_are_not_inflated_whole() -> None:
    data = zipped([Member(b"data/0", NOISE + bytes(4 << 20), 8)])
    found = look(data, Limits(max_unpacked_bytes=1 << 17))
    assert found.regions == [] and found.problems == []


def test_the_member_limit() -> None:
    data = zipped([Member(b"%d" % i, PICKLE) for i in range(50)])
    found = look(data, Limits(max_members=10))
    assert len(found.regions) == 10
    assert found.messages == ["limit max_members reached (10)"]
    assert found.problems[0].unread_bytes > 40 * len(PICKLE)


def test_the_depth_limit() -> None:
    data = PICKLE
    for _ in range(5):
        data = zipped([Member(b"z", data)])
    assert look(data, Limits(max_depth=5)).regions == [("z!z!z!z!z", PICKLE)]
    found = look(data, Limits(max_depth=4))
    assert found.regions == []
    assert found.messages == ["limit max_depth reached (4)"]


def test_nested_compression_counts_in_bytes_of_the_file() -> None:
    packed = bz2.compress(lzma.compress(PICKLE)[:-40])
    found = look(zipped([Member(b"a", packed)]))
    assert found.problems[0].name == "a!bzip2!xz"
    assert 1 <= found.problems[0].unread_bytes <= len(packed)
