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
from safepickle_dl.embed.driver import Reader
from tests.assemble import streams
from tests.core.compiled import ROOT
from tests.golden.regenerate import PICKLES

CORPUS = ROOT.parent / "shared" / "corpus"
BLOCKS = [*PICKLES.values(), b"\x80\x04N.", b"\x80\x02]q\0.", b"\0" * 9, b"\n", b"plain text", b"\xffjunk\x80\x03"]


def seen(machines: list[Machine]) -> list[object]:
    """Return what tells machines apart."""
    return [
        (m.n_instructions, m.n_anomalies, m.protocol, m.stopped, list(m.site_at[: m.n_sites]), m.depth)
        for m in machines
    ]


def check(data: bytes) -> int:
    """Compare, and return the number of pickles."""
    reader = Reader(data)
    reader.read_all()
    expected = streams(data)
    assert seen(reader.machines) == seen([stream.machine for stream in expected])
    assert reader.complete == all(stream.complete for stream in expected)
    return len(expected)


@pytest.mark.parametrize("name", PICKLES)
def test_golden_pickles(name: str) -> None:
    check(PICKLES[name])


@given(st.lists(st.sampled_from(BLOCKS), max_size=6).map(b"".join))
@example(b"\x80\x04N." + b"\0" * 20 + PICKLES["stack_global"])
@example("cцы\nимя\n)R.".encode())
@settings(max_examples=200, deadline=None)
def test_several_pickles_with_junk_between(data: bytes) -> None:
    check(data)


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
