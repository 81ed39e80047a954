"""The one rule of the scanner: what a Lightning checkpoint's `_instantiator` names is imported and called.

`load_from_checkpoint` of versions before 2.6.6 imports the function that the hyper-parameter `_instantiator` names and
calls it, without a call in the pickle that a model could judge. Lightning itself only ever writes its own.

Source: `_load_state` in `lightning/pytorch/core/saving.py`; `_ALLOWED_INSTANTIATORS` there since 2.6.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from safepickle_dl import literals
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.nodes import Nodes
from safepickle_dl.stream import PickleStream, items_of, literal_nodes

KEY = "_instantiator"
OWN = frozenset(
    {
        "lightning.pytorch.cli.instantiate_module",
        "pytorch_lightning.cli.instantiate_module",
    }
)
MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class Instantiator:
    """An `_instantiator` that is not Lightning's own."""

    stream: int
    """Index of the stream among those of its portion."""
    offset: int
    """Where the value is written, or the key if it is computed or not kept (bytes)."""
    names: str
    """What it names; "" if that is not a text of its own."""


def instantiators(stream: PickleStream, index: int) -> Iterator[Instantiator]:
    """Yield each `_instantiator` of a stream that does not name Lightning's own function."""
    nodes = stream.machine.nodes
    keys = {
        node
        for portion in literal_nodes(nodes, len(KEY), 10 * len(KEY))
        for node in portion.tolist()
        if _text(nodes, node) == KEY
    }
    if not keys:
        return
    for node in range(kd.FIRST_FREE, nodes.count):
        if not _holds_pairs(nodes, node):
            continue
        items = items_of(nodes, node)
        for key, value in zip(items[::2], items[1::2], strict=False):
            if key in keys and (name := _text(nodes, value)) not in OWN:
                yield Instantiator(index, nodes.lo[value] if name else nodes.lo[key], name)
        if nodes.extra[node] > kd.MAX_CHILDREN:  # it may be among the items that are not kept
            yield Instantiator(index, nodes.lo[min(keys)], "")


def _holds_pairs(nodes: Nodes, node: int) -> bool:
    """Whether a container has keys and values in turn."""
    kind, opcode = nodes.kind[node], nodes.opcode[node]
    return kind == kd.DICT or (kind == kd.TUPLE and (nodes.extra[node] == 2 or opcode in (op.SETITEM, op.SETITEMS)))


def _text(nodes: Nodes, node: int) -> str:
    if nodes.kind[node] != kd.TEXT:
        return ""
    return literals.text(nodes.data, nodes.opcode[node], nodes.lo[node], nodes.end(node), MAX_CHARS)[:MAX_CHARS]
