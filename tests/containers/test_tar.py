from __future__ import annotations

import tarfile

import pytest

from safepickle_dl.limits import Limits
from tests.containers.wrap import NOISE, OTHER, PICKLE, Member, gzipped, look, tarred, zipped

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


@pytest.mark.parametrize("form", FORMATS)
def test_members_are_found(form: int) -> None:
    long = "Q" * 60 + "/" + "w" * 90
    data = tarred([("./pickle", PICKLE), ("noise", NOISE), (long, OTHER)], form)
    found = look(data)
    assert found.regions[1:] == [("./pickle", PICKLE), (long, OTHER)]
    assert found.regions[0] == ("", data)  # "." is an opcode: the lexer has the last word
    assert found.problems == []


def test_an_old_header_is_known_by_its_checksum() -> None:
    data = bytearray(tarred([("name", PICKLE)]))
    data[257:265] = bytes(8)
    assert look(bytes(data)).regions == []
    data[148:156] = b" " * 8
    data[148:155] = b"%06o\0" % sum(data[:512])
    assert look(bytes(data)).regions == [("name", PICKLE)]


def test_compressed_tar_and_zip_in_tar() -> None:
    inner = tarred([("model.zip", zipped([Member(b"data.pkl", PICKLE, 8)]))])
    assert look(gzipped(inner)).regions == [("gzip!model.zip!data.pkl", PICKLE)]


def test_what_follows_the_end_is_examined() -> None:
    first = tarred([("name", PICKLE)])
    found = look(first + tarred([("name", OTHER)]))
    assert found.regions == [("name", PICKLE), (f"trailing@{len(first)}!name", OTHER)]


def test_truncated_and_corrupt_archives_are_problems() -> None:
    data = tarred([("name", PICKLE), ("w", OTHER + NOISE)])
    found = look(data[: 512 * 4])
    assert found.regions == [("name", PICKLE), ("w", (OTHER + NOISE)[:512])]
    assert found.messages[0] == "truncated tar member"
    broken = bytearray(data)
    broken[1024 + 148 : 1024 + 156] = b"99999999"
    found = look(bytes(broken))
    assert found.regions[0] == ("name", PICKLE)
    assert found.problems != [] or len(found.regions) > 1


def test_a_negative_size_ends() -> None:
    info = tarfile.TarInfo("name")
    info.size = -1024
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    data = bytes(header) + PICKLE.ljust(512, b"\0") + bytes(1024)
    assert look(data).problems != []


def test_chained_long_names_end() -> None:
    link = tarfile.TarInfo("name")
    link.type, link.size = tarfile.GNUTYPE_LONGNAME, 1
    data = (link.tobuf(tarfile.GNU_FORMAT) + b"a".ljust(512, b"\0")) * 3000
    assert look(data).problems != []


def test_the_member_limit() -> None:
    data = tarred([(f"n{i}", PICKLE) for i in range(30)])
    found = look(data, Limits(max_members=10))
    assert len(found.regions) == 10
    assert found.messages == ["limit max_members reached (10)"]
