"""What breaks behind the calls leaves them run in a loader, and found by us. Only what was made here is loaded."""

from __future__ import annotations

import io
import pickle
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl.analysis import analyse
from tests.assemble import short, site_texts, stack_global
from train.corpus.files.breakage import BREAKAGES
from train.corpus.spelling.assemble import frame

PAYLOADS = {
    "protocol 0": b"cprobe\nmark\n(S'echo hi'\ntR.",
    "protocol 2": b"\x80\x02cprobe\nmark\nq\x00X\x07\0\0\0echo hi\x85R.",
    "protocol 4": b"\x80\x04" + frame(stack_global("probe", "mark") + b"\x94" + short("echo hi") + b"\x85\x94R\x94."),
}
CALL = "REDUCE probe.mark ('echo hi',)"
SEEDS = range(25)
NO_BREAK = ("protocols", "junk-behind")
LOADERS_DIFFER = ("cut-line", "long-frame", "bad-integer", "long-text")
UNMARKED = {
    "bad-utf8": "the lexer takes any bytes in a text",
    "confused-import": "the machine takes any values as names",
    "long-frame": "a frame is only a hint",
    "unregistered": "depends on the loading program",
    "no-buffer": "depends on the loading program",
    "no-persistent-load": "depends on the loading program",
    "bad-index": "a negative index is an integer",
    "bad-integer": "the text of a FLOAT is not looked at",
}
"""Breaks that not always show as an anomaly: none of them keeps us from reading on."""


def loader_of(base: Any, ran: list[Any]) -> Any:
    """Return an unpickler whose every import is a function that only takes notes."""

    class Loader(base):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            return lambda *arguments: ran.append((module, name, *arguments))

    return Loader


@pytest.mark.parametrize("base", [pickle.Unpickler, pickle._Unpickler], ids=["C", "Python"])  # type: ignore[attr-defined]
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("breakage", BREAKAGES)
def test_loaders_run_the_call_and_then_stop(breakage: str, payload: bytes, base: Any) -> None:
    for seed in SEEDS:
        ran: list[Any] = []
        data = BREAKAGES[breakage](payload, Random(seed))
        stopped = True
        try:
            loader_of(base, ran)(io.BytesIO(data)).load()
            stopped = False
        except Exception:  # whatever it is that a loader raises
            pass
        assert ran == [("probe", "mark", "echo hi")]
        if breakage not in LOADERS_DIFFER:
            assert stopped == (breakage not in NO_BREAK), data


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("breakage", BREAKAGES)
def test_the_call_is_found(breakage: str, payload: bytes) -> None:
    for seed in SEEDS:
        data = BREAKAGES[breakage](payload, Random(seed))
        assert site_texts(data)[CALL] == 1, data


@pytest.mark.parametrize("breakage", sorted(BREAKAGES.keys() - UNMARKED.keys() - set(NO_BREAK)))
def test_the_break_shows(breakage: str) -> None:
    for payload in PAYLOADS.values():
        for seed in SEEDS:
            data = BREAKAGES[breakage](payload, Random(seed))
            analysis = analyse(data)
            assert analysis.errors or any(stream.machine.n_anomalies for stream in analysis.streams), data


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=30), st.sampled_from(sorted(BREAKAGES)), st.randoms())
def test_no_bytes_raise(data: bytes, breakage: str, rng: Random) -> None:
    BREAKAGES[breakage](data, rng)


@pytest.mark.parametrize("payload", [b"\x80\x02cprobe\nmark\n.", b"\x80\x02cprobe\nmark\n}S'a'\nS'b'\nsb."])
def test_an_odd_protocol_behind_does_not_hide_an_import(payload: bytes) -> None:
    for seed in SEEDS:
        assert analyse(BREAKAGES["protocol-255"](payload, Random(seed))).streams


@pytest.mark.xfail(reason="a broken stream without header counts as a pickle only if it calls something named")
@pytest.mark.parametrize("breakage", ["no-stop", "no-opcode", "missing-memo", "long-text"])
@pytest.mark.parametrize(
    "payload",
    [
        b"cprobe\nmark\n.",
        b"cprobe\nmark\n}S'a'\nS'b'\nsb.",
        b"cprobe\nmark\nS'a'\nS'b'\ns.",
        b"\x82\x05S'echo hi'\n\x85R.",
    ],
    ids=["import", "BUILD", "SETITEM", "EXT1"],
)
def test_a_break_does_not_hide_what_is_no_named_call(payload: bytes, breakage: str) -> None:
    for seed in SEEDS:
        assert analyse(BREAKAGES[breakage](payload, Random(seed))).streams
