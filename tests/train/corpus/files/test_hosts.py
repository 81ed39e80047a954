"""Payloads in hosts do what they did alone, and so do the hosts. What is loaded here was made here, and is harmless."""

from __future__ import annotations

import collections
import datetime
import gzip
import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl.core import opcodes as op
from tests.assemble import names, run, site_texts
from train.corpus.files.carriers import torch_legacy, torch_zip
from train.corpus.files.hosts import (
    POSITIONS,
    Host,
    append_padding,
    junk_between,
    padding,
    prepend_padding,
    read_hosts,
    splice,
)
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import pairs, payload_of
from train.corpus.spelling.instructions import program

CORPUS = Path(__file__).parents[4].with_name("shared") / "corpus"
INSIDE = ("start", "middle", "end")
PAYLOAD = b"cos\nsystem\n(S'echo hi'\ntR."
SHARED = ["x", "x", ("y", "y")]
VALUES: list[Any] = [
    None,
    {"a": [1, 2, "x", {"b": 3}], "c": ("t", "t"), "d": b"zz"},
    [SHARED, SHARED, {"again": SHARED}],
    [collections.OrderedDict(a=1, b=[2, 3]), collections.OrderedDict(a=1)],
    {"when": datetime.timedelta(3), "kind": datetime.date(2020, 2, 2)},
    {1, 2},
    frozenset({3}),
    collections.OrderedDict.fromkeys,
    [str(i) for i in range(300)] * 2,
]
LOADERS = [pickle.loads, pickle._loads]  # type: ignore[attr-defined]


def plain_values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )


def pickles(n: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pickles of `n` attacks and of their twins."""
    for attack, twin in pairs(11, n, "train", read_gadgets(), []):
        yield payload_of(attack), payload_of(twin)


# --- splice -----------------------------------------------------------------------------------------------------------


def test_both_do_what_they_did() -> None:
    payloads, hosts = zip(*pickles(60), strict=True)
    n_inside = 0
    for number, (host, payload) in enumerate(zip(hosts, payloads, strict=True)):
        for position in POSITIONS:
            made = splice(host, payload, position, Random(number))
            if program(host) is None or program(payload) is None:  # two streams in a row
                assert made is None
                continue
            assert made is not None
            n_inside += position in INSIDE
            assert site_texts(made) >= site_texts(host) + site_texts(payload), (position, host, payload)
    assert n_inside > 120


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("position", POSITIONS)
def test_the_value_is_the_first_streams(position: str, load: Any) -> None:
    rng = Random(3)
    n_kept = 0
    for host_protocol in range(6):
        for payload_protocol in (0, 2, 4):
            for host_value in VALUES:
                payload_value = rng.choice(VALUES)
                host, payload = pickle.dumps(host_value, host_protocol), pickle.dumps(payload_value, payload_protocol)
                made = splice(host, payload, position, rng)
                assert made is not None
                value = load(made)
                if position == "before":
                    assert value == payload_value
                elif value != host_value:
                    assert position == "middle" and repr(payload_value) in repr(value)
                    n_kept += 1
    assert (n_kept > 4) == (position == "middle")


@settings(max_examples=60, deadline=None)
@given(
    plain_values(),
    plain_values(),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from(("start", "end")),
    st.randoms(),
)
def test_any_plain_value_stays(host: Any, payload: Any, first: int, second: int, position: str, rng: Random) -> None:
    made = splice(pickle.dumps(host, first), pickle.dumps(payload, second), position, rng)
    assert made is not None
    assert pickle.loads(made) == host
    assert "FRAME" not in names(made)


def test_memo_indices_are_kept_apart() -> None:
    host = b"\x80\x04]\x94(K\x01\x8c\x01a\x94h\x01e."
    payload = b"\x80\x02X\x01\0\0\0bq\x00h\x00\x86."
    for seed in range(40):
        for position in INSIDE:
            made = splice(host, payload, position, Random(seed))
            assert made is not None
            value = pickle.loads(made)
            assert value == [1, "a", "a"] or value == [("b", "b"), "a", "a"]


def test_a_payload_without_puts_leaves_memoize_as_it_is() -> None:
    made = splice(pickle.dumps(["a"], 4), PAYLOAD, "start", Random(0))
    assert made is not None
    assert "MEMOIZE" in names(made)


def test_either_has_its_protocol() -> None:
    old, new = b"c__builtin__\nset\n)R.", b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93."
    for host, payload, value in ((old, new, set()), (new, old, collections.OrderedDict.fromkeys)):
        for position in INSIDE:
            made = splice(host, payload, position, Random(0))
            assert made is not None
            assert pickle.loads(made) == value
    made = splice(pickle.dumps([1], 2), pickle.dumps("x", 5), "end", Random(0))
    assert made is not None
    assert made[:2] == b"\x80\x05" and names(made).count("PROTO") == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b".",
        b"N",
        b"N.N",
        b"(N.",
        b"0N.",
        b"N(0N00.",
        b"\x80\xff.",
        b"\x80\x09N.",
        b"Ix\n.",
        b"Np-1\n.",
        b"NX\xff\0\0\0.",
        b"a.",
    ],
)
def test_what_is_no_whole_pickle_is_refused(broken: bytes) -> None:
    for position in POSITIONS:
        assert splice(broken, PAYLOAD, position, Random(0)) is None
        assert splice(PAYLOAD, broken, position, Random(0)) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(POSITIONS), st.randoms())
def test_no_bytes_raise(data: bytes, position: str, rng: Random) -> None:
    splice(data + b".", PAYLOAD, position, rng)
    splice(PAYLOAD, data, position, rng)


def test_an_unknown_position_raises() -> None:
    with pytest.raises(ValueError, match="unknown position 'above'"):
        splice(PAYLOAD, PAYLOAD, "above", Random(0))


def test_a_scalar_that_a_call_gets_is_not_replaced() -> None:
    host = b"](K\x05ca\nb\n](K\x07e\x85Re."  # [5, a.b([7])]: the call gets the one scalar that ends a list
    for seed in range(60):
        made = splice(host, PAYLOAD, "middle", Random(seed))
        assert made is not None
        assert site_texts(made) == site_texts(host) + site_texts(PAYLOAD)


# --- padding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memo", [False, True])
@pytest.mark.parametrize("n", [2, 9, 100, 10_000, 100_000])
def test_padding_is_neutral_and_as_long_as_asked(n: int, memo: bool) -> None:
    run_of = padding(n, Random(n), memo)
    one = program(b"N" + run_of + b".")
    assert one is not None and one.left == 1
    assert n <= len(one.steps) - 1 <= n + 100
    assert run_of.endswith(b"0")
    assert memo or not one.puts
    assert one.puts or not memo or n < 100
    assert pickle.loads(b"K\x07" + run_of + b".") == 7


def test_padding_is_honest_and_varied() -> None:
    texts = site_texts(b"N" + padding(20_000, Random(0)) + b".")
    assert {text.split()[1] for text in texts if text.startswith("REDUCE")} == {
        "collections.OrderedDict", "datetime.date", "datetime.timedelta", "decimal.Decimal", "_codecs.encode",
        "fractions.Fraction",
    }  # fmt: skip
    assert len(texts) > 200
    assert padding(500, Random(1)) == padding(500, Random(1)) != padding(500, Random(2))


@pytest.mark.parametrize("pad", [append_padding, prepend_padding, junk_between])
@pytest.mark.parametrize("protocol", range(6))
def test_padded_pickles_keep_their_value(pad: Any, protocol: int) -> None:
    for value in VALUES:
        assert pickle.loads(pad(pickle.dumps(value, protocol), 60, Random(0))) == value


@pytest.mark.parametrize("pad", [append_padding, prepend_padding, junk_between])
def test_padded_pickles_keep_their_calls(pad: Any) -> None:
    for attack, _ in pickles(25):
        if program(attack) is not None:
            made = pad(attack, 40, Random(0))
            assert site_texts(made) >= site_texts(attack)
            assert run(made).n_instructions >= 40


def test_padding_is_where_it_should_be() -> None:
    payload = b"cos\nsystem\n(S'echo hi'\ntR."
    assert append_padding(payload, 50, Random(0)).startswith(payload[:-1])
    assert prepend_padding(payload, 50, Random(0)).endswith(payload)
    between = names(junk_between(payload, 50, Random(0)))
    assert len(between) > 4 * 50 and between[0] == "GLOBAL" and between[-2:] == ["POP", "STOP"]
    with pytest.raises(ValueError, match="not one whole pickle"):
        append_padding(payload[:-1], 50, Random(0))


# --- hosts ------------------------------------------------------------------------------------------------------------


def test_hosts_are_read_from_raw_files_and_archives(tmp_path: Path) -> None:
    honest = pickle.dumps({"when": datetime.timedelta(1)}, 4)
    array = io.BytesIO()
    joblib.dump([np.arange(5.0)], array)
    files = {
        "raw.pkl": honest,
        "model.pt": torch_zip(honest, Random(0)),
        "packed.gz": gzip.compress(honest),
        "plain.pkl": pickle.dumps([1, 2], 2),
        "two.pkl": honest + honest,
        "legacy.pt": torch_legacy(honest, Random(0)),
        "cut.pkl": honest[:-1],
        "array.joblib": array.getvalue(),
        "long.pkl": pickle.dumps(["x" * 3000], 4),
        "text.txt": b"nothing to see",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    hosts = {host.name.partition("!")[0]: host for host in read_hosts([tmp_path / name for name in files], 2000)}
    assert set(hosts) == {"raw.pkl", "model.pt", "packed.gz", "plain.pkl"}
    assert hosts["raw.pkl"] == Host(honest, "raw.pkl", "datetime")
    assert hosts["model.pt"].data == hosts["packed.gz"].data == honest
    assert hosts["model.pt"].name.endswith("/data.pkl")
    assert hosts["plain.pkl"].library == ""


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_real_payloads_in_real_hosts() -> None:
    rows = [json.loads(line) for line in (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    honest = [CORPUS / r["file"] for r in rows if r["label"] == "benign" and 500 < r["size"] < 10_000]
    strict = [CORPUS / r["file"] for r in rows if r.get("stratum") == "strict" and r["kind"] == "pickle"]
    rng = Random(5)
    hosts = list(read_hosts(rng.sample(honest, 40)))
    payloads = [path.read_bytes() for path in rng.sample(strict, 40)]
    n_made = 0
    for payload in payloads:
        host = rng.choice(hosts)
        for position in POSITIONS:
            made = splice(host.data, payload, position, rng)
            if made is not None:
                n_made += 1
                assert site_texts(made) >= site_texts(host.data) + site_texts(payload)
    assert len(hosts) > 10 and n_made > 100


def test_the_tables_know_every_opcode() -> None:
    assert program(b"".join((b"N", b"(", b"1", b"2", b"0", b"."))) is not None
    for code in op.ARGUMENTS:  # none of them raises
        program(bytes([code]) + bytes(9) + b".")
