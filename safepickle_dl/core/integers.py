"""Values of integer literals, as far as the machine needs them: small ones exactly, huge ones as -1."""

from __future__ import annotations

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes
from safepickle_dl.core.lexer import read_uint

HUGE = 1 << 62
"""Stands for anything larger; nothing that large is a length, a key or a count."""


def decimal(data: Bytes, lo: int, hi: int) -> int:
    """Return the value of decimal text (blanks, signs and underscores skipped), at most HUGE; -1 if negative or empty."""
    value = -1
    for i in range(lo, hi):
        byte = data[i]
        if 48 <= byte <= 57:
            if value < 0:
                value = 0
            if value < HUGE // 16:
                value = value * 10 + byte - 48
            else:
                value = HUGE
        elif byte == 45:
            return -1
    return value


def literal(data: Bytes, opcode: int, lo: int, hi: int) -> int:
    """Return the value of an integer literal (`BININT*`, `LONG*`, `INT`) if it is from 0 to HUGE, else -1."""
    if opcode == op.BININT1 or opcode == op.BININT2:
        return read_uint(data, lo, hi - lo)
    if opcode == op.BININT:
        value = read_uint(data, lo, 4)
        return value if value < 0x80000000 else -1
    if opcode == op.LONG1 or opcode == op.LONG4:
        size = hi - lo
        if size == 0:
            return 0
        if data[hi - 1] >= 128:
            return -1
        while size > 0 and data[lo + size - 1] == 0:
            size -= 1
        return read_uint(data, lo, size) if size < 8 else HUGE
    return decimal(data, lo, hi)
