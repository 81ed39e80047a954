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
from safepickle_dl.stream import PickleStream, literal_nodes
from safepickle_dl.streams import read_streams

HEAD_BYTES = 1024
"""How much of a literal is looked at to learn whether it could be a pickle (bytes)."""
MIN_LITERAL = 8
"""Shorter literals cannot import anything (bytes)."""


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
            for node in _literals(one, region, budget):
                for part in _opened(node, budget):
                    if isinstance(part, Region):
                        yield from find_streams(part, budget, one.level + 1)
                    elif isinstance(part, Problem) and part.is_limit:
                        yield part


def _flat(stream: PickleStream, level: int) -> Iterator[PickleStream]:
    stream.level = level
    yield stream
    for inner in stream.nested:
        yield from _flat(inner, level + 1)


def _opened(node: Node, budget: Budget) -> Iterator[Part]:
    if budget.nested_bytes < 0:
        yield node.problem(f"limit max_nested_bytes reached ({budget.limits.max_nested_bytes})", 1)
    elif node.depth > budget.limits.max_depth:
        yield node.problem(f"limit max_depth reached ({budget.limits.max_depth})", 1)
    else:
        yield from open_node(node)


def _literals(stream: PickleStream, region: Region, budget: Budget) -> Iterator[Node]:
    """Yield the literals of a stream that a pickle may begin in."""
    nodes, data = stream.machine.nodes, stream.data
    parent = Node(stream.name, data, region.start, region.end, region.depth, 1, budget, certain=False)
    for index in literal_nodes(nodes, MIN_LITERAL):
        opcode, lo, hi = nodes.opcode[index], nodes.lo[index], nodes.hi[index]
        head = bytes(data[lo : min(hi, lo + HEAD_BYTES)])
        if (opcode in (op.STRING, op.UNICODE) and b"\\" in head) or head.startswith(b"\xc2\x80"):
            if may_hide_pickle(as_bytes(opcode, head)):
                budget.nested_bytes -= hi - lo
                content = as_bytes(opcode, bytes(data[lo:hi]))
                yield parent.unpacked(f"text@{lo}", content, hi - lo)
        elif may_hide_pickle(head):
            yield parent.child(f"literal@{lo}", lo, hi)
        elif hi - lo >= MIN_TEXT and decoded(head) is not None:
            budget.nested_bytes -= hi - lo
            if budget.nested_bytes >= 0 and (whole := decoded(bytes(data[lo:hi]))) is not None:
                yield parent.unpacked(f"{whole[0]}@{lo}", whole[1], hi - lo)


def as_bytes(opcode: int, raw: bytes) -> bytes:
    """Return the bytes that a text stands for: old protocols write them as `_codecs.encode(text, "latin1")`."""
    if opcode == op.STRING:
        return literals.string_bytes(raw)
    encoding = "raw-unicode-escape" if opcode == op.UNICODE else "utf-8"
    return raw.decode(encoding, "replace").encode("latin-1", "replace")
