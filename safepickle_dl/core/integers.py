"""Values of integer literals, as far as the machine needs them: small ones exactly, huge ones as -1."""

from __future__ import annotations

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes
from safepickle_dl.core.lexer import read_uint

HUGE = 1 << 62
"""Stands for anything larger; nothing that large is a length, a key or a count."""


def decimal(data: Bytes, lo: int, hi: int) -> int:
    """Return the value of decimal text (anything but digits skipped), at most HUGE; -1 if negative or empty."""
    value = -1
    for i in range(lo, hi):
        byte = data[i]
        if 48 <= byte <= 57:
            if value < 0:
                value = 0
            value = value * 10 + byte - 48 if value < HUGE // 16 else HUGE
        elif byte == 45:
            return -1
    return value


def memo_key(data: Bytes, lo: int, hi: int) -> int:
    """Return the memo key that a GET's or PUT's line means; -1 if negative or empty.

    A NUL ends the number, as for the C loader. Keys beyond HUGE become numbers beyond it that differ as they do.
    """
    value = -1
    digest = 0
    for i in range(lo, hi):
        byte = data[i]
        if byte == 0:
            break
        if 48 <= byte <= 57:
            if value < 0:
                value = 0
            value = value * 10 + byte - 48 if value < HUGE // 16 else HUGE
            if value > 0:
                digest = (digest * 1000003 ^ byte) & 0xFFFFFFFFFFFF
        elif byte == 45:
            return -1
    return HUGE + digest if value == HUGE else value


def prefixed(data: Bytes, lo: int, hi: int) -> int:
    """Return the value of integer text that may begin with 0x, 0o or 0b, at most HUGE; -1 if negative or empty."""
    while lo < hi and (data[lo] == 32 or 9 <= data[lo] <= 13 or data[lo] == 43):
        lo += 1
    if hi - lo < 3 or data[lo] != 48:
        return decimal(data, lo, hi)
    letter = data[lo + 1] | 32
    base = 16 if letter == 120 else (8 if letter == 111 else (2 if letter == 98 else 10))
    if base == 10:
        return decimal(data, lo, hi)
    value = 0
    for i in range(lo + 2, hi):
        byte = data[i]
        if value >= HUGE // 16:
            return HUGE
        if 48 <= byte <= 57:
            value = value * base + byte - 48
        elif 97 <= byte | 32 <= 102:
            value = value * base + (byte | 32) - 87
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
    return prefixed(data, lo, hi)
