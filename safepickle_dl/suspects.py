"""Which of the texts and bytes of a stream are worth a closer look: all of them at once, by their first bytes.

A pickle may hold millions of literals, few of which could be pickles. What passes here is looked at one by one in
`nested`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from safepickle_dl.containers.sniff import OPCODES
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.nodes import Nodes
from safepickle_dl.reader import Buffer
from safepickle_dl.stream import literal_nodes, literal_spans

MIN_LITERAL = 8
"""Shorter literals cannot import anything (bytes)."""
MIN_HEADLESS = 24
"""Characters of base64 that a pickle without a header needs at least (count)."""
HEAD = 64
"""First bytes of a literal that are looked at here."""
SHORT = 16
"""Literals of up to so many bytes are looked at apart: most are names, and need no more columns."""

Mask = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]


def _table(members: bytes | frozenset[int]) -> Mask:
    table = np.zeros(256, np.bool_)
    table[list(members)] = True
    return table


_MAGICS = (b"\x1f\x8b", b"BZ", b"\xfd7", b"PK", b"7z", b"\x04\x22", b"\x02\x21", b"\x28\xb5", b"\x93N", b"ZF")
_IS_MAGIC = np.zeros(1 << 16, np.bool_)
_IS_MAGIC[[magic[0] << 8 | magic[1] for magic in _MAGICS]] = True
_IS_MAGIC[[0x8000 + protocol for protocol in range(6)]] = True
_PAIRS = np.arange(1 << 16)
_IS_MAGIC |= (_PAIRS >> 8 & 0x8F == 8) & (_PAIRS & 0x20 == 0) & (_PAIRS % 31 == 0)  # zlib
_IS_MAGIC[[high << 8 | 0x2A for high in range(0x50, 0x60)]] = True
_IS_OPCODE = _table(OPCODES)
_IS_HEX = _table(b"0123456789abcdefABCDEF")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IS_BASE64 = _table(_ALPHABET + b"-_=\r\n")
_SIX_BITS = np.zeros(256, np.uint16)
_SIX_BITS[list(_ALPHABET)] = np.arange(64)
_SIX_BITS[list(b"-_")] = (62, 63)


def suspects(nodes: Nodes, data: Buffer) -> Iterator[int]:
    """Yield the nodes of the literals that could be pickles, as they are, encoded or compressed, in order."""
    octets = np.frombuffer(data, np.uint8)
    for part in literal_nodes(nodes, MIN_LITERAL):
        first, last = int(part[0]), int(part[-1]) + 1
        opcode = np.asarray(memoryview(nodes.opcode)[first:last])[part - first]
        lo, hi = literal_spans(nodes, part)
        size = hi - lo
        could = np.zeros(len(part), np.bool_)
        for chosen, head in ((size <= SHORT, SHORT + 2), (size > SHORT, HEAD)):
            at = np.minimum(np.arange(head), (size[chosen] - 1)[:, None])
            could[chosen] = _could_be(octets[lo[chosen][:, None] + at], opcode[chosen], size[chosen])
        yield from part[could].tolist()


def _could_be(heads: Octets, opcode: Octets, size: npt.NDArray[np.int64]) -> Mask:
    """Return which heads could be those of a pickle.

    Args:
        heads: (n, h) first bytes, the last one repeated where a literal is shorter: twice or more, or not at all.
        opcode: (n,) how each is written.
        size: (n,) how long each is (bytes).
    """
    pair = heads[:, 0].astype(np.uint16) << 8 | heads[:, 1]
    could: Mask = _IS_MAGIC[pair]
    imports = (heads == 0x93).any(axis=1) | ((heads == 10).sum(axis=1) >= 2)
    could |= _IS_OPCODE[heads[:, 0]] & (imports | (heads[:, 0] >= 0x80) | (heads[:, 0] == 0x28))
    could |= _IS_HEX[heads[:, :16]].all(axis=1)
    bits = _SIX_BITS[heads[:, :3]]
    decoded = bits[:, 0] << 10 | bits[:, 1] << 4 | bits[:, 2] >> 2
    is_base64 = _IS_BASE64[heads[:, :4]].all(axis=1)
    could |= is_base64 & _IS_MAGIC[decoded]
    could |= (size >= MIN_HEADLESS) & _IS_OPCODE[decoded >> 8] & _IS_BASE64[heads].all(axis=1)
    could |= ((opcode == op.STRING) | (opcode == op.UNICODE)) & (heads == 0x5C).any(axis=1)
    first, second = _latin1(heads)
    is_text = (heads & 0xFE == 0xC2).any(axis=1)
    could |= is_text & (_IS_OPCODE[first] | _IS_MAGIC[first.astype(np.uint16) << 8 | second])
    return could


def _latin1(heads: Octets) -> tuple[Octets, Octets]:
    """Return the first and the second byte, (n,) each, that latin-1 written as UTF-8 stands for."""
    n = np.arange(len(heads))
    at = np.zeros(len(heads), np.intp)
    found = []
    for _ in range(2):
        byte = heads[n, at]
        wide = byte & 0xFE == 0xC2
        found.append(np.where(wide, (byte & 3) << 6 | heads[n, at + 1] & 63, byte))
        at += 1 + wide
    return found[0], found[1]
