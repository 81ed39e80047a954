"""What literals look like, and what texts stand for, as `suspects`, `containers.encoded` and `nested` say it."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safepickle_dl.containers.encoded import base64_bytes, decoded, may_hide_pickle
from safepickle_dl.containers.sniff import OPCODES
from safepickle_dl.core import opcodes as op
from safepickle_dl.embed import encoded
from safepickle_dl.embed.encoded import BASE64, HEX, PLAIN, Looks
from safepickle_dl.limits import Budget
from safepickle_dl.nested import HEAD_BYTES, as_bytes, is_escaped
from safepickle_dl.stream import read_stream
from safepickle_dl.suspects import MIN_LITERAL, suspects
from tests.assemble import short, stack_global

PAYLOAD = b"\x80\x04" + stack_global("os", "system") + short("echo hi") + b"\x85R."
BEGINNINGS = [
    *(
        PAYLOAD,
        PAYLOAD[2:],
        b"cos\nsystem\n",
        b"(",
        b"c",
        b"\x80\x05",
        b"\x80\x07",
        b"",
        b"PK\3\4",
        b"\x93NUMPY",
        b"7z\xbc\xaf\x27\x1c",
    ),
    *(
        gzip.compress(b"x"),
        bz2.compress(b"x"),
        bz2.compress(b""),
        zlib.compress(b"x"),
        lzma.compress(b"x"),
        b"ZF0x",
        b"BZh9",
    ),
    *(
        b"\x04\x22\x4d\x18",
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18",
        b"SQLite format 3\0",
        b"model.layers.",
        b"hello, ",
    ),
]
BYTES = st.tuples(st.sampled_from(BEGINNINGS), st.binary(max_size=80)).map(b"".join)
CODED = st.one_of(
    BYTES,
    BYTES.map(base64.b64encode),
    BYTES.map(base64.encodebytes),
    BYTES.map(base64.urlsafe_b64encode),
    BYTES.map(lambda data: data.hex().encode()),
    BYTES.map(lambda data: data.hex().encode() + b"f"),
    BYTES.map(lambda data: data.hex(" ", 40).encode()),
    BYTES.map(lambda data: data.decode("latin-1").encode()),
    BYTES.map(lambda data: repr(data)[2:-1].encode()),
)


def literal(data: bytes, opcode: int) -> bytes:
    """Return a pickle of one literal."""
    if opcode in (op.STRING, op.UNICODE):
        text = data.replace(b"\n", b"\\n")
        return bytes([opcode]) + (b"'" + text + b"'" if opcode == op.STRING else text) + b"\n."
    return bytes([opcode]) + len(data).to_bytes(4, "little") + data + b"."


@given(CODED, st.sampled_from([op.STRING, op.UNICODE, op.BINUNICODE, op.BINBYTES, op.BINSTRING]))
@settings(max_examples=150, deadline=None)
def test_what_is_worth_a_closer_look(data: bytes, opcode: int) -> None:
    pickle = literal(data, opcode)
    nodes = read_stream("", pickle, 0, len(pickle), Budget()).machine.nodes
    last = nodes.count - 1
    lo, hi = nodes.lo[last], nodes.end(last)
    if hi - lo >= MIN_LITERAL:
        assert Looks().could_be(pickle, opcode, lo, hi) == (last in list(suspects(nodes, pickle)))


@given(CODED)
@settings(max_examples=150, deadline=None)
def test_what_may_hide_a_pickle(data: bytes) -> None:
    looks = Looks()
    assert looks.may_hide_pickle(b"?" + data, 1, 1 + len(data)) == may_hide_pickle(data[:HEAD_BYTES])
    whole = decoded(data)
    how = looks.encoding(b"?" + data, 1, 1 + len(data))
    into = bytearray(len(data))
    if how == PLAIN:
        assert whole is None
    elif how == BASE64:
        assert whole == ("base64", bytes(into[: encoded.unbase64(data, 0, len(data), into)]))
    else:
        n = encoded.unhex(data, 0, len(data), into)
        assert whole == (("hex", bytes(into[:n])) if n >= 0 else None)
        assert how == HEX


@given(
    st.lists(
        st.sampled_from(
            [
                b"\\",
                b"x4",
                b"1",
                b"u00e9",
                b"U0001f600",
                b"u20",
                b"n",
                b"a",
                b"'",
                b"\xff",
                "é€😀".encode(),
                b"\xed\xa0\x80",
                b"\xe2\x82",
                b"7777",
            ]
        ),
        max_size=12,
    ).map(b"".join),
    st.sampled_from([op.STRING, op.UNICODE, op.BINUNICODE]),
)
@example(b"\\U00110000\\u00", op.UNICODE)
@settings(max_examples=150, deadline=None)
def test_texts_to_bytes(raw: bytes, opcode: int) -> None:
    into = bytearray(len(raw))
    assert bytes(into[: encoded.as_bytes(raw, opcode, 0, len(raw), into)]) == as_bytes(opcode, raw)


@pytest.mark.parametrize("opcode", [op.STRING, op.UNICODE, op.SHORT_BINUNICODE, op.BINBYTES])
def test_escaped_texts(opcode: int) -> None:
    for raw in (rb"\x80\x04K\x01.", b"\xc2\x80\x04K\1.", rb"\u0080\u0004", b"plain text", b"\xc3\xa4nderung"):
        expected = is_escaped(opcode, raw) and may_hide_pickle(as_bytes(opcode, raw))
        assert Looks().is_escaped(raw, opcode, 0, len(raw)) == expected


@given(st.binary(max_size=60))
def test_base64_is_read_leniently(text: bytes) -> None:
    into = bytearray(len(text))
    assert bytes(into[: encoded.unbase64(text, 0, len(text), into)]) == base64_bytes(text)


def test_opcodes() -> None:
    looks = Looks()
    assert {byte for byte in range(256) if looks.is_opcode(byte)} == OPCODES
