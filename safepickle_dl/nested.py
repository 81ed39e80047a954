"""Pickles that are arguments of a pickle: bytes and texts that another stage of the program would load.

Each is a stream of its own, with call sites of its own; an honest nested pickle has honest ones. A literal may be a
pickle as it is, in base64 or hex, compressed, or any container; what does not make sense as a pickle is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from safepickle_dl import literals
from safepickle_dl.containers import Part, Problem, Region, open_node
from safepickle_dl.containers.encoded import MIN_TEXT, decoded, may_hide_pickle
from safepickle_dl.containers.node import Node
from safepickle_dl.core import opcodes as op
from safepickle_dl.limits import Budget
from safepickle_dl.stream import PickleStream
from safepickle_dl.streams import read_streams
from safepickle_dl.suspects import suspects

HEAD_BYTES = 1024
"""How much of a literal is looked at to learn whether it could be a pickle (bytes)."""


def find_streams(region: Region, budget: Budget, level: int = 0) -> Iterator[PickleStream | Problem]:
    """Yield the streams of a region, each followed by those that lie in it: object arrays, then its literals.

    Args:
        region: where to read.
        budget: what the file may still cost.
        level: pickles around the region (count).
    """
    for stream in read_streams(region, budget):
        for one in _flat(stream, level):
            yield one
            for part in _parts(one, region, budget):
                if isinstance(part, Region):
                    yield from find_streams(part, budget, one.level + 1)
                elif isinstance(part, Problem) and part.is_limit:
                    yield part


def _flat(stream: PickleStream, level: int) -> Iterator[PickleStream]:
    stream.level = level
    yield stream
    for inner in stream.nested:
        yield from _flat(inner, level + 1)


def _parts(stream: PickleStream, region: Region, budget: Budget) -> Iterator[Part]:
    """Yield what is in the literals of a stream."""
    parent = Node(stream.name, stream.data, region.start, region.end, region.depth, 1, budget, certain=False)
    for node in _literals(stream, parent):
        if budget.nested_bytes < 0:
            yield node.problem(f"limit max_nested_bytes reached ({budget.limits.max_nested_bytes})", 1)
            return
        if node.depth > budget.limits.max_depth:
            yield node.problem(f"limit max_depth reached ({budget.limits.max_depth})", 1)
            return
        yield from open_node(node)


def _literals(stream: PickleStream, parent: Node) -> Iterator[Node]:
    """Yield the literals of a stream that a pickle may begin in."""
    nodes, data, budget = stream.machine.nodes, stream.data, parent.budget
    for index in suspects(nodes, data):
        opcode, lo, hi = nodes.opcode[index], nodes.lo[index], nodes.end(index)
        head = bytes(data[lo : min(hi, lo + HEAD_BYTES)])
        if may_hide_pickle(head):
            yield parent.child(f"literal@{lo}", lo, hi)
        if is_escaped(opcode, head) and may_hide_pickle(as_bytes(opcode, head)):
            budget.nested_bytes -= hi - lo
            yield parent.unpacked(f"text@{lo}", as_bytes(opcode, bytes(data[lo:hi])), hi - lo)
        if hi - lo >= MIN_TEXT and decoded(head) is not None:
            budget.nested_bytes -= hi - lo
            whole = decoded(bytes(data[lo:hi])) if budget.nested_bytes >= 0 else ("base64", head)
            if whole is not None:
                yield parent.unpacked(f"{whole[0]}@{lo}", whole[1], hi - lo)


def is_escaped(opcode: int, head: bytes) -> bool:
    """Return whether a text stands for other bytes than its own: it has escapes, or is latin-1 written as UTF-8."""
    if opcode in (op.STRING, op.UNICODE):
        return b"\\" in head
    return opcode in (op.BINUNICODE, op.SHORT_BINUNICODE, op.BINUNICODE8) and (b"\xc2" in head or b"\xc3" in head)


def as_bytes(opcode: int, raw: bytes) -> bytes:
    """Return the bytes that a text stands for: old protocols write them as `_codecs.encode(text, "latin1")`."""
    if opcode == op.STRING:
        return literals.string_bytes(raw)
    encoding = "raw-unicode-escape" if opcode == op.UNICODE else "utf-8"
    return raw.decode(encoding, "replace").encode("latin-1", "replace")
