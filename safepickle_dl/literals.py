"""Literals of a pickle stream to Python values, as `pickle` decodes them. Never raises.

What a strict loader refuses (text that is no UTF-8, a malformed escape) is decoded as far as it makes sense.
"""

from __future__ import annotations

import re
import struct

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes

MAX_DIGITS = 300
"""Longer integers are not converted: the conversion to decimal text is quadratic (digits)."""

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {
    b"\n": b"",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
    b"'": b"'",
    b'"': b'"',
}


def _unescape(match: re.Match[bytes]) -> bytes:
    letter = match[1]
    if letter[:1] == b"x" and len(letter) == 3:
        return bytes([int(letter[1:], 16)])
    if letter.isdigit() and letter < b"8":
        return bytes([int(letter, 8) & 255])
    return _NAMED.get(letter, match[0])


def string_bytes(raw: bytes) -> bytes:
    r"""Return the bytes that a STRING means: `\n`, `\x41`, `\101` and the like are replaced."""
    return _ESCAPE.sub(_unescape, raw)


def text(data: Bytes, opcode: int, lo: int, hi: int, max_chars: int) -> str:
    """Return at least the first `max_chars` characters of a text literal, or of a GLOBAL's line.

    Args:
        data: what the span refers to.
        opcode: how the literal is written; any other one than a text opcode means UTF-8.
        lo: where the literal begins.
        hi: where it ends.
        max_chars: how much is wanted; the literal may be gigabytes long.
    """
    raw = bytes(data[lo : min(hi, lo + 10 * max_chars + 10)])  # \U0001f600: ten bytes for one character
    if opcode == op.UNICODE:
        try:
            return raw.decode("raw-unicode-escape")
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    if opcode == op.STRING:
        raw = string_bytes(raw)
    if opcode in (op.STRING, op.BINSTRING, op.SHORT_BINSTRING):
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    return raw.decode("utf-8", "backslashreplace")


def integer(data: Bytes, opcode: int, lo: int, hi: int) -> int | None:
    """Return the value of an integer literal; None if it is malformed or longer than MAX_DIGITS."""
    raw = bytes(data[lo : min(hi, lo + MAX_DIGITS + 1)])
    if hi - lo > MAX_DIGITS:
        return None
    if opcode in (op.INT, op.LONG):
        try:
            return int(raw, 0)
        except ValueError:
            pass
        try:
            return int(raw, 10)  # the C loader takes leading zeros
        except ValueError:
            return None
    return int.from_bytes(raw, "little", signed=opcode in (op.BININT, op.LONG1, op.LONG4))


def is_boolean(data: Bytes, opcode: int, lo: int, hi: int) -> bool:
    """Return whether an integer literal means False or True: `I00`, `I01`."""
    return opcode == op.INT and hi - lo == 2 and bytes(data[lo:hi]) in (b"00", b"01")


def floating(data: Bytes, opcode: int, lo: int, hi: int) -> float | None:
    """Return the value of a FLOAT or BINFLOAT; None if it is malformed."""
    raw = bytes(data[lo : min(hi, lo + MAX_DIGITS)])
    try:
        if opcode == op.BINFLOAT:
            value: float = struct.unpack(">d", raw)[0]
            return value
        return float(raw)
    except (ValueError, struct.error):
        return None
