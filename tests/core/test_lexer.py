from __future__ import annotations

import struct

import pytest

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import BLOCK, Lexer
from tests.assemble import lex, names

SAMPLES: dict[int, tuple[bytes, bytes]] = {
    op.LINE: (b"12\n", b"12"),
    op.TWO_LINES: (b"os\nsystem\n", b"os\nsystem"),
    op.SIZE1: (b"\x03abc", b"abc"),
    op.SIZE4: (b"\x03\0\0\0abc", b"abc"),
    op.SIZE8: (b"\x03\0\0\0\0\0\0\0abc", b"abc"),
}


def sample(code: int) -> tuple[bytes, bytes]:
    """Return an argument as stored, and the part of it that the lexer should report."""
    if code == op.STRING:
        return b"'12'\n", b"12"
    form = op.ARGUMENTS[code]
    return SAMPLES[form] if form > 8 else (b"\x02" * form, b"\x02" * form)


def test_there_are_68_opcodes() -> None:
    assert len(op.ARGUMENTS) == 68
    assert set(op.ARGUMENTS) <= set(op.NAMES)


@pytest.mark.parametrize("code", sorted(op.ARGUMENTS), ids=lambda code: op.NAMES[code])
def test_every_opcode_and_its_argument(code: int) -> None:
    stored, argument = sample(code)
    data = b"N" + bytes([code]) + stored + b"N."
    expected = [("NONE", 0, b""), (op.NAMES[code], 1, argument)]
    if code != op.STOP:
        expected += [("NONE", 2 + len(stored), b""), ("STOP", 3 + len(stored), b"")]
    assert lex(data) == expected


def test_all_opcodes_in_a_row() -> None:
    codes = [code for code in sorted(op.ARGUMENTS) if code != op.STOP] + [op.STOP]
    data = b""
    expected = []
    for code in codes:
        expected.append((op.NAMES[code], len(data), sample(code)[1]))
        data += bytes([code]) + sample(code)[0]
    assert lex(data) == expected


@pytest.mark.parametrize(
    ("line", "argument"),
    [
        (b"S'\xe9\xff\x80'\n", b"\xe9\xff\x80"),
        (b'S"it\'s"\n', b"it's"),
        (b"S''\n", b""),
        (b"S'a\rb'\n", b"a\rb"),
        ("cmödul\nnäme\n".encode(), "mödul\nnäme".encode()),
        (b"c os \nsys\0tem\r\n", b" os \nsys\0tem\r"),
        (b"Vd\\u00e9j\xe0\n", b"d\\u00e9j\xe0"),
        (b"P\n", b""),
    ],
)
def test_lines_hold_any_byte_but_a_newline(line: bytes, argument: bytes) -> None:
    instructions = lex(line + b".")
    assert [argument, b""] == [found for _, _, found in instructions]
    assert instructions[1][:2] == ("STOP", len(line))


@pytest.mark.parametrize("size", [0, 1, 5, 2**40, 2**64 - 1])
def test_frame_is_only_a_hint(size: int) -> None:
    data = b"\x80\x04\x95" + struct.pack("<Q", size) + b"N."
    assert names(data) == ["PROTO", "FRAME", "NONE", "STOP"]


@pytest.mark.parametrize(
    "text",
    [
        *(b"I0", b"I00", b"I01", b"I-5", b"I+5", b"I0x1f", b"I0o17", b"I0b1", b"I1_000", b"I 7 ", b"I007"),
        *(b"L5L", b"L-5L", b"L5", b"L0x1fL", b"L1_0L", b"g10", b"p10"),
    ],
)
def test_integer_text_that_some_loader_takes(text: bytes) -> None:
    assert names(text + b"\n.") == [op.NAMES[text[0]], "STOP"]


@pytest.mark.parametrize(
    "text",
    [
        *(b"I", b"Iabc", b"I1__0", b"I_1", b"I1_", b"I1.5", b"I0x", b"I0xg", b"I--1", b"I5L"),
        *(b"L", b"LL", b"L5LL", b"L5l", b"gx", b"px", b"S", b"S'", b"Sabc", b"S'abc", b"S'abc\""),
    ],
)
def test_malformed_literal_comes_with_an_anomaly_and_lexing_goes_on(text: bytes) -> None:
    assert names(b"N" + text + b"\nN.") == ["NONE", "BAD_LITERAL", op.NAMES[text[0]], "NONE", "STOP"]


@pytest.mark.parametrize(
    "tail",
    [
        b"T\xff\xff\xff\xffab",
        b"\x8b\xff\xff\xff\xffab",
        b"X\xff\xff\xff\x7fab",
        b"\x8d" + struct.pack("<Q", 2**40) + b"ab",
        b"\x8e" + struct.pack("<Q", 2**64 - 1),
        b"\x96\x01",
        b"\x8c",
        b"\x8c\x05abcd",
        b"J\x01\x02",
        b"G\0\0\0\0",
        b"\x80",
        b"\x95\0",
        b"X\x01",
        b"I",
        b"c",
    ],
)
def test_argument_behind_the_end(tail: bytes) -> None:
    assert lex(b"N" + tail)[0] == ("NONE", 0, b"")
    assert [(name, at) for name, at, _ in lex(b"N" + tail)][1:] == [("TRUNCATED", 1)]


def test_last_line_without_newline_is_read_as_pickle_py_reads_it() -> None:
    assert lex(b"(ios\nsystem!") == [
        ("MARK", 0, b""),
        ("INST", 1, b"os\nsystem"),
        ("TRUNCATED", 12, b""),
    ]
    assert names(b"NI12") == ["NONE", "INT", "TRUNCATED"]
    assert lex(b"cos\n")[0] == ("GLOBAL", 0, b"os\n")  # the module is imported before its name is missed
    assert lex(b"cos!")[0] == ("GLOBAL", 0, b"os")
    assert names(b"P") == ["PERSID", "TRUNCATED"]


@pytest.mark.parametrize("byte", sorted(set(range(256)) - set(op.ARGUMENTS)))
def test_unknown_opcode_ends_the_stream(byte: int) -> None:
    assert [(name, at) for name, at, _ in lex(b"N" + bytes([byte]) + b"N.")] == [
        ("NONE", 0),
        ("BAD_OPCODE", 1),
    ]


def test_unknown_protocol_goes_on() -> None:
    assert names(b"\x80\x06N.") == ["BAD_PROTOCOL", "PROTO", "NONE", "STOP"]


def test_empty_input() -> None:
    assert lex(b"") == [("TRUNCATED", 0, b"")]


def test_missing_stop() -> None:
    assert lex(b"N") == [("NONE", 0, b""), ("TRUNCATED", 1, b"")]


def test_blocks_join_without_a_seam() -> None:
    data = b"Iabc\n" * (2 * BLOCK) + b"."
    assert names(data) == ["BAD_LITERAL", "INT"] * (2 * BLOCK) + ["STOP"]


def test_span_within_a_buffer() -> None:
    lexer = Lexer(b"xxN.xx", 2, 4)
    assert not lexer.read_block()
    assert (list(lexer.ops[: lexer.count]), lexer.position) == ([op.NONE, op.STOP], 4)
    lexer = Lexer(b"X\x03\0\0\0abc.", 0, 7)
    assert not lexer.read_block()
    assert list(lexer.ops[: lexer.count]) == [op.TRUNCATED]
