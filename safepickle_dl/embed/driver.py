"""What `streams.read_streams` does, in the subset of core/: the pickles of a region, for runtimes without Python.

A region is a raw file, one member of an archive, or a literal. Tests hold it to `streams`: the same machines, in the
same places, for pickles that follow one another, joblib's arrays and pickles behind junk. What only the scanner does:
it jumps over torch's legacy storages, follows frames whose ends are crossed, and reads both with and without a memo
what may count on either.
"""

from __future__ import annotations

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.machine import Machine, copied_state
from safepickle_dl.embed.names import Names
from safepickle_dl.embed.search import Signs, Spans

MAX_OPCODES = 50_000_000
"""Instructions of one stream (count)."""
MAX_VALUES = 16_000_000
"""Values of one stream that stay reachable (count)."""
MAX_STREAMS = 200_000
"""Pickle streams of one file (count)."""
MAX_TRIALS = 20_000_000
"""Instructions that the search may try in one file (count)."""
MAX_NESTED_BYTES = 1 << 26
"""Literals of one file that are decoded; the scanner, where a byte takes a byte, decodes more (bytes)."""
TRIAL_COST = 16
"""As in `streams`: what a trial costs beside its instructions (instructions)."""
MIN_INNER = 16
"""As in `streams`: a literal of this length makes a pickle behind junk worth reading (bytes)."""
MIN_TRUNCATED = 8
"""As in `streams`: instructions of a headless stream that make it a cut-off pickle (count)."""
MAX_CUT_BYTES = 512
"""As in `streams`: length of a literal that is taken for a pickle though it ends right behind the header (bytes)."""
GIVE_UP_AFTER = 256
"""As in `streams`: instructions of a failed trial behind which the search goes on at its end (count)."""


class Budget:
    """What a file may still cost."""

    def __init__(self) -> None:
        """Start with everything that is allowed."""
        self.streams: int = MAX_STREAMS
        self.trials: int = MAX_TRIALS
        self.nested_bytes: int = MAX_NESTED_BYTES


class Reader:
    """Reads `data[lo:hi]`: `machines` are those of all its pickles, nested ones behind their own.

    `complete` says whether everything was read as far as a loader would read it.
    """

    def __init__(self, data: Bytes, lo: int, hi: int, depth: int, certain: bool, budget: Budget) -> None:
        """Start with nothing read.

        Args:
            data: what the region lies in.
            lo: where it begins.
            hi: where it ends, at or behind `lo`.
            depth: pickles and texts around it (levels).
            certain: whether a loader begins here; if not, only what makes sense as a pickle is one.
            budget: shared by all regions of a file.
        """
        self.data: Bytes = data
        self.lo: int = lo
        self.hi: int = hi
        self.depth: int = depth
        self.certain: bool = certain
        self.budget: Budget = budget
        self.machines: list[Machine] = []
        self.nested: list[Machine] = []
        self.complete: bool = True
        self.n_streams: int = 0
        self.start: int = 0
        self.end: int = 0
        self.memory: Machine = Machine(data)
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.n_remembered: int = 0
        self.over_limit: bool = False
        self.crossed: bool = False
        self.names: Names = Names(data)
        self.signs: list[Signs] = []
        self.literals: Spans = Spans()
        self.has_found: bool = False
        self.is_done: bool = lo >= hi

    def read_all(self) -> None:
        """Read every pickle of the region, and those that the search finds if it does not begin with one."""
        if self.is_done:
            return
        machine = self.read(Machine(self.data), self.lo, self.hi)
        accepted = self.is_pickle(machine, self.lo) if self.certain else self.makes_sense(machine)
        searched = self.certain
        self.certain = self.certain and accepted
        if not accepted:
            machine = self.search(self.lo)
        while not self.is_done:
            self.keep(machine)
            if self.has_found or not searched:
                self.look_into(machine, self.start)
            position = self.end
            has_more = self.literals.n_done < self.literals.n_portions
            if self.over_limit or (position >= self.hi and not has_more):
                return
            machine = self.next(position)

    def keep(self, machine: Machine) -> None:
        """Note the pickle that was read last, and what lies in its arrays."""
        self.starts.append(self.start)
        self.ends.append(self.end)
        self.n_streams += 1
        self.budget.streams -= 1
        if self.budget.streams < 0 or (self.budget.streams == 0 and self.end < self.hi):
            self.over_limit = True
        self.machines.append(machine)
        if self.over_limit or (self.certain and not machine.stopped):
            self.complete = False
        for nested in self.nested:
            self.machines.append(nested)
            if not nested.stopped:
                self.complete = False

    def next(self, position: int) -> Machine:
        """Return the machine of the pickle at `position`, or of the next one that the search finds."""
        if position < self.hi:
            machine = self.read(Machine(self.data), position, self.hi)
            if self.misses_memo(machine):
                self.remember()
                machine = self.read(copied_state(self.memory, False), position, self.hi)
            if self.is_pickle(machine, position):
                return machine
        return self.search(position)

    def look_into(self, machine: Machine, start: int) -> None:
        """Let the search go on in the literals of a pickle; those with a header are regions of their own."""
        nodes, data = machine.nodes, self.data
        for node in range(nodes.count):
            lo = nodes.lo[node]
            is_own = lo >= start and self.is_literal(machine, node, MIN_INNER)
            if is_own and (data[lo] != op.PROTO or data[lo + 1] > 5):
                self.literals.add(lo, nodes.end(node))
        self.literals.end_portion()

    def is_literal(self, machine: Machine, node: int, shortest: int) -> bool:
        """Return whether a node is a text or bytes of some length."""
        nodes = machine.nodes
        is_literal = nodes.kind[node] == kd.TEXT or nodes.kind[node] == kd.DATA
        return is_literal and nodes.end(node) - nodes.lo[node] >= shortest

    def remember(self) -> None:
        """Let `memory` load what it has not loaded yet: an unpickler that loads again keeps its memo."""
        for i in range(self.n_remembered, len(self.starts)):
            self.memory.begin_again()
            self.read(self.memory, self.starts[i], self.ends[i])
        self.n_remembered = len(self.starts)

    def search(self, start: int) -> Machine:
        """Read the next pickle at or behind `start`, or in a literal before it; `is_done` if there is none.

        `start` never goes back.
        """
        if len(self.signs) == 0:
            literals = self.literals
            begin = start
            for portion in range(literals.n_portions):
                begin = min(begin, literals.lo[literals.portion_start(portion)])
            self.signs.append(Signs(self.data, begin, self.hi))
        signs, budget = self.signs[0], self.budget
        place = signs.next()
        while place < self.hi:
            again = place < start
            if not again or self.literals.contain(place):
                machine = self.read(Machine(self.data), place, self.hi)
                found = self.makes_sense(machine)
                if again or not found:
                    budget.trials -= machine.n_instructions + TRIAL_COST
                if budget.trials < 0:
                    machine.add_anomaly(op.LIMIT, place)
                    self.over_limit = True
                if found or budget.trials < 0:
                    self.has_found = True
                    return machine
                if machine.n_instructions > GIVE_UP_AFTER:
                    start = max(start, self.end)
            place = signs.next()
        self.is_done = True
        return self.memory

    def read(self, machine: Machine, start: int, end: int) -> Machine:
        """Run a machine over the pickle at `data[start]` and return it; `start` and `end` are then its own."""
        self.start = start
        self.nested.clear()
        self.over_limit = False
        self.crossed = False
        lexer = Lexer(self.data, start, end)
        more = True
        while more:
            more = lexer.read_block()
            done = machine.run(lexer, 0)
            if machine.pause != kd.GO_ON:
                lexer.position = lexer.at[done - 1] + 1
                self.cross_array(machine, lexer)
                more = True
            lexer.stop_at_build = machine.saw_array_wrapper
            if more and (machine.n_instructions > MAX_OPCODES or machine.size() > MAX_VALUES):
                machine.add_anomaly(op.LIMIT, lexer.position)
                self.over_limit = True
                break
        self.end = max(lexer.position, start + 1)
        return machine

    def run_plain(self, machine: Machine, start: int, end: int) -> int:
        """Run a machine over a pickle that only joblib would interrupt; return where it ends."""
        lexer = Lexer(self.data, start, end)
        more = True
        while more:
            more = lexer.read_block()
            done = 0
            while done < lexer.count:
                done = machine.run(lexer, done)
            if more and (machine.n_instructions > MAX_OPCODES or machine.size() > MAX_VALUES):
                machine.add_anomaly(op.LIMIT, lexer.position)
                self.over_limit = True
                break
        return max(lexer.position, start + 1)

    def cross_array(self, machine: Machine, lexer: Lexer) -> None:
        """Move the lexer behind the array data at its position, and keep what else a loader would run there."""
        begin = lexer.position
        if begin >= lexer.end:
            return
        if machine.pause == kd.NESTED_PICKLE:
            nested = Machine(self.data)
            lexer.position = self.run_plain(nested, begin, lexer.end)
            self.nested.append(nested)
        else:
            behind = begin
            if machine.skip_padding and begin < lexer.end:
                behind += 1 + self.data[begin]
            lexer.position = min(behind + machine.skip_bytes, lexer.end)
            end = lexer.position if self.crossed else lexer.end
            trial = Machine(self.data)
            self.run_plain(trial, begin, end)
            if not self.crossed and self.names.calls(trial):
                trial = copied_state(machine, True)
                self.run_plain(trial, begin, end)
            if self.names.calls_something_named(trial, False):
                self.nested.append(trial)
        self.crossed = True

    def misses_memo(self, machine: Machine) -> bool:
        """Return whether a machine recalled what it never stored."""
        for site in range(machine.n_sites):  # noqa: SIM110
            if machine.site_opcode[site] == op.BAD_MEMO_KEY:
                return True
        return False

    def is_pickle(self, machine: Machine, start: int) -> bool:
        """Return whether a loader that began at `start` would have found a pickle, whole or cut off."""
        if self.over_limit:
            return True
        has_header = self.data[start] == op.PROTO and machine.n_instructions > 2
        if has_header and min(self.data[start + 1], machine.protocol) <= 5:
            return True
        if machine.stopped and machine.n_anomalies == 0 and machine.n_instructions > 1:
            return True
        if machine.n_anomalies == 1 and machine.n_instructions > MIN_TRUNCATED and not machine.stopped:
            return True
        if self.is_cut_off(machine, start):
            return True
        return self.names.calls_something_named(machine, False) or self.names.imports_something(machine, True)

    def is_cut_off(self, machine: Machine, start: int) -> bool:
        """Return whether the data end right behind a header, as in `streams`."""
        data, size = self.data, self.hi - start
        if size < 2 or data[start] != op.PROTO or data[start + 1] > 5 or (self.depth > 0 and size > MAX_CUT_BYTES):
            return False
        return machine.n_anomalies == 1 and machine.site_opcode[machine.n_sites - 1] == op.TRUNCATED

    def makes_sense(self, machine: Machine) -> bool:
        """Return whether what was just read where no loader is known to read is a pickle that could do anything."""
        has_header = self.data[self.start] == op.PROTO
        if has_header and machine.stopped and not self.over_limit and machine.n_anomalies == 0:
            return self.names.imports_something(machine, False) or self.has_long_literal(machine)
        return self.names.calls_something_named(machine, not has_header)

    def has_long_literal(self, machine: Machine) -> bool:
        """Return whether there is a text or bytes that could be a pickle in its turn."""
        for node in range(machine.nodes.count):  # noqa: SIM110
            if self.is_literal(machine, node, MIN_INNER):
                return True
        return False
