"""Escapes in the text forms of strings: STRING and UNICODE."""

from __future__ import annotations

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes, Octets


def hex_digit(byte: int) -> int:
    """Return the value of a hexadecimal digit, -1 if it is none."""
    if 48 <= byte <= 57:
        return byte - 48
    lower = byte | 32
    return lower - 87 if 97 <= lower <= 102 else -1


def unescape(data: Bytes, opcode: int, lo: int, hi: int, scratch: Octets) -> int:
    r"""Decode a STRING (\n, \x41, \101) or UNICODE (\u0041) into `scratch`; return its length.

    `scratch` must hold `hi - lo` bytes.

    Source: `codecs.escape_decode` and the raw-unicode-escape codec. Characters above 127 become one high byte.
    """
    n = 0
    i = lo
    while i < hi:
        value = data[i]
        i += 1
        if value == 92 and i < hi:
            letter = data[i]
            width = 0
            if opcode == op.UNICODE:
                width = 4 if letter == 117 else (8 if letter == 85 else 0)
            elif letter == 120:
                width = 2
            elif 48 <= letter <= 55:
                value = 0
                k = 0
                while k < 3 and i < hi and 48 <= data[i] <= 55:
                    value = value * 8 + data[i] - 48
                    i += 1
                    k += 1
            elif letter == 110:
                value = 10
                i += 1
            elif letter == 116:
                value = 9
                i += 1
            elif letter == 114:
                value = 13
                i += 1
            else:
                value = letter
                i += 1
            if width > 0 and i + width < hi:
                decoded = 0
                k = 1
                while k <= width and hex_digit(data[i + k]) >= 0:
                    decoded = decoded * 16 + hex_digit(data[i + k])
                    k += 1
                if k > width:
                    value = decoded
                    i += 1 + width
        scratch[n] = value if value < 128 else 128
        n += 1
    return n
