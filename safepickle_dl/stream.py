"""One pickle: where it begins and ends, and what its machine saw.

joblib's raw arrays inside it are crossed by the size that their wrapper states, and looked at once more as any other
loader would run them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from safepickle_dl import literals
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.machine import Machine, copied_state
from safepickle_dl.core.nodes import Nodes
from safepickle_dl.frames import Frames
from safepickle_dl.limits import Budget
from safepickle_dl.reader import Buffer

IDENTIFIER = re.compile(r"[^\W\d][\w.]*\Z")
NODES_AT_ONCE = 1 << 14
GAP = "!frame"
MAX_GAPS = 16
"""Frames of one stream whose ends are crossed that are followed (count)."""
MAX_NAME = 1000
"""Length of a module's and a name's text beyond which nobody looks at the rest (characters)."""


@dataclass(slots=True)
class PickleStream:
    """One pickle: bytes `start` to `end` of a buffer, and the machine that has run over them."""

    name: str
    data: Buffer
    start: int
    end: int = 0
    machine: Machine = field(init=False)
    nested: list[PickleStream] = field(default_factory=list)
    """Pickles of object arrays, and what else was found inside its raw arrays."""
    crossed: list[tuple[int, int]] = field(default_factory=list)
    """Spans of the arrays that lie within it, in order: their bytes are none of its instructions."""
    level: int = 0
    """Pickles around it (count)."""
    over_limit: bool = False
    certain: bool = True
    """Whether a loader of the file reads it; False for what lies in a literal or where nothing says that it is read."""

    @property
    def complete(self) -> bool:
        """Whether the stream ends with its STOP."""
        return self.machine.stopped and not self.over_limit

    def calls(self) -> bool:
        """Return whether it calls anything."""
        return any(self._is_call(i) for i in range(self.machine.n_sites))

    def _is_call(self, site: int) -> bool:
        """Return whether a loader calls at a site: an INST without its mark only imports, as its first site says."""
        machine = self.machine
        if machine.site_opcode[site] != op.INST:
            return machine.site_opcode[site] in op.CALLS
        broken = site > 0 and machine.site_opcode[site - 1] >= op.ANOMALY
        return machine.site_arguments[site] >= 0 and not (broken and machine.site_at[site - 1] == machine.site_at[site])

    def calls_something_named(self, cleanly: bool = False) -> bool:
        """Return whether it calls an import whose name could exist; `cleanly`: before any anomaly."""
        machine, nodes = self.machine, self.machine.nodes
        for i in range(machine.n_sites):
            if cleanly and machine.site_opcode[i] >= op.ANOMALY:
                return False
            if self._is_call(i):
                callee = machine.site_callee[i]
                if nodes.kind[callee] == kd.GLOBAL and _could_exist(machine, callee):
                    return True
        return False

    def imports_something(self) -> bool:
        """Return whether it imports something whose name could exist, or an extension."""
        machine, nodes = self.machine, self.machine.nodes
        for i in range(machine.n_sites):
            node = machine.site_callee[i]
            if node >= 0 and (
                nodes.kind[node] == kd.EXTENSION or (nodes.kind[node] == kd.GLOBAL and _could_exist(machine, node))
            ):
                return True
        return False

    def imports_standard_library(self) -> bool:
        """Return whether it imports something from a module of Python itself."""
        machine, nodes = self.machine, self.machine.nodes
        for i in range(machine.n_sites):
            node = machine.site_callee[i]
            if node >= 0 and nodes.kind[node] == kd.GLOBAL and _could_exist(machine, node):
                module, _ = global_text(machine, node)
                if module.partition(".")[0] in sys.stdlib_module_names:
                    return True
        return False


def _could_exist(machine: Machine, node: int) -> bool:
    """Return whether the module and the name of a GLOBAL node are identifiers."""
    return all(IDENTIFIER.match(part) for part in global_text(machine, node))


def global_text(machine: Machine, node: int) -> tuple[str, str]:
    """Return (module, name) of a GLOBAL node, cut to MAX_NAME; empty where one is no literal."""
    nodes = machine.nodes
    data = nodes.data
    if nodes.opcode[node] != op.STACK_GLOBAL:
        module, _, name = literals.text(data, op.GLOBAL, nodes.lo[node], nodes.end(node), MAX_NAME).partition("\n")
        return module, name
    module, name = (
        literals.text(data, nodes.opcode[part], nodes.lo[part], nodes.end(part), MAX_NAME)
        if nodes.kind[part] == kd.TEXT
        else ""
        for part in (nodes.lo[node], nodes.hi[node])
    )
    return module, name


def literal_nodes(nodes: Nodes, shortest: int, longest: int = sys.maxsize) -> Iterator[npt.NDArray[np.intp]]:
    """Yield the nodes of the texts and bytes whose literals are `shortest` to `longest` bytes long, in order.

    They come in portions of at most NODES_AT_ONCE, none of them empty: all at once, they could fill the memory.
    """
    for start in range(0, nodes.count, NODES_AT_ONCE):
        end = min(start + NODES_AT_ONCE, nodes.count)
        kind, size = (np.asarray(memoryview(buffer)[start:end]) for buffer in (nodes.kind, nodes.hi))
        size = np.where(size < 0, kd.MAX_SIZE, size)  # a long one
        chosen = ((kind == kd.TEXT) | (kind == kd.DATA)) & (size >= shortest) & (size <= longest)
        if chosen.any():
            yield np.flatnonzero(chosen) + start


def literal_spans(nodes: Nodes, part: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where each literal of a portion begins, and where it ends, (n,) each.

    Args:
        nodes: of a stream.
        part: (n,) nodes, as `literal_nodes` yields them.
    """
    first, last = int(part[0]), int(part[-1]) + 1
    lo, size = (np.asarray(memoryview(buffer)[first:last])[part - first] for buffer in (nodes.lo, nodes.hi))
    hi = lo + size
    for i in np.flatnonzero(size < 0):  # a long one
        hi[i] = nodes.end(part[i])
    return lo, hi


def items_of(nodes: Nodes, container: int) -> list[int]:
    """Return the kept items of a container."""
    items = []
    cell = nodes.lo[container]
    while cell >= 0:
        items.append(nodes.cell_node[cell])
        cell = nodes.cell_next[cell]
    return items


def read_stream(
    name: str,
    data: Buffer,
    start: int,
    end: int,
    budget: Budget,
    crossing: bool = True,
    machine: Machine | None = None,
    lexer: Lexer | None = None,
) -> PickleStream:
    """Run a machine over the pickle that begins at `data[start]`, to its STOP or where it breaks.

    Args:
        name: of the region.
        data: the region's buffer.
        start: where the pickle begins.
        end: nothing is read there or behind.
        budget: bounds on its length, and on the time for the file.
        crossing: whether to skip joblib's arrays, as joblib does and no other loader.
        machine: one that has run up to `start` already; a new one if there is none.
        lexer: one for the same buffer that is not needed any more; a new one if there is none.
    """
    limits = budget.limits
    if lexer is None:
        lexer = Lexer(data, start, end)
    lexer.position, lexer.end, lexer.stop_at_build = start, end, False
    machine = machine or Machine(data)
    stream = PickleStream(name, data, start)
    stream.machine = machine
    frames = Frames(data)
    more = True
    while more:
        more = lexer.read_block()
        frames.follow(lexer)
        done = machine.run(lexer, 0)
        while done < lexer.count and not crossing:
            done = machine.run(lexer, done)
        if machine.pause != kd.GO_ON and crossing:
            lexer.position = lexer.at[done - 1] + 1
            _cross_array(stream, lexer, budget)
            more = True
        lexer.stop_at_build = machine.saw_array_wrapper and crossing
        if more and (
            machine.n_instructions > limits.max_opcodes or machine.size() > limits.max_values or budget.out_of_time()
        ):
            stop_at_limit(stream, lexer.position)
            break
    stream.end = max(lexer.position, start + 1)
    if frames.gap:
        _read_with_gap(stream, end, frames.gap, budget)
    return stream


def _read_with_gap(stream: PickleStream, end: int, gap: tuple[int, int], budget: Budget) -> None:
    """Read a stream once more as the C unpickler does, without what it loses at the end of a frame."""
    lost, behind = gap
    budget.nested_bytes -= end - stream.start
    if budget.nested_bytes < 0 or stream.name.count(GAP) >= MAX_GAPS:
        stop_at_limit(stream, lost)
        return
    data = bytes(stream.data[stream.start : lost]) + bytes(stream.data[behind:end])
    inner = read_stream(stream.name + GAP, data, 0, len(data), budget)
    inner.certain = False
    stream.nested.append(inner)


def stop_at_limit(stream: PickleStream, at: int) -> None:
    """Note that a limit keeps what is at byte `at` and behind it unread: the file is then never `benign`."""
    stream.machine.add_anomaly(op.LIMIT, at)
    stream.over_limit = True


def _cross_array(stream: PickleStream, lexer: Lexer, budget: Budget) -> None:
    """Move the lexer behind the array data at its position.

    What else a loader would run there is kept as nested: joblib an array's objects, any other
    loader the bytes of the first array and on.
    """
    machine, data, begin = stream.machine, stream.data, lexer.position
    if begin >= lexer.end:  # cut off: the lexer says so
        return
    if machine.pause == kd.NESTED_PICKLE:
        nested = read_stream(stream.name, data, begin, lexer.end, budget, crossing=False)
        stream.nested.append(nested)
        lexer.position = nested.end
    else:
        behind = begin
        if machine.skip_padding and begin < lexer.end:
            behind += 1 + data[begin]
        lexer.position = min(behind + machine.skip_bytes, lexer.end)
        end = lexer.position if stream.crossed else lexer.end
        trial = read_stream(stream.name, data, begin, end, budget, crossing=False)
        if trial.calls() and not stream.crossed:  # it would come here with its stack and memo
            trial = read_stream(stream.name, data, begin, end, budget, False, copied_state(machine, True))
        if trial.calls_something_named():
            stream.nested.append(trial)
    stream.crossed.append((begin, lexer.position))
