"""Regions to pickle streams: where each begins, and whether it is one at all.

A loader reads one pickle, and its caller may read the next one right behind it (torch legacy files are five in a row
and then raw storages; joblib goes on behind raw array bytes). Bytes that no loader reads in order are searched for
further pickles as well, but only those that make sense are kept: anything can be lexed, little of it is a pickle.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from heapq import merge

import numpy as np
import numpy.typing as npt

from safepickle_dl.containers.region import Region
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.limits import Budget
from safepickle_dl.memory import Memory, misses_memo
from safepickle_dl.stream import PickleStream, literal_nodes, literal_spans, read_stream, stop_at_limit
from safepickle_dl.torch_legacy import storages_end

__all__ = ["PickleStream", "read_stream", "read_streams"]

_NAMES = rb"[A-Za-z_][\w.]{0,99}\n[A-Za-z_][\w.]{0,99}\n"
_MEMOIZE = rb"(?:p\d{1,9}\n|q.|r.{4}|\x94)?"
_ARGUMENT = rb"(?:[()\]}NBCFGIJKLMSTUVX\x80-\x98]|g\d{1,9}\n|h[^a-z]|j)"
SIGNS = (
    re.compile(rb"\x80[\x02-\x05][(.012BCFGIJKLMNPQRSTUVX\]abcdeghijlopqrstu})\x80-\x98]"),
    re.compile(rb"c%s%s%s" % (_NAMES, _MEMOIZE, _ARGUMENT), re.DOTALL),
    re.compile(rb"\((?:[SVILF][^\n]{0,200}\n){0,4}i%s" % _NAMES),
)
"""Where a pickle shows itself: a protocol header; in protocols 0 and 1, an import that is called, or an INST.

One pattern each: with a first byte of its own, it is searched for at memory's speed.
"""
MIN_INNER = 16
"""Length of a literal that may be a pickle in its turn (bytes)."""
MIN_TRUNCATED = 8
"""Instructions without an anomaly that a headless stream needs to count as a cut-off pickle rather than text."""
MAX_CUT_BYTES = 512
"""Length of a member that is taken for the beginning of a pickle though it ends within its second instruction."""
GIVE_UP_AFTER = 256
"""Instructions of a failed trial behind which the search goes on at its end, to stay linear (count)."""
WINDOW = 64 << 20
"""Bytes that are searched between two looks at the clock."""
OVERLAP = 2048
"""Bytes behind a window that a sign at its end may reach into."""
Offsets = npt.NDArray[np.int64]
TRIAL_COST = 16
"""What a trial costs beside its instructions (instructions)."""


def read_streams(region: Region, budget: Budget | None = None) -> Iterator[PickleStream]:
    """Yield the pickle streams of a region, in order; none if it does not begin with a pickle.

    A stream's `nested` streams are not yielded; they lie within it.

    Args:
        region: where to read.
        budget: what the file may still cost; that of a fresh file if there is none.
    """
    budget = budget or Budget()
    position = region.start
    if position >= region.end:
        return
    first = read_stream(region.name, region.data, position, region.end, budget)
    accepted = _begins(region, first)
    search = _Search(region, budget)
    stream = first if accepted else search.next(position) if region.search else None
    memory = Memory(region, budget)
    streams: list[PickleStream] = []  # the first few
    while stream is not None:
        stream.certain = region.certain and accepted
        position = stream.end
        memory.add(stream)
        if search.has_found or not region.certain:
            search.look_into(stream)
        budget.streams -= 1
        if budget.streams < 0 or (budget.streams == 0 and position < region.end):
            stop_at_limit(stream, position)
        yield stream
        if stream.over_limit or (position >= region.end and not search.has_more):
            return
        if len(streams) < 5:
            streams.append(stream)
            position = storages_end(streams, region)
        stream = _next(region, position, memory, search, budget)


def _next(region: Region, position: int, memory: Memory, search: _Search, budget: Budget) -> PickleStream | None:
    """Return the stream that is read, or found, at or behind `position`."""
    if position >= region.end:
        return search.next(position)
    stream = read_stream(region.name, region.data, position, region.end, budget)
    if misses_memo(stream):
        stream = memory.read(stream)
    if _is_pickle(stream) or _is_cut_off(stream, region):
        return stream
    return search.next(position)


def _begins(region: Region, first: PickleStream) -> bool:
    """Return whether the first stream of a region is one."""
    if not region.certain:
        return makes_sense(first)
    return region.promised or _is_pickle(first) or _is_cut_off(first, region)


def _is_cut_off(stream: PickleStream, region: Region) -> bool:
    """Return whether a region ends right behind the header of a pickle: too soon to tell, but nothing else either."""
    machine, size = stream.machine, region.end - stream.start
    if size < 2 or (region.depth > 0 and size > MAX_CUT_BYTES):
        return False
    cut = machine.n_anomalies == 1 and machine.site_opcode[machine.n_sites - 1] == op.TRUNCATED
    return cut and stream.data[stream.start] == op.PROTO and stream.data[stream.start + 1] <= 5


def _is_pickle(stream: PickleStream) -> bool:
    """Return whether a loader that began here would have found a pickle, whole or cut off."""
    machine = stream.machine
    if stream.over_limit:
        return True
    if stream.data[stream.start] == op.PROTO and machine.n_instructions > 2:
        first = stream.data[stream.start + 1]  # a later header may ask for any: loading fails there, not before
        if min(first, machine.protocol) <= 5:
            return True
    if stream.complete and machine.n_anomalies == 0 and machine.n_instructions > 1:
        return True
    if machine.n_anomalies == 1 and machine.n_instructions > MIN_TRUNCATED and not machine.stopped:
        return True
    return stream.calls_something_named() or stream.imports_standard_library()


def makes_sense(stream: PickleStream) -> bool:
    """Return whether what was found where no loader is known to read is a pickle that could do anything."""
    machine = stream.machine
    has_header = stream.data[stream.start] == op.PROTO
    if stream.complete and machine.n_anomalies == 0 and has_header:
        return stream.imports_something() or any(True for _ in literal_nodes(machine.nodes, MIN_INNER))
    return stream.calls_something_named(cleanly=not has_header)


class _Search:
    """Finds pickles where no loader reads in order; one pass over the region, however many there are.

    A pickle that was found may be a decoy whose literals cover another one: they are searched like anything else.
    """

    def __init__(self, region: Region, budget: Budget) -> None:
        self._region, self._budget = region, budget
        self._places: Iterator[int] | None = None
        self._lexer: Lexer | None = None
        self._literals: deque[tuple[Offsets, Offsets]] = deque()
        self._first = region.end
        self.has_found = False

    @property
    def has_more(self) -> bool:
        """Whether there are literals that it has not come to."""
        return bool(self._literals)

    def look_into(self, stream: PickleStream) -> None:
        """Let the search go on within the literals of a stream.

        Those that begin with a header are regions of their own (`nested`): in both, pickles in pickles would double.
        """
        nodes, octets = stream.machine.nodes, np.frombuffer(stream.data, np.uint8)
        for part in literal_nodes(nodes, MIN_INNER):
            lo, hi = literal_spans(nodes, part)
            own = (lo >= stream.start) & ~((octets[lo] == op.PROTO) & (octets[lo + 1] <= 5))
            if own.any():
                self._literals.append((lo[own], hi[own]))
                self._first = min(self._first, int(lo[own][0]))

    def _is_in_literal(self, place: int) -> bool:
        while self._literals and self._literals[0][1][-1] <= place:
            self._literals.popleft()
        for lo, hi in self._literals:
            index = int(np.searchsorted(lo, place)) - 1
            if index >= 0 and place < hi[index]:
                return True
        return False

    def next(self, start: int) -> PickleStream | None:
        """Return the next pickle at or behind `start`, or in a literal before it; `start` never goes back."""
        region, budget = self._region, self._budget
        if self._places is None:
            begin = min(start, self._first)
            self._places = _places(region, begin, budget)
            self._lexer = Lexer(region.data, begin, region.end)
        for place in self._places:
            again = place < start
            if again and not self._is_in_literal(place):
                continue
            stream = read_stream(region.name, region.data, place, region.end, budget, lexer=self._lexer)
            found = makes_sense(stream)
            if again or not found:
                budget.trials -= stream.machine.n_instructions + TRIAL_COST
            if budget.trials < 0:
                stop_at_limit(stream, place)
            if found or budget.trials < 0:
                self.has_found = True
                return stream
            if stream.machine.n_instructions > GIVE_UP_AFTER:
                start = max(start, stream.end)
        return None


def _places(region: Region, start: int, budget: Budget) -> Iterator[int]:
    """Yield where a sign of a pickle is, at or behind `start`, in order."""
    for window in range(start, region.end, WINDOW):
        budget.check_time()
        end = min(window + WINDOW + OVERLAP, region.end)
        found = (sign.finditer(region.data, window, end) for sign in SIGNS)
        for match in merge(*found, key=re.Match.start):
            if match.start() < window + WINDOW:
                budget.check_time()
                yield match.start()
