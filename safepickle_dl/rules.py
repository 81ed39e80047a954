"""The rules of the scanner: harm that no call site shows, so that no model could judge it.

**Lightning.** `load_from_checkpoint` of versions before 2.6.6 imports the function that the hyper-parameter
`_instantiator` names and calls it. Lightning itself only ever writes its own. Source: `_load_state` in
`lightning/pytorch/core/saving.py`; `_ALLOWED_INSTANTIATORS` there since 2.6.6.

**Bombs.** A container that is put in several places takes a few bytes each time, and so on with the containers that
hold those: a billion values in 300 bytes ("billion laughs"). Whoever prints, compares, copies or hashes the result runs
out of time or memory; if it is a key, loading does. And a memo slot that is far out makes the C unpickler allocate all
those before it. Source: `_Unpickler_MemoPut` in `Modules/_pickle.c`.
"""

from __future__ import annotations

from collections.abc import Iterator

from safepickle_dl import literals
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.nodes import Nodes
from safepickle_dl.stream import PickleStream, items_of, literal_nodes
from safepickle_dl.types import Finding

SCORE = 1.0
"""Of what a rule finds: nothing is left to probability."""
KEY = "_instantiator"
OWN = frozenset(
    {
        "lightning.pytorch.cli.instantiate_module",
        "pytorch_lightning.cli.instantiate_module",
    }
)
MAX_CHARS = 200


def rule_findings(stream: PickleStream) -> Iterator[Finding]:
    """Yield what the rules find in a stream."""
    for offset, names in instantiators(stream):
        message = f"loading the checkpoint with Lightning imports and calls {names}, named by {KEY}"
        yield Finding(stream.name, offset, KEY, names, "", SCORE, message, "a rule")
    if stream.machine.is_bomb():
        what = bomb(stream)
        yield Finding(
            stream.name, stream.start, "bomb", "", "", SCORE, f"loading the file {what}", f"a rule: it {what}"
        )


def instantiators(stream: PickleStream) -> Iterator[tuple[int, str]]:
    """Yield each `_instantiator` of a stream that does not name Lightning's own function.

    As (where the value is written, or the key if it is computed or not kept; what it names).
    """
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
                yield (nodes.lo[value], ascii(name)[1:-1]) if name else (nodes.lo[key], "<computed>")
        if nodes.extra[node] > kd.MAX_CHILDREN:  # it may be among the items that are not kept
            yield nodes.lo[min(keys)], "<computed>"


def bomb(stream: PickleStream) -> str:
    """Return what makes a stream a bomb."""
    machine = stream.machine
    if machine.fills_far_slot():
        return f"fills memo slot {machine.highest_key}, for which CPython allocates all slots before it"
    n_values = machine.nodes.unfolded()
    return f"makes containers that unfold to {'more than ' * (n_values == kd.UNFOLDED)}{n_values:.0e} values"


def _holds_pairs(nodes: Nodes, node: int) -> bool:
    """Whether a container has keys and values in turn."""
    kind, opcode = nodes.kind[node], nodes.opcode[node]
    return kind == kd.DICT or (kind == kd.TUPLE and (nodes.extra[node] == 2 or opcode in (op.SETITEM, op.SETITEMS)))


def _text(nodes: Nodes, node: int) -> str:
    if nodes.kind[node] != kd.TEXT:
        return ""
    return literals.text(nodes.data, nodes.opcode[node], nodes.lo[node], nodes.end(node), MAX_CHARS)[:MAX_CHARS]
