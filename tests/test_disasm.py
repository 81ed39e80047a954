from __future__ import annotations

import gzip
import io
import pickle
import pickletools

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl.disasm import disassemble
from safepickle_dl.limits import Limits
from tests.assemble import short, stack_global

PAYLOAD = b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R."


def test_a_small_pickle() -> None:
    assert list(disassemble(PAYLOAD)) == [
        "stream at byte 0: protocol 4, 8 instructions, 27 bytes, complete",
        "         0  PROTO            4",
        "         2  SHORT_BINUNICODE 'os'",
        "         6  SHORT_BINUNICODE 'system'",
        "        14  STACK_GLOBAL",
        "        14  => import os.system  [called]",
        "        15  SHORT_BINUNICODE 'echo hi'",
        "        24  TUPLE1",
        "        25  REDUCE",
        "        25  => call os.system with ('echo hi',)  [returned]",
        "        26  STOP",
    ]


@pytest.mark.parametrize("protocol", range(6))
def test_instructions_are_those_of_pickletools(protocol: int) -> None:
    data = pickle.dumps({"a": [1, 2.5, None, (True, b"x")], "b": {1, 2}, "c": 2**70, "d": ValueError("x")}, protocol)
    shown = [line.split()[:2] for line in disassemble(data)][1:]
    shown = [words for words in shown if words[1] not in ("=>", "!!")]
    assert shown == [[str(at), opcode.name] for opcode, _, at in pickletools.genops(data)]


def test_call_sites_of_every_kind() -> None:
    data = b"(S'a'\nios\nsystem\n}b(K\x01ePid\n\x82\x05cx\ny\n)\x810g9\nX\xff\xff\xff\xff"
    marked = [line.split(None, 1)[1] for line in disassemble(data) if "=>" in line or "!!" in line]
    assert marked == [
        "=> import os.system  [called]",
        "=> call os.system with ('a',)  [built]",
        "=> set state of os.system('a') to {}  [built]",
        "=> appends on os.system('a') with (1,)",
        "=> persistent_load 'id'",
        "=> import ext(5)",
        "=> import x.y  [called]",
        "=> call x.y with ()  [popped]",
        "!! BAD_MEMO_KEY",
        "!! TRUNCATED",
    ]


def test_arrays_are_one_line_and_nested_pickles_are_shown() -> None:
    file = io.BytesIO()
    joblib.dump([np.arange(1000.0), np.array(["x", 1], dtype=object), "end"], file)
    lines = list(disassemble(file.getvalue()))
    assert sum("array data, " in line for line in lines) == 2
    assert sum(line.startswith("nested stream at byte ") for line in lines) == 1
    assert any("'end'" in line for line in lines)
    assert len(lines) < 250
    outer = lines[: next(i for i, line in enumerate(lines) if line.startswith("nested"))]
    offsets = [int(line.split()[0]) for line in outer[1:]]
    assert offsets == sorted(offsets)


def test_members_problems_and_nothing() -> None:
    assert next(disassemble(gzip.compress(PAYLOAD))).startswith("stream gzip at byte 0")
    assert list(disassemble(b"just text")) == ["no pickle in it"]
    assert list(disassemble(b"")) == ["no pickle in it"]
    assert any(line.startswith("!! ") for line in disassemble(gzip.compress(PAYLOAD)[:-12]))


def test_several_streams_and_limits() -> None:
    lines = list(disassemble(PAYLOAD + PAYLOAD))
    assert [line for line in lines if line.startswith("stream")][1].startswith("stream at byte 27")
    lines = list(disassemble(b"\x80\x04" + b"N0" * 20_000 + b"N.", Limits(max_opcodes=5000)))
    assert any("!! LIMIT" in line for line in lines)
    assert "not complete" in lines[0]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    for line in [*disassemble(data), *disassemble(b"\x80\x02cf\ng\n" + data + b"R.")]:
        assert line.isprintable()
