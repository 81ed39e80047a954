"""Pickles that are values of something else: cells of SQLite, strings of JSON, and what only looks like one."""

from __future__ import annotations

import base64
import json
import sqlite3

import pytest

from safepickle_dl.containers import Note, Problem, Region, open_file
from safepickle_dl.containers.encoded import decoded, may_hide_pickle
from safepickle_dl.limits import Limits
from tests.containers.wrap import NOISE, OTHER, PICKLE, Member, zipped


def values(data: bytes, limits: Limits | None = None) -> list[bytes]:
    """Return the values that a pickle may begin in; only what stable-baselines3 unpickles is sure to be one."""
    parts = [part for part in open_file(data, limits or Limits()) if isinstance(part, Region) and part.name]
    assert all(part.certain == (b":serialized:" in data) for part in parts)
    return [part.data[part.start : part.end] for part in parts]


def notes(data: bytes) -> list[str]:
    return [part.message for part in open_file(data) if isinstance(part, Note)]


# --- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_bytes", [512, 4096, 65536])
@pytest.mark.parametrize("rowid", ["", "WITHOUT ROWID"])
def test_cells_whole_and_over_many_pages(page_bytes: int, rowid: str) -> None:
    large = PICKLE + NOISE * 50
    base = sqlite3.connect(":memory:")
    base.execute(f"PRAGMA page_size = {page_bytes}")
    base.execute(f"CREATE TABLE t (key TEXT PRIMARY KEY, number, value BLOB) {rowid}")
    for i, value in enumerate([PICKLE, large, NOISE, b"text", OTHER]):
        base.execute("INSERT INTO t VALUES (?, ?, ?)", (f"k{i}", 1.5, value))
    base.executemany("INSERT INTO t VALUES (?, ?, ?)", ((f"n{i}", i, b"x" * i) for i in range(300)))
    base.commit()
    assert sorted(values(base.serialize())) == sorted([PICKLE, large, OTHER])
    base.close()


def test_a_broken_database_ends() -> None:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE t (value)")
    base.execute("INSERT INTO t VALUES (?)", (PICKLE + NOISE * 5,))
    base.commit()
    data = base.serialize()
    base.close()
    for at in range(16, len(data), 37):
        for value in (0, 1, 0xFF):
            list(open_file(data[:at] + bytes([value]) + data[at + 1 :]))
    for end in range(0, len(data), 97):
        list(open_file(data[:end]))


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ascii_only", [True, False])
def test_strings_in_base64(ascii_only: bool) -> None:
    text = base64.b64encode(PICKLE).decode()
    data = {"policy": {":serialized:": text, "é": "plain text, and more of it"}, "list": [text[:9], "x" * 99]}
    assert values(json.dumps(data, ensure_ascii=ascii_only).encode()) == [PICKLE]


def test_strings_with_escapes_and_foreign_characters() -> None:
    text = base64.b64encode(PICKLE).decode()
    escaped = "".join(f"\\u{ord(char):04x}" for char in text)
    assert values(f'{{"a": "{escaped}"}}'.encode()) == [PICKLE]
    assert values(json.dumps(["!" + "\n".join(text)]).encode()) == [PICKLE]


def test_json_in_an_archive() -> None:
    data = zipped([Member(b"data", json.dumps({"a": base64.b64encode(PICKLE).decode()}).encode(), 8)])
    assert values(data) == [PICKLE]


def test_the_limit_on_decoded_bytes() -> None:
    data = json.dumps([base64.b64encode(PICKLE).decode()] * 5).encode()
    parts = list(open_file(data, Limits(max_nested_bytes=200)))
    assert any(isinstance(part, Problem) and part.is_limit for part in parts)


# --- encodings --------------------------------------------------------------------------------------------------------


def test_encodings() -> None:
    assert decoded(base64.b64encode(PICKLE)) == ("base64", PICKLE)
    assert decoded(base64.urlsafe_b64encode(PICKLE).rstrip(b"=")) == ("base64", PICKLE)
    assert decoded(base64.encodebytes(PICKLE)) == ("base64", PICKLE)
    assert decoded(PICKLE.hex().encode()) == ("hex", PICKLE)
    assert decoded(PICKLE.hex().upper().encode()) == ("hex", PICKLE)
    for text in (b"", b"gAS", b"some plain text, long enough", NOISE, b"0123456789abcdef" * 4):
        assert decoded(text) is None


@pytest.mark.parametrize(
    "head", [PICKLE, b"cos\nsystem\n(S'x'\ntR.", b"(S'x'\nios\nsystem\n.", b"PK\3\4", b"\x1f\x8b\x08\0"]
)
def test_what_may_hide_a_pickle(head: bytes) -> None:
    assert may_hide_pickle(head)


@pytest.mark.parametrize("head", [b"", b"plain text", b"cat\n", b"(a, b)", b"{}", b"\x80\x09"])
def test_what_hides_none(head: bytes) -> None:
    assert not may_hide_pickle(head)


# --- formats without pickles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"GGUF\3\0\0\0" + bytes(40), "GGUF"),
        ((30).to_bytes(8, "little") + b'{"a":{"dtype":"F32"}}' + bytes(40), "safetensors"),
        (b"\x08\x08\x12\x07pytorch" + bytes(40), "ONNX"),
    ],
)
def test_formats_without_pickles_are_named(data: bytes, said: str) -> None:
    (note,) = notes(data)
    assert said in note


def test_code_in_archives_is_named() -> None:
    data = zipped([Member(b"net/code/__torch__.py", b"x"), Member(b"handler.py", b"x"), Member(b"data.pkl", PICKLE)])
    assert notes(data) == ["TorchScript code, which is not examined", "Python code, which is not examined"]
