"""What makes a loader, or a scanner, stop in a pickle once all of its calls have run.

A real loader executes up to the break. Frames are dropped first: the C loader reads a whole frame before it executes
any of it, and would refuse a frame that is cut off without having run a thing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from train.corpus.spelling import assemble as asm
from train.corpus.spelling.instructions import program

Breakage = Callable[[bytes, Random], bytes]

NO_OPCODES = bytes(byte for byte in range(128, 256) if byte > 0x98) + b"\0\x01\n !#$%&'*+,-/;<=>?@ADEHW[Y_`fkmnvwxyz{|~"
FEW = b"weights"
"""What is there of a literal that claims to be longer."""


def _body(stream: bytes) -> bytes:
    """Return a pickle without its frames and its STOP."""
    one = program(stream)
    if one is None:  # broken already
        return stream[:-1] if stream.endswith(asm.STOP) else stream
    head = asm.protocol_header(one.protocol) if one.protocol >= 0 else b""
    return head + b"".join(step.raw for step in one.steps)


def ended_by(tail: Callable[[Random], bytes]) -> Breakage:
    """Return the breakage that puts something in place of STOP."""
    return lambda stream, rng: _body(stream) + tail(rng)


def _no_opcode(rng: Random) -> bytes:
    return bytes([rng.choice(NO_OPCODES)])


def _empty_stack(stream: bytes, rng: Random) -> bytes:
    one = program(stream)
    return _body(stream) + asm.POP * ((one.left if one else 1) + rng.randrange(1, 4)) + asm.STOP


def _cut_literal(rng: Random) -> bytes:
    """Return a literal that the end of the file cuts off."""
    whole = rng.choice(
        (
            asm.text("a value that goes on", "BINUNICODE"),
            asm.text("a value that goes on", "SHORT_BINUNICODE"),
            asm.data(bytes(40)),
            asm.integer(2**70),
            asm.floating(0.5),
        )
    )
    return whole[: rng.randrange(1, len(whole))]


def _cut_line(rng: Random) -> bytes:
    """Return a line of text without its newline."""
    return rng.choice((b"I12", b"S'name", b"Vname", b"F1.", b"cnumpy\nndar", b"g1"))


def _long_text(rng: Random) -> bytes:
    size = rng.choice((2**31 - 1, 2**31, 2**32 - 1))
    return rng.choice((b"X", b"T")) + struct.pack("<I", size) + FEW


def _long_data(rng: Random) -> bytes:
    return rng.choice((b"\x8d", b"\x8e")) + struct.pack("<Q", rng.choice((2**31, 2**40, 2**63, 2**64 - 1))) + FEW


def _missing_memo(rng: Random) -> bytes:
    index = rng.randrange(2**20, 2**31)
    return rng.choice((asm.get(index), asm.get(index, "GET"))) + asm.POP


def _bad_utf8(rng: Random) -> bytes:
    raw = rng.choice((b"\xff\xfe", b"a\xc3", b"\xed\xa0"))
    return rng.choice((b"X" + struct.pack("<I", len(raw)), b"\x8c" + bytes([len(raw)]))) + raw


def _bad_integer(rng: Random) -> bytes:
    return rng.choice((b"Ione\n", b"I1.5\n", b"L12x\n", b"I\n", b"Fnumber\n"))


def _bad_index(rng: Random) -> bytes:
    return rng.choice((b"p-1\n", b"pname\n", b"gname\n"))


def _confused_import(rng: Random) -> bytes:
    """Return an import by values that are no text."""
    values = rng.choice((asm.integer(1) * 2, asm.NONE + asm.text("name"), asm.EMPTY_LIST * 2, asm.data(b"os") * 2))
    return values + asm.STACK_GLOBAL


def _confused_mark(rng: Random) -> bytes:
    return rng.choice((asm.APPENDS, asm.SETITEMS, asm.TUPLE, asm.POP_MARK, asm.OBJ, asm.ADDITEMS, asm.MARK))


def _protocols(rng: Random) -> bytes:
    return b"".join(asm.protocol_header(rng.randrange(6)) for _ in range(rng.randrange(2, 6)))


def _junk(rng: Random) -> bytes:
    return rng.choice(
        (bytes(rng.randrange(1, 600)), b"\n", rng.randbytes(rng.randrange(1, 200)), b"-- end of file --\n")
    )


BREAKAGES: dict[str, Breakage] = {
    "no-stop": ended_by(lambda rng: b""),
    "cut-literal": ended_by(_cut_literal),
    "cut-line": ended_by(_cut_line),
    "no-opcode": ended_by(lambda rng: _no_opcode(rng) + asm.STOP),
    "no-stop-but-more": ended_by(lambda rng: _no_opcode(rng) + _junk(rng)),
    "long-text": ended_by(lambda rng: _long_text(rng) + asm.STOP),
    "long-data": ended_by(lambda rng: _long_data(rng) + asm.STOP),
    "negative-long": ended_by(lambda rng: b"\x8b" + struct.pack("<i", -rng.randrange(1, 99)) + asm.STOP),
    "negative-string": ended_by(lambda rng: b"T" + struct.pack("<i", -rng.randrange(1, 99)) + asm.STOP),
    "long-frame": ended_by(lambda rng: b"\x95" + struct.pack("<Q", rng.choice((2**31, 2**40, 2**64 - 1))) + asm.STOP),
    "missing-memo": ended_by(lambda rng: _missing_memo(rng) + asm.STOP),
    "bad-utf8": ended_by(lambda rng: _bad_utf8(rng) + asm.POP + asm.STOP),
    "bad-quotes": ended_by(lambda rng: b"S" + rng.choice((b"name", b"'name", b"'name\"", b"")) + b"\n" + asm.STOP),
    "bad-integer": ended_by(lambda rng: _bad_integer(rng) + asm.POP + asm.STOP),
    "bad-index": ended_by(lambda rng: _bad_index(rng) + asm.STOP),
    "protocol-255": ended_by(lambda rng: asm.protocol_header(rng.choice((6, 77, 255))) + asm.STOP),
    "protocols": ended_by(lambda rng: _protocols(rng) + asm.STOP),
    "empty-stack": _empty_stack,
    "confused-import": ended_by(lambda rng: _confused_import(rng) + asm.STOP),
    "confused-mark": ended_by(lambda rng: _confused_mark(rng) + asm.STOP),
    "unregistered": ended_by(lambda rng: b"\x84" + struct.pack("<I", rng.randrange(2**20, 2**31)) + asm.STOP),
    "no-buffer": ended_by(lambda rng: b"\x97" + asm.STOP),
    "no-persistent-load": ended_by(lambda rng: rng.choice((b"Pstorage\n", asm.integer(1) + asm.BINPERSID)) + asm.STOP),
    "junk-behind": ended_by(lambda rng: asm.STOP + _junk(rng)),
}  # fmt: skip
"""Name to breakage. `protocols` and `junk-behind` stop no loader, only some scanners; loaders differ about `cut-line`,
`long-frame` and `bad-integer`."""
