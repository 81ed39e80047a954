"""The driver for runtimes without Python finds the pickles that `streams` finds."""

from __future__ import annotations

import io
import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safepickle_dl.containers import Region, open_file
from safepickle_dl.core.machine import Machine
from safepickle_dl.embed.driver import Budget, Reader
from safepickle_dl.memory import OTHER_MEMO
from safepickle_dl.stream import GAP, PickleStream
from safepickle_dl.streams import read_streams
from tests.core.compiled import ROOT
from tests.golden.regenerate import PICKLES

CORPUS = ROOT.parent / "shared" / "corpus"
WHOLE = [data for name, data in PICKLES.items() if data.endswith(b".") and name not in ("underflow", "missing_memo")]
BLOCKS = [*WHOLE, b"\x80\x04N.", b"\x80\x02]q\0."]
HEADED = [b"\x80\x04" + data for data in WHOLE]
JUNK = [b"", b"\0" * 9, b"\n", b"\xff\xfe", b"\x80\x03", b"\x80\x04\x96\x40" + bytes(7), b"\x8a\x20U\x40"]
INST = b"(S'echo hi'\nios\nsystem\n."


def seen(machines: list[Machine]) -> list[object]:
    """Return what tells machines apart."""
    return [
        (m.n_instructions, m.n_anomalies, m.protocol, m.stopped, list(m.site_at[: m.n_sites]), m.depth)
        for m in machines
    ]


def check(data: bytes, certain: bool = True) -> int:
    """Compare, and return the number of pickles."""
    reader = Reader(data, 0, len(data), 0 if certain else 1, certain, Budget())
    reader.read_all()
    expected: list[PickleStream] = []
    for stream in read_streams(Region("", data, 0, len(data), 0 if certain else 1, certain, search=True)):
        expected += [one for one in (stream, *stream.nested) if not one.name.endswith((GAP, OTHER_MEMO))]
    assert seen(reader.machines) == seen([stream.machine for stream in expected])
    assert reader.complete == all(stream.complete or not stream.certain for stream in expected)
    return len(expected)


@pytest.mark.parametrize("name", PICKLES)
def test_golden_pickles(name: str) -> None:
    check(PICKLES[name])


@given(st.lists(st.sampled_from(BLOCKS), max_size=6).map(b"".join))
@example("cцы\nимя\n)R.".encode())
@example(b"\x80\x02]q\0.h\0.")
@example(b"\x80\x02cos\nsystem\nq\5.\x80\x02N.\x80\x02h\5)R.\x80\x02h\5)Rq\7.\x80\2h\7.")
@example(b"cpathlib\nPath\n\xff")
@example(b"cnowhere\nPath\n\xff")
@settings(max_examples=100, deadline=None)
def test_pickles_in_a_row(data: bytes) -> None:
    check(data)


@given(
    st.lists(st.tuples(st.sampled_from(JUNK), st.sampled_from([*HEADED, *WHOLE])), min_size=1, max_size=4),
    st.booleans(),
)
@example(
    [(b"", b"\x80\x02N."), (b"\0", b"\x80\x04B\x40\0\0\0" + b"\0" * 9 + INST + b"\0" * 26 + b"cos\nabc\n)R.")], True
)
@settings(max_examples=100, deadline=None)
def test_pickles_behind_junk_and_in_literals(parts: list[tuple[bytes, bytes]], certain: bool) -> None:
    check(b"".join(junk + data for junk, data in parts), certain)


def test_joblib_arrays() -> None:
    joblib = pytest.importorskip("joblib")
    numpy = pytest.importorskip("numpy")
    file = io.BytesIO()
    objects = numpy.array([{"a": 1}, None], dtype=object)
    joblib.dump({"x": numpy.arange(50.0), "y": objects, "z": numpy.zeros((3, 4), "U5")}, file)
    data = bytearray(file.getvalue())
    assert check(bytes(data)) == 2  # the object array is a pickle of its own
    at = data.index(numpy.arange(50.0).tobytes())
    while data[at - 1] == 255:
        at -= 1
    data[at - 1 : at - 1 + len(PICKLES["inst"])] = PICKLES["inst"]  # what a plain loader would run, padding or not
    assert check(bytes(data)) > 1
    assert b"system" in data


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_sample_of_real_files() -> None:
    rows = [json.loads(line) for line in (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    files = random.Random(2).sample([row["file"] for row in rows if row["size"] < 20_000], 200)
    n = 0
    for file in files:
        for part in open_file((CORPUS / file).read_bytes()):
            if isinstance(part, Region):
                n += check(bytes(part.data[part.start : part.end]))
    assert n > 150
