"""The driver for runtimes without Python finds the pickles in literals that `nested` finds."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import pickle
import random
import zlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl.containers import Problem, Region, open_file
from safepickle_dl.embed import nested
from safepickle_dl.limits import Budget
from safepickle_dl.memory import OTHER_MEMO
from safepickle_dl.nested import find_streams
from safepickle_dl.stream import GAP
from tests.assemble import short, stack_global
from tests.embed.test_driver import CORPUS, seen
from tests.golden.regenerate import PICKLES

PAYLOADS = [
    b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R.",
    b"cos\nsystem\n(S'echo hi'\ntR.",
    b"(S'echo hi'\nios\nsystem\n.",
    stack_global("os", "system") + short("echo hi") + b"\x85R.",
]
HONEST = pickle.dumps({"a": [1, "two", b"three" * 9]}, 4)
BEHIND_JUNK = b"\0\0\xff junk \x80\x02cos\nsystem\n(X\7\0\0\0echo hitR."
TEXTS = [b"\x80\x04", b"no pickle at all", b"deadbeef" * 8, b"c\nos\n"]
VALUES = [*PAYLOADS, BEHIND_JUNK, b"(" + BEHIND_JUNK, *PICKLES.values(), HONEST, *TEXTS]
COMPRESSED = [
    zlib.compress,
    lambda data: gzip.compress(data, mtime=0) + data,
    lambda data: zlib.compress(data, 0) + data,
    lambda data: zlib.compress(base64.b64encode(data)),
]
LAYERS = [
    lambda data: data,
    lambda data: base64.b64encode(data).decode(),
    base64.encodebytes,
    lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    lambda data: data.hex(),
    lambda data: bytearray(data),
    lambda data: data.decode("latin-1"),
    lambda data: base64.b64encode(zlib.compress(data)),
    *COMPRESSED,
]


def read(data: bytes) -> nested.Region:
    region = nested.Region(data)
    region.read_all()
    return region


def check(data: bytes) -> int:
    """Compare, and return the number of pickles."""
    region = read(data)
    expected, is_limited = [], False
    for part in find_streams(Region("", data, 0, len(data), search=True), Budget()):
        if isinstance(part, Problem):
            is_limited = True
        elif GAP not in part.name and OTHER_MEMO not in part.name:
            expected.append(part)
    assert Counter(map(repr, seen(region.machines))) == Counter(map(repr, seen([one.machine for one in expected])))
    unread = any(not one.complete and (one.certain or one.over_limit) for one in expected)
    assert region.complete == (not unread and not is_limited)
    for machine, origin in zip(region.machines, region.origins, strict=True):
        assert (origin < 0) == (bytes(machine.nodes.data) == data)
    return len(expected)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("protocol", range(6))
def test_literals_of_every_protocol(payload: bytes, protocol: int) -> None:
    for layer in LAYERS:
        n = check(pickle.dumps({"a": layer(payload)}, protocol))
        assert n > 1 or (layer in COMPRESSED and protocol < 3)  # bytes are written as text then


def test_python_2_strings() -> None:
    quoted = repr(PAYLOADS[0])[1:].encode()
    assert check(b"(lp0\nS" + quoted + b"\na.") == 2
    assert check(b"]U" + bytes([len(PAYLOADS[0])]) + PAYLOADS[0] + b"a.") == 2


def dumped(data: bytes, layers: list[tuple[int, int]]) -> bytes:
    for layer, protocol in layers:
        data = pickle.dumps(["x", LAYERS[layer](data)], protocol)
    return data


@given(
    st.sampled_from(VALUES),
    st.lists(st.tuples(st.integers(0, len(LAYERS) - 1), st.integers(0, 5)), min_size=1, max_size=4),
    st.sampled_from([b"", b"\0junk", PAYLOADS[1]]),
)
@settings(max_examples=40, deadline=None)
def test_layers(data: bytes, layers: list[tuple[int, int]], behind: bytes) -> None:
    check(dumped(data, layers) + behind)


def test_where_a_literal_was_decoded() -> None:
    data = pickle.dumps([PAYLOADS[0], base64.b64encode(pickle.dumps([PAYLOADS[0].hex()], 4))], 4)
    text = data.index(b"gAS")
    assert sorted(read(data).origins) == [-1, -1, text, text]


def test_depth_and_work_are_limited_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in (0, 1, 4, 8):
        assert read(dumped(PAYLOADS[0], [(layer, 4)] * 4)).complete
        check(dumped(PAYLOADS[0], [(layer, 4)] * 11))
        assert not read(dumped(PAYLOADS[0], [(layer, 4)] * 11)).complete
    monkeypatch.setattr("safepickle_dl.embed.driver.MAX_NESTED_BYTES", 10)
    assert not read(dumped(PAYLOADS[0], [(1, 4)])).complete
    assert read(dumped(PAYLOADS[0], [(0, 4)])).complete


def test_what_swells_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safepickle_dl.embed.driver.MAX_NESTED_BYTES", 200_000)
    assert not read(pickle.dumps([zlib.compress(PAYLOADS[0] + bytes(300_000))], 4)).complete
    assert read(pickle.dumps([zlib.compress(bytes(300_000))], 4)).complete


def test_what_stays_closed_is_counted() -> None:
    packed = [bz2.compress(PAYLOADS[0]), base64.b64encode(lzma.compress(PAYLOADS[0])), b"PK\3\4" + bytes(30)]
    region = read(pickle.dumps([*packed, "plain text"], 4))
    assert (region.n_packed, len(region.machines), region.complete) == (3, 1, True)
    assert read(zlib.compress(PAYLOADS[0])).n_packed == 1


def test_random_literals_bring_no_pickles() -> None:
    chance = random.Random(0)
    assert check(pickle.dumps([b"\x80\x04" + chance.randbytes(100) for _ in range(50)], 4)) == 1


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_sample_of_real_files() -> None:
    rows = [json.loads(line) for line in (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    files = random.Random(3).sample([row["file"] for row in rows if row["size"] < 20_000], 150)
    n = 0
    for file in files:
        for part in open_file((CORPUS / file).read_bytes()):
            if isinstance(part, Region):
                n += check(bytes(part.data[part.start : part.end]))
    assert n > 100
