from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safepickle_dl import literals
from safepickle_dl.core import opcodes as op
from safepickle_dl.render import MAX_CALLEE_CHARS, arguments_text, callee_text, opcode_name
from tests.assemble import run, short, sites, stack_global, streams

F = b"cf\ng\n"


def argument(pickled: bytes, max_chars: int = 120) -> str:
    """Return the text of a call's only argument."""
    machine = run(F + pickled + b"\x85R.")
    assert machine.stopped
    nodes = machine.nodes
    return arguments_text(machine, nodes.item(machine.site_arguments[machine.n_sites - 1], 0), max_chars)


def callee(pickled: bytes) -> str:
    machine = run(pickled + b")R.")
    return callee_text(machine, machine.site_callee[machine.n_sites - 1])


def test_opcode_names() -> None:
    assert opcode_name(op.REDUCE) == "REDUCE"
    assert opcode_name(op.BAD_OPCODE) == "BAD_OPCODE"
    assert opcode_name(0xFF) == "0xff"


@pytest.mark.parametrize(
    ("pickled", "text"),
    [
        (b"N", "None"),
        (b"\x88", "True"),
        (b"I01\n", "True"),
        (b"I00\n", "False"),
        (b"I-42\n", "-42"),
        (b"I007\n", "7"),
        (b"I0x1f\n", "31"),
        (b"L123L\n", "123"),
        (b"L" + b"9" * 500 + b"L\n", "<integer of 500 bytes>"),
        (b"Iabc\n", "<integer b'abc'>"),
        (b"K\xff", "255"),
        (b"M\xff\xff", "65535"),
        (b"J\xff\xff\xff\xff", "-1"),
        (b"\x8a\0", "0"),
        (b"\x8a\x02\xff\x00", "255"),
        (b"\x8a\x01\xff", "-1"),
        (b"\x8b\x09\0\0\0" + b"\0" * 8 + b"\x01", str(2**64)),
        (b"G" + struct.pack(">d", 1.5), "1.5"),
        (b"G" + struct.pack(">d", float("nan")), "nan"),
        (b"F-2.5e3\n", "-2500.0"),
        (b"Fabc\n", "<float>"),
        (b"S'a\\n\\x41\\101\\'\\\\'\n", repr("a\nAA'\\")),
        (b"S'caf\xc3\xa9'\n", "'café'"),
        (b"S'\xe9'\n", "'é'"),
        (b"Vd\\u00e9j\xe0\\U0001f600\n", "'déjà😀'"),
        (b"Vbad\\u00\n", repr("bad\\u00")),
        (short("déjà"), "'déjà'"),
        (b"X\x02\0\0\0\xff\xfe", repr("\\xff\\xfe")),
        (b"X\x03\0\0\0\xed\xa0\x80", repr("\\xed\\xa0\\x80")),
        (b"U\x02ab", "'ab'"),
        (b"C\x02\0\xff", repr(b"\0\xff")),
        (b"\x96\x02\0\0\0\0\0\0\0ab", "b'ab'"),
        (b")", "()"),
        (b"K\x01\x85", "(1,)"),
        (b"K\x01K\x02\x86", "(1, 2)"),
        (b"](K\x01Ne", "[1, None]"),
        (b"]", "[]"),
        (b"}(K\x01NNK\x02u", "{1: None, None: 2}"),
        (b"\x8f", "set()"),
        (b"(K\x01\x91", "{1}"),
        (b"cos\nsystem\n", "os.system"),
        (b"cbuiltins\nlist\n", "builtins.list"),
        (b"ca\nb\n(K\x01Nt\x81", "a.b(1, None)"),
        (b"ca\nb\n)}\x92", "a.b(*((), {}))"),
        (b"ca\nb\nNR", "a.b(*None)"),
        (b"Pid\n", "persistent_id('id')"),
        (b"\x83\x05\x01", "ext(261)"),
        (b"\x97", "<buffer>"),
        (b"h\x63", "<unknown>"),
        (b"]q\0h\0a", "[[...]]"),
        (b")\x85q\0h\0\x86", "(((),), ((),))"),  # shared, not cyclic
    ],
)
def test_arguments(pickled: bytes, text: str) -> None:
    assert argument(pickled) == text


@pytest.mark.parametrize(
    ("pickled", "text"),
    [
        (b"cos\nsystem\n", "os.system"),
        (stack_global("shlex", "os.system"), "shlex.os.system"),
        (b"cbuiltins\nexec\n", "builtins.exec"),
        (b"V\\u006fs\nS'\\x73ystem'\n\x93", "os.system"),
        (short("os") + b"N\x93", "<computed>"),
        (b"\x82\x05", "ext(5)"),
        (b"Pid\n", "persistent_id('id')"),
        (b"K\x05", "5"),
        (
            b"cbuiltins\ngetattr\n(cimportlib\nimport_module\n(S'os'\ntRS'system'\ntR",
            "getattr(importlib.import_module('os'), 'system')",
        ),
        ("cos\ns\u0443stem\n".encode(), r"os.s\u0443stem"),  # a Cyrillic letter
        (b"cos\nsys\x1b[31mtem\n", r"os.sys\x1b[31mtem"),
        (b"cos\n\xff\n", "os.\\\\xff"),
    ],
)
def test_callees(pickled: bytes, text: str) -> None:
    assert callee(pickled) == text


def test_nothing_is_nothing() -> None:
    machine = run(F + b".")
    assert (callee_text(machine, -1), arguments_text(machine, -1)) == ("", "")


HOSTILE = "\x00\x07\x1b[2J\r\n\x85\u2028\u200b\u202e\u2066\ufeff\U000e0041\ud800"


@pytest.mark.parametrize(
    "pickled",
    [
        b"X\x40\0\0\0" + HOSTILE.encode("utf-8", "surrogatepass").ljust(64, b"\0"),
        b"V" + HOSTILE.replace("\n", "").encode("utf-8", "surrogatepass") + b"\\u202e\\ud800\\u001b\n",
        b"S'\x1b[2J\xe2\x80\xae\\x1b\\n\x9b'\n",
        b"U\x04\x9b31m",
        b"C\x05\x1b[2J\n",
        b"c\x1b[2J\xe2\x80\xae\r\n\xed\xa0\x80\x00\n",
        b"P\x1b[2J\xe2\x80\xae\r\n",
        b"I\x1b[2J\n",
    ],
)
def test_output_cannot_steer_a_terminal(pickled: bytes) -> None:
    for text in (argument(pickled), callee(pickled)):
        assert text.isprintable()
        text.encode()


@pytest.mark.parametrize(
    "pickled",
    [
        b"]q\0h\0a",
        b"}q\0h\0h\0s",
        b")" + b"\x85" * 100_000,
        b"ca\nb\n" + b")R" * 100_000,
        b"(" + b"N" * 200_000 + b"t",
        b"]q\0" + b"(h\0h\0h\0h\0e" * 60,
        b"(" * 3000 + b"l" * 3000,
        b")" + b"2\x86" * 60,
        b"X\x80\x84\x1e\0" + b"\xff" * 2_000_000,
        b"C\xff" + b"\0" * 255,
        b"cos\n" + b"a" * 1_000_000 + b"\n",
        b"I" + b"9" * 1_000_000 + b"\n",
        b"F" + b"9" * 1_000_000 + b"\n",
    ],
)
def test_output_and_time_are_bounded(pickled: bytes) -> None:
    machine = run(F + pickled + b"\x85R.")
    site = machine.n_sites - 1
    begin = time.perf_counter()
    for max_chars in (1, 20, 120, 2000):
        assert len(arguments_text(machine, machine.site_arguments[site], max_chars)) <= max(max_chars, 3)
    for i in range(max(0, machine.n_sites - 3), machine.n_sites):
        assert len(callee_text(machine, machine.site_callee[i])) <= MAX_CALLEE_CHARS
    assert time.perf_counter() - begin < 5


def test_a_cut_is_marked() -> None:
    assert argument(short("a" * 200), 20) == "'" + "a" * 16 + "..."
    assert argument(short("a" * 17), 20) == "'" + "a" * 17 + "'"
    assert argument(b"(" + b"K\x01" * 300 + b"t", 2000).endswith(", 1, ...)")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(sorted(op.ARGUMENTS)) | st.integers(0, 255), max_size=60).map(bytes))
def test_any_call_site_can_be_shown(data: bytes) -> None:
    for found in (sites(data), sites(F + data), sites(b"\x80\x04" + data)):
        for opcode, callee_, arguments in found:
            assert (opcode + callee_ + arguments).isprintable()
    streams(data)


@given(st.text(st.characters(codec="latin-1")), st.sampled_from([op.STRING, op.UNICODE, op.BINUNICODE, op.BINSTRING]))
def test_literals_never_raise(text: str, opcode: int) -> None:
    raw = text.encode("latin-1")
    literals.text(raw, opcode, 0, len(raw), 50)
    literals.integer(raw, op.INT, 0, len(raw))
    literals.floating(raw, op.FLOAT, 0, len(raw))
