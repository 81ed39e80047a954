"""A payload's pickle put before, behind or into a host's: both do what they did alone.

Bytes to bytes, whatever the two hold; nothing is loaded.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from safepickle_dl.containers import Region, open_file
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.machine import Machine
from safepickle_dl.limits import Budget
from safepickle_dl.reader import read_path
from safepickle_dl.stream import PickleStream, global_text, read_stream
from safepickle_dl.streams import read_streams
from train.corpus.files.padding import append_padding, junk_between, padding, prepend_padding
from train.corpus.spelling import assemble as asm
from train.corpus.spelling.instructions import Program, program

__all__ = ["POSITIONS", "Host", "append_padding", "junk_between", "padding", "prepend_padding", "read_hosts", "splice"]

POSITIONS = ("before", "start", "middle", "end", "behind")
KEPT_SHARE = 0.3
"""Share of middle positions where the payload's value stays in the host's, if there is a place for it (probability)."""
MARKED_SHARE = 0.2
"""Share of dropped payloads that a MARK and a POP_MARK enclose (probability)."""


@dataclass(frozen=True, slots=True)
class Host:
    """A pickle to put payloads into."""

    data: bytes
    """One raw pickle stream; ends with STOP."""
    name: str
    """The file it comes from, and the members within it, joined by `!`."""
    library: str
    """The top-level module that it imports from most often; "" if it imports nothing."""


def splice(host: bytes, payload: bytes, position: str, rng: Random) -> bytes | None:
    """Return one file that does what `host` and what `payload` do.

    `before` and `behind` put two streams in a row. `start`, `middle` and `end` put the payload's instructions among
    the host's: frames go, memo indices are kept apart, and the protocol in force stays right for either. The payload's
    value is dropped; in the middle it may instead take the place of a scalar that no call of the host gets.

    Args:
        host: one whole pickle.
        payload: one whole pickle.
        position: one of `POSITIONS`.
        rng: chooses the place and the variant.

    Returns:
        None if one of them is no whole pickle that a loader would read to its end.

    Raises:
        ValueError: unknown position.
    """
    if position not in POSITIONS:
        raise ValueError(f"unknown position {position!r}")
    outer, inner = program(host), program(payload)
    if outer is None or inner is None:
        return None
    if position == "before":
        return payload + host
    if position == "behind":
        return host + payload
    n = len(outer.steps)
    at = {"start": 0, "end": n}.get(position, rng.randrange(1, n) if n > 1 else n)
    body = b"".join(inner.moved(outer.top_index + 1))
    places = (
        _free_scalars(host, outer) if position == "middle" and inner.left == 1 and rng.random() < KEPT_SHARE else []
    )
    if places:
        at = rng.choice(places)
    elif rng.random() < MARKED_SHARE:
        body = asm.MARK + body + asm.POP_MARK
    else:
        body += asm.POP * inner.left
    header, body = _with_protocol(outer, inner, at, body)
    before = b"".join(step.raw for step in outer.steps[:at])
    following = at + 1 if places else at
    behind = outer.explicit(following) if inner.puts else (step.raw for step in outer.steps[following:])
    return header + before + body + b"".join(behind) + asm.STOP


def _with_protocol(outer: Program, inner: Program, at: int, body: bytes) -> tuple[bytes, bytes]:
    """Return the header and the body to insert, so that either program has the protocol that its imports need."""
    switched = any(step.opcode == op.PROTO for step in (*outer.steps, *inner.steps))
    for one, other in ((outer, inner), (inner, outer)):
        switched = switched or (one.protocol < 3 <= other.protocol and _has_old_names(one))
    if switched:
        header = asm.protocol_header(outer.protocol) if outer.protocol >= 0 else b""
        there, here = outer.protocol_before(at), max(inner.protocol, 0)
        return header, asm.protocol_header(here) + body + asm.protocol_header(there)
    highest = max(outer.protocol, inner.protocol)
    return asm.protocol_header(highest) if highest >= 0 else b"", body


def _has_old_names(one: Program) -> bool:
    """Return whether protocols below 3 may import something else than the higher ones (Python 2 names)."""
    for step in one.steps:
        if step.opcode in (op.GLOBAL, op.INST):
            module, name = step.raw[1:-1].decode("utf-8", "replace").split("\n", 1)
            if module in IMPORT_MAPPING or (module, name) in NAME_MAPPING:
                return True
        elif step.opcode in op.IMPORTS:
            return True
    return False


def _free_scalars(host: bytes, outer: Program) -> list[int]:
    """Return the steps that push a scalar which ends as an item of a list or a value of a dict, and in no call site."""
    machine = read_stream("", host, 0, len(host), Budget(), crossing=False).machine
    nodes, used = machine.nodes, _reached(machine)
    if any(kd.TUPLE <= nodes.kind[node] <= kd.SET and nodes.extra[node] > kd.MAX_CHILDREN for node in used):
        return []  # the machine does not keep every item of it
    free = {
        nodes.lo[node]
        for node in range(nodes.count)
        if nodes.kind[node] in (kd.INT, kd.TEXT, kd.DATA) and nodes.lo[node] >= 0 and node not in used
    }
    ends = (op.APPEND, op.APPENDS, op.SETITEM, op.SETITEMS)
    steps = outer.steps
    return [i for i in range(len(steps) - 1) if steps[i].at in free and steps[i + 1].opcode in ends]


def _reached(machine: Machine) -> set[int]:
    """Return the nodes that any call site of a machine shows."""
    nodes = machine.nodes
    ahead = [node for i in range(machine.n_sites) for node in (machine.site_callee[i], machine.site_arguments[i])]
    reached: set[int] = set()
    while ahead:
        node = ahead.pop()
        if node < 0 or node in reached:
            continue
        reached.add(node)
        kind = nodes.kind[node]
        if kd.TUPLE <= kind <= kd.SET:
            cell = nodes.lo[node]
            while cell >= 0:
                ahead.append(nodes.cell_node[cell])
                cell = nodes.cell_next[cell]
        elif kind == kd.CALL:
            ahead += [nodes.lo[node], nodes.hi[node], nodes.extra[node]]
        elif kind == kd.PERSISTENT:
            ahead.append(nodes.lo[node])
        elif kind == kd.GLOBAL and nodes.opcode[node] == op.STACK_GLOBAL:
            ahead += [nodes.lo[node], nodes.hi[node]]
    return reached


def read_hosts(paths: Iterable[Path], max_bytes: int = 1 << 20) -> Iterator[Host]:
    """Yield the hosts in honest files; nothing is unpickled.

    Accepted is a pickle that is the only one of its place (a raw file, or a member of what `safepickle_dl.containers`
    opens: `data.pkl` of a torch archive, a compressed pickle ...), whole, without an anomaly, and without joblib's raw
    arrays in it. Of legacy torch files, which are five pickles in a row, nothing is taken.

    Args:
        paths: of the files; which split they belong to is the caller's business.
        max_bytes: the longest pickle to take (bytes).

    Raises:
        OSError: a file cannot be read.
    """
    for path in paths:
        for part in open_file(read_path(path)):
            if not isinstance(part, Region) or not part.certain:
                continue
            streams = read_streams(part)
            stream = next(streams, None)
            if stream is None or not _may_host(stream, max_bytes) or next(streams, None) is not None:
                continue
            data = bytes(part.data[stream.start : stream.end])
            if program(data) is not None:
                name = f"{path.name}!{part.name}" if part.name else path.name
                yield Host(data, name, _library(stream.machine))


def _may_host(stream: PickleStream, max_bytes: int) -> bool:
    machine = stream.machine
    fits = stream.end - stream.start <= max_bytes and not stream.crossed
    return fits and stream.complete and machine.n_anomalies == 0


def _library(machine: Machine) -> str:
    nodes = machine.nodes
    tops = Counter(
        global_text(machine, machine.site_callee[i])[0].partition(".")[0]
        for i in range(machine.n_sites)
        if machine.site_callee[i] >= 0 and nodes.kind[machine.site_callee[i]] == kd.GLOBAL
    )
    return tops.most_common(1)[0][0] if tops else ""
