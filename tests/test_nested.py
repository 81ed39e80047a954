"""Pickles inside the arguments of pickles."""

from __future__ import annotations

import base64
import bz2
import pickle
import zlib
from collections import OrderedDict

import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.analysis import analyse
from safepickle_dl.limits import Limits
from safepickle_dl.render import callee_text
from tests.assemble import short, stack_global

PAYLOADS = [
    b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R.",
    b"cos\nsystem\n(S'echo hi'\ntR.",
    b"(S'echo hi'\nios\nsystem\n.",
    stack_global("os", "system") + short("echo hi") + b"\x85R.",
]
HONEST = pickle.dumps(OrderedDict(a=1), 4)


def called(data: bytes, limits: Limits | None = None) -> set[str]:
    """Return what any stream of the file calls."""
    return {
        callee_text(stream.machine, stream.machine.site_callee[i])
        for stream in analyse(data, limits or Limits()).streams
        for i in range(stream.machine.n_sites)
        if stream.machine.site_arguments[i] >= 0
    }


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_bytes_of_every_protocol(payload: bytes, protocol: int) -> None:
    assert "os.system" in called(pickle.dumps({"a": payload}, protocol))
    assert "os.system" in called(pickle.dumps([bytearray(payload)], protocol))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, 16 + zlib.MAX_WBITS], ids=["zlib", "gzip"])
def test_compressed_bytes_of_every_protocol(wbits: int, level: int, protocol: int) -> None:
    squeeze = zlib.compressobj(level, wbits=wbits)
    packed = squeeze.compress(PAYLOADS[0]) + squeeze.flush()
    assert "os.system" in called(pickle.dumps([packed], protocol))  # up to 2: latin-1 text, encoded when it is loaded


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    "encode",
    [
        lambda data: base64.b64encode(data).decode(),
        lambda data: base64.encodebytes(data * 3).decode(),
        lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
        lambda data: data.hex(),
        lambda data: zlib.compress(data),
        lambda data: bz2.compress(data),
        lambda data: base64.b64encode(zlib.compress(data)),
        lambda data: zlib.compress(base64.b64encode(data)),
        lambda data: pickle.dumps([data], 4),
        lambda data: pickle.dumps([pickle.dumps(data, 0)], 2),
    ],
)
def test_encodings_and_layers(payload: bytes, encode: object) -> None:
    assert "os.system" in called(pickle.dumps({"a": encode(payload)}, 4))  # type: ignore[operator]


def test_python_2_strings() -> None:
    quoted = repr(PAYLOADS[0])[1:].encode()
    assert "os.system" in called(b"(lp0\nS" + quoted + b"\na.")
    assert "os.system" in called(b"]U" + bytes([len(PAYLOADS[0])]) + PAYLOADS[0] + b"a.")


def test_it_is_a_stream_of_its_own_and_named() -> None:
    data = pickle.dumps({"a": PAYLOADS[0], "b": base64.b64encode(PAYLOADS[0])}, 4)
    outer, inner, decoded = analyse(data).streams
    assert (outer.name, outer.level) == ("", 0)
    assert inner.level == decoded.level == 1
    assert inner.name == f"literal@{data.index(PAYLOADS[0])}"
    assert data[inner.start : inner.end] == PAYLOADS[0]
    assert decoded.name.startswith("base64@")


@pytest.mark.parametrize(
    "value",
    [
        HONEST,
        base64.b64encode(HONEST).decode(),
        HONEST[:-3],
        b"\x80\x04 not a pickle",
        "cat\ndog\nrat",
        "icon\nfoo\nbar",
        "cos\nsystem",
        "(a, b)\nR",
        b"\x80\x02" + bytes(range(256)),
        zlib.compress(b"just text, " * 20),
        b"PK\x03\x04 no archive",
        "deadbeef" * 8,
    ],
)
def test_what_is_honest_or_no_pickle_stays_benign(value: object) -> None:
    result = Scanner().scan_bytes(pickle.dumps({"a": value, "b": [value] * 3}, 4))
    assert (result.verdict, result.error) == (Verdict.BENIGN, None)


def test_random_literals_bring_no_streams() -> None:
    import random

    chance = random.Random(0)
    data = pickle.dumps([b"\x80\x04" + chance.randbytes(200) for _ in range(2000)], 4)
    assert len(analyse(data).streams) == 1


def test_depth_and_work_are_limited_and_said() -> None:
    data = PAYLOADS[0]
    for _ in range(12):
        data = pickle.dumps([data], 4)
    analysis = analyse(data, Limits(max_depth=5))
    assert not analysis.coverage.complete and "max_depth" in analysis.errors[0]
    data = pickle.dumps([base64.b64encode(PAYLOADS[0])] * 3, 4)
    assert analyse(data, Limits(max_nested_bytes=10)).errors
    assert analyse(data).errors == ()
