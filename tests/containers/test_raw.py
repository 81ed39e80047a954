from __future__ import annotations

import mmap
import pickletools
from pathlib import Path

import pytest

from safepickle_dl.containers import Note, Region, open_file
from safepickle_dl.containers.sniff import OPCODES
from safepickle_dl.limits import Limits
from safepickle_dl.reader import read_path
from tests.containers.wrap import NOISE, OTHER, PICKLE, Member, look, zipped


def test_a_raw_pickle_is_the_whole_file() -> None:
    data = PICKLE + OTHER + b"raw data after STOP"
    assert list(open_file(data)) == [Region("", data, 0, len(data), search=True)]


def test_the_opcodes_are_all_68() -> None:
    assert frozenset(ord(opcode.code) for opcode in pickletools.opcodes) == OPCODES


@pytest.mark.parametrize("opcode", sorted(OPCODES))
def test_every_opcode_may_begin_a_pickle(opcode: int) -> None:
    data = bytes([opcode]) + b"\n rest of it"
    assert ("", data) in look(data).regions


def test_a_mapped_file_is_not_copied() -> None:
    data = zipped([Member(b"a.bin", PICKLE)])
    with mmap.mmap(-1, len(data)) as mapped:
        mapped.write(data)
        (region,) = [item for item in open_file(mapped) if isinstance(item, Region)]
        assert region.data is mapped
        assert mapped[region.start : region.end] == PICKLE


@pytest.mark.parametrize("data", [b"", b"\0", NOISE, b"\xff\xd8\xff\xe0", b"{}", b" "])
def test_where_no_pickle_begins_one_is_searched_for(data: bytes) -> None:
    assert look(data).regions == []
    assert all(isinstance(part, Region) and part.search and not part.certain for part in open_file(data))


def test_members_of_archives_are_not_searched() -> None:
    parts = list(open_file(zipped([Member(b"data/0", NOISE + PICKLE)])))
    assert parts == []


@pytest.mark.parametrize("head", [b"7z\xbc\xaf\x27\x1c", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"], ids=str)
def test_a_known_format_that_is_broken_is_a_problem(head: bytes) -> None:
    found = look(head + bytes(50))
    assert found.regions == []
    assert len(found.problems) == 1


def test_polyglot_of_pickle_and_zip_is_both() -> None:
    data = PICKLE + zipped([Member(b"hidden", OTHER)])
    assert look(data).regions == [("", data), ("hidden", OTHER)]


def test_a_large_unknown_file_is_searched_up_to_a_limit() -> None:
    region, note = open_file(NOISE, Limits(max_search_bytes=1000))
    assert isinstance(region, Region) and region.end == 1000
    assert isinstance(note, Note) and "searched for 1000 of" in note.message


def test_a_sparse_file_costs_no_disk_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    region, note = open_file(read_path(path), Limits(max_search_bytes=1 << 20))
    assert isinstance(region, Region) and not region.certain
    assert isinstance(note, Note)
