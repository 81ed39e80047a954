"""What an unpickler knows that loads one pickle of a region after the other: it keeps its memo.

`pickle.load` begins each pickle with an empty memo, an `Unpickler` that loads again does not. Most pickles are the same
to both. One that recalls what it never stored, or that counts on where MEMOIZE stores, is read both ways.
"""

from __future__ import annotations

import os
import sys

from safepickle_dl.containers.region import Region
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.machine import Machine, copied_state
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import Budget
from safepickle_dl.stream import PickleStream, read_stream

OTHER_MEMO = "!memo"
"""What is added to the name of a stream's second reading."""
MEMOIZE = bytes([op.MEMOIZE])
NOT_CALLABLE = frozenset(range(kd.GLOBAL)) - {kd.UNKNOWN, kd.BUFFER}
"""Kinds of nodes that no loader calls."""

SALT = int.from_bytes(os.urandom(6), "little")
"""Makes the digests of slices unpredictable: who made the file cannot make two of them equal. Nothing that is reported
depends on it."""


class Memory:
    """The pickles of a region that were loaded so far, and what an unpickler has stored that loaded them all."""

    def __init__(self, region: Region, budget: Budget) -> None:
        """Know of no pickle yet."""
        self._region, self._budget = region, budget
        self._machine: Machine | None = None
        self._unread: list[tuple[int, int]] = []
        self._full = False

    def add(self, stream: PickleStream) -> None:
        """Note a pickle that was loaded; if it does something else with the memo, that is `nested` in it.

        It is read with the memo at once only if it may count on an empty one, else when a later one asks for it.
        """
        region, data = self._region, stream.data
        counts = stream.start > region.start and data.find(MEMOIZE, stream.start, stream.end) >= 0
        if counts and not self._full and self._caught_up().memo.count():
            self._add_other_reading(stream)
        else:
            self._unread.append((stream.start, stream.end))

    def read(self, own: PickleStream) -> PickleStream:
        """Return a stream that misses what it never stored, read with the memo; how it began without is `nested` in it.

        Nothing is noted: it may be no pickle.
        """
        known = self._caught_up()
        self._budget.check_time()  # copying takes as long as there is much to remember
        stream = self._run(own.start, self._region.end, copied_state(known, False))
        own.machine.n_sites = _first_break(own.machine)
        if own.imports_something():
            _nest(own, stream)
        return stream

    def _add_other_reading(self, own: PickleStream) -> None:
        known = self._caught_up()
        known.begin_again()
        other = self._run(own.start, own.end, known)
        self._full = other.over_limit
        known.n_sites = _first_break(known)
        if self._full or (other.calls_something_named() and _does_more(other, own)):
            self._budget.check_time()
            self._machine = copied_state(known, False)
            _nest(other, own)

    def _caught_up(self) -> Machine:
        """Return the machine that has run over all pickles that were noted."""
        known = self._machine = self._machine or Machine(self._region.data)
        for start, end in self._unread:
            known.begin_again()
            self._run(start, end, known)
        self._unread.clear()
        return known

    def _run(self, start: int, end: int, machine: Machine) -> PickleStream:
        return read_stream(self._region.name, self._region.data, start, end, self._budget, machine=machine)


def _nest(other: PickleStream, stream: PickleStream) -> None:
    """Keep the other reading of a stream in it."""
    other.name += OTHER_MEMO
    other.certain = False
    stream.nested.append(other)


def misses_memo(stream: PickleStream) -> bool:
    """Return whether it recalls what it never stored."""
    machine = stream.machine
    return machine.n_anomalies > 0 and any(machine.site_opcode[i] == op.BAD_MEMO_KEY for i in range(machine.n_sites))


def _first_break(machine: Machine) -> int:
    """Return the first site where every loader stops: nothing in the memo, or a call of what cannot be called."""
    for site in range(machine.n_sites):
        opcode, callee = machine.site_opcode[site], machine.site_callee[site]
        if opcode == op.BAD_MEMO_KEY or (opcode in op.CALLS and machine.nodes.kind[callee] in NOT_CALLABLE):
            return site
    return machine.n_sites


def _does_more(stream: PickleStream, than: PickleStream) -> bool:
    """Return whether a stream has call sites with another content than those of the other one."""
    slices = Slices(sys.maxsize, SALT)
    slices.add_machine(than.machine, 0)
    known = slices.count
    slices.add_machine(stream.machine, 1)
    return any(slices.channel[k] == 0 for k in range(known, slices.count))
