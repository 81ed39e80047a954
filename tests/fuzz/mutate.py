"""Mutations of pickles: of bytes, and of whole instructions."""

from __future__ import annotations

from random import Random

from safepickle_dl.core import opcodes as op

OPCODES = bytes(sorted(op.ARGUMENTS))
ODD = [
    b"\0",
    b"\n",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\r\n",
    b"-1\n",
    b"0x10\n",
    b"1\0\n",
]


def mutate(data: bytes, other: bytes, chance: Random) -> bytes:
    """Return `data` with a few changes; `other` is another pickle to take pieces from."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(changed) + 1)
        pick = chance.randrange(9)
        if pick == 0 and changed:
            changed[at % len(changed)] = chance.randrange(256)
        elif pick == 1 and changed:
            changed[at % len(changed)] = chance.choice(OPCODES)
        elif pick == 2 and changed:
            changed[at % len(changed)] ^= 1 << chance.randrange(8)
        elif pick == 3:
            changed[at:at] = bytes([chance.choice(OPCODES)])
        elif pick == 4:
            changed[at:at] = chance.choice(ODD)
        elif pick == 5:
            del changed[at : at + chance.choice([1, 1, 2, 4, 20])]
        elif pick == 6:
            start = chance.randrange(len(other) + 1)
            changed[at:at] = other[start : start + chance.choice([1, 5, 30, 200])]
        elif pick == 7:
            start = chance.randrange(len(changed) + 1)
            changed[at:at] = changed[start : start + chance.choice([1, 5, 30])]
        else:
            del changed[at:]
    return bytes(changed)
