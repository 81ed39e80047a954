"""Regions to pickle streams: where each begins, where it ends, and what its machine saw.

A loader reads one pickle, and its caller may read the next one right behind it (torch legacy files are five in a row
and then raw storages; joblib goes on behind raw array bytes). Bytes that no loader reads in order are searched for
further pickles as well, but only those that make sense are kept: anything can be lexed, little of it is a pickle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from safepickle_dl import literals
from safepickle_dl.containers.region import Region
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.machine import Machine, copied_state
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer

HEADER = re.compile(rb"\x80[\x02-\x05]")
IDENTIFIER = re.compile(r"[^\W\d][\w.]*\Z")
MAX_NAME = 1000
"""Length of a module's and a name's text beyond which nobody looks at the rest (characters)."""
MIN_TRUNCATED = 8
"""Instructions without an anomaly that a headless stream needs to count as a cut-off pickle rather than text."""
MAX_CANDIDATES = 4096
"""Places in one region that are tried because they look like a header (count)."""
GIVE_UP_AFTER = 256
"""Instructions of a failed trial behind which the search goes on at its end, to stay linear (count)."""


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
    over_limit: bool = False

    @property
    def complete(self) -> bool:
        """Whether the stream ends with its STOP."""
        return self.machine.stopped and not self.over_limit

    def calls(self) -> bool:
        """Return whether it calls anything."""
        machine = self.machine
        return any(machine.site_opcode[i] in op.CALLS for i in range(machine.n_sites))

    def calls_something_named(self) -> bool:
        """Return whether it calls an import whose name could exist."""
        machine, nodes = self.machine, self.machine.nodes
        for i in range(machine.n_sites):
            if machine.site_opcode[i] in op.CALLS:
                callee = machine.site_callee[i]
                if nodes.kind[callee] == kd.GLOBAL and all(
                    IDENTIFIER.match(part) for part in global_text(machine, callee)
                ):
                    return True
        return False


def global_text(machine: Machine, node: int) -> tuple[str, str]:
    """Return (module, name) of a GLOBAL node, cut to MAX_NAME; empty where one is no literal."""
    nodes = machine.nodes
    data, lo, hi = nodes.data, nodes.lo[node], nodes.hi[node]
    if nodes.opcode[node] != op.STACK_GLOBAL:
        module, _, name = literals.text(data, op.GLOBAL, lo, hi, MAX_NAME).partition("\n")
        return module, name
    module, name = (
        literals.text(data, nodes.opcode[part], nodes.lo[part], nodes.hi[part], MAX_NAME)
        if nodes.kind[part] == kd.TEXT
        else ""
        for part in (lo, hi)
    )
    return module, name


def read_stream(
    name: str,
    data: Buffer,
    start: int,
    end: int,
    limits: Limits,
    crossing: bool = True,
    machine: Machine | None = None,
) -> PickleStream:
    """Run a machine over the pickle that begins at `data[start]`, to its STOP or where it breaks.

    Args:
        name: of the region.
        data: the region's buffer.
        start: where the pickle begins.
        end: nothing is read there or behind.
        limits: bounds on its length.
        crossing: whether to skip joblib's arrays, as joblib does and no other loader.
        machine: one that has run up to `start` already; a new one if there is none.
    """
    lexer = Lexer(data, start, end)
    machine = machine or Machine(data)
    stream = PickleStream(name, data, start)
    stream.machine = machine
    more = True
    while more:
        more = lexer.read_block()
        done = machine.run(lexer, 0)
        while done < lexer.count and not crossing:
            done = machine.run(lexer, done)
        if machine.pause != kd.GO_ON and crossing:
            lexer.position = lexer.at[done - 1] + 1
            _cross_array(stream, lexer, limits)
            more = True
        lexer.stop_at_build = machine.saw_array_wrapper and crossing
        if machine.n_instructions > limits.max_opcodes:
            _stop_at_limit(stream, lexer.position)
            break
    stream.end = max(lexer.position, start + 1)
    return stream


def _stop_at_limit(stream: PickleStream, at: int) -> None:
    """Note that a limit keeps what is at byte `at` and behind it unread: the file is then never `benign`."""
    stream.machine.add_anomaly(op.LIMIT, at)
    stream.over_limit = True


def _cross_array(stream: PickleStream, lexer: Lexer, limits: Limits) -> None:
    """Move the lexer behind the array data at its position.

    What else a loader would run there is kept as nested: joblib an array's objects, any other
    loader the bytes of the first array and on.
    """
    machine, data, begin = stream.machine, stream.data, lexer.position
    if machine.pause == kd.NESTED_PICKLE:
        nested = read_stream(stream.name, data, begin, lexer.end, limits, crossing=False)
        stream.nested.append(nested)
        lexer.position = nested.end
    else:
        behind = begin
        if machine.skip_padding and begin < lexer.end:
            behind += 1 + data[begin]
        lexer.position = min(behind + machine.skip_bytes, lexer.end)
        end = lexer.position if stream.crossed else lexer.end
        trial = read_stream(stream.name, data, begin, end, limits, crossing=False)
        if trial.calls() and not stream.crossed:  # it would come here with its stack and memo
            trial = read_stream(stream.name, data, begin, end, limits, False, copied_state(machine))
        if trial.calls_something_named():
            stream.nested.append(trial)
    stream.crossed.append((begin, lexer.position))


def _is_pickle(stream: PickleStream) -> bool:
    """Return whether a loader that began here would have found a pickle, whole or cut off."""
    machine = stream.machine
    if stream.data[stream.start] == op.PROTO and machine.protocol <= 5 and machine.n_instructions > 2:
        return True
    if stream.complete and machine.n_anomalies == 0 and machine.n_instructions > 1:
        return True
    if machine.n_anomalies == 1 and machine.n_instructions > MIN_TRUNCATED and not machine.stopped:
        return True
    return stream.calls_something_named()


def _is_found_pickle(stream: PickleStream) -> bool:
    """Return whether a header found by searching begins a pickle that could do anything."""
    machine = stream.machine
    return (stream.complete and machine.n_anomalies == 0 and machine.n_sites > 0) or stream.calls_something_named()


def _search(region: Region, start: int, limits: Limits) -> PickleStream | None:
    """Return the next pickle at or behind `start` that has a protocol header, if there is one."""
    for _ in range(MAX_CANDIDATES):
        found = HEADER.search(region.data, start, region.end)
        if found is None:
            return None
        stream = read_stream(region.name, region.data, found.start(), region.end, limits)
        if _is_found_pickle(stream):
            return stream
        start = stream.end if stream.machine.n_instructions > GIVE_UP_AFTER else found.start() + 1
    return None


def read_streams(region: Region, limits: Limits = DEFAULT_LIMITS) -> Iterator[PickleStream]:
    """Yield the pickle streams of a region, in order; none if it does not begin with a pickle.

    A stream's `nested` streams are not yielded; they lie within it.
    """
    position = region.start
    for number in range(1, limits.max_streams + 1):
        if position >= region.end:
            return
        stream: PickleStream | None = read_stream(region.name, region.data, position, region.end, limits)
        if stream is not None and not _is_pickle(stream):
            if position == region.start:
                return
            stream = _search(region, position, limits)
        if stream is None:
            return
        position = stream.end
        if number == limits.max_streams and position < region.end:
            _stop_at_limit(stream, position)
        yield stream
