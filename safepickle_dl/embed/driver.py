"""What `streams.read_streams` does, in the subset of core/: the pickles of a region, for runtimes without Python.

A region is a raw file, one member of an archive, or a literal. Tests hold it to `streams`: the same machines, in the
same places, for pickles that follow one another, joblib's arrays and pickles behind junk. What only the scanner does:
it jumps over torch's legacy storages, follows frames whose ends are crossed, and reads both with and without a memo
what may count on either.
"""

from __future__ import annotations

import sys

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes, Ints, ints_of
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.machine import Machine, copied_state
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
STANDARD = f" {' '.join(sorted(sys.stdlib_module_names))} "
"""The modules of Python itself, a blank before and behind each."""
MAX_NAME_BYTES = 10_010
"""Bytes of a module's or a name's text that are looked at (count)."""
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
        self.standard: Ints = ints_of(STANDARD)
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
            if not self.crossed and self.calls(trial):
                trial = copied_state(machine, True)
                self.run_plain(trial, begin, end)
            if self.calls_something_named(trial, False):
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
        return self.calls_something_named(machine, False) or self.imports_something(machine, True)

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
            return self.imports_something(machine, False) or self.has_long_literal(machine)
        return self.calls_something_named(machine, not has_header)

    def has_long_literal(self, machine: Machine) -> bool:
        """Return whether there is a text or bytes that could be a pickle in its turn."""
        for node in range(machine.nodes.count):  # noqa: SIM110
            if self.is_literal(machine, node, MIN_INNER):
                return True
        return False

    def is_call(self, machine: Machine, site: int) -> bool:
        """Return whether a loader calls at a site: an INST without its mark only imports, as its first site says."""
        code = machine.site_opcode[site]
        if code != op.INST:
            return code == op.REDUCE or code == op.OBJ or code == op.NEWOBJ or code == op.NEWOBJ_EX
        if machine.site_arguments[site] < 0:
            return False
        if site == 0 or machine.site_opcode[site - 1] < op.ANOMALY:
            return True
        return machine.site_at[site - 1] != machine.site_at[site]

    def calls(self, machine: Machine) -> bool:
        """Return whether a machine calls anything."""
        for site in range(machine.n_sites):  # noqa: SIM110
            if self.is_call(machine, site):
                return True
        return False

    def calls_something_named(self, machine: Machine, cleanly: bool) -> bool:
        """Return whether a machine calls an import whose name could exist; `cleanly`: before any anomaly."""
        nodes = machine.nodes
        for site in range(machine.n_sites):
            if cleanly and machine.site_opcode[site] >= op.ANOMALY:
                return False
            if self.is_call(machine, site):
                callee = machine.site_callee[site]
                if nodes.kind[callee] == kd.GLOBAL and self.has_name(machine, callee):
                    return True
        return False

    def imports_something(self, machine: Machine, standard_only: bool) -> bool:
        """Return whether a machine imports something whose name could exist, or (unless `standard_only`) an extension.

        Args:
            machine: it has run.
            standard_only: whether only modules of Python itself count.
        """
        nodes = machine.nodes
        for site in range(machine.n_sites):
            node = machine.site_callee[site]
            if node < 0:
                continue
            if nodes.kind[node] == kd.EXTENSION and not standard_only:
                return True
            is_named = nodes.kind[node] == kd.GLOBAL and self.has_name(machine, node)
            if is_named and (not standard_only or self.is_standard(machine, node)):
                return True
        return False

    def is_standard(self, machine: Machine, node: int) -> bool:
        """Return whether the module of an import with a name is one of Python itself."""
        nodes = machine.nodes
        text = node
        if nodes.opcode[node] == op.STACK_GLOBAL:
            text = nodes.lo[node]
            if nodes.is_escaped(text):
                return self.begins_standard(nodes.scratch, 0, nodes.text_size(text))
        return self.begins_standard(self.data, nodes.lo[text], nodes.end(text))

    def begins_standard(self, text: Bytes, lo: int, hi: int) -> bool:
        """Return whether `text[lo:hi]`, up to a dot or newline, is in STANDARD."""
        end = lo
        while end < hi and text[end] != 46 and text[end] != 10:
            end += 1
        names = self.standard
        for at in range(len(names) - (end - lo) - 1):
            if names[at] == 32 and names[at + 1 + end - lo] == 32:
                i = 0
                while i < end - lo and names[at + 1 + i] == text[lo + i]:
                    i += 1
                if i == end - lo:
                    return True
        return False

    def has_name(self, machine: Machine, node: int) -> bool:
        """Return whether the module and the name of an import are identifiers."""
        nodes = machine.nodes
        lo = nodes.lo[node]
        if nodes.opcode[node] == op.STACK_GLOBAL:
            return self.is_identifier_node(machine, lo) and self.is_identifier_node(machine, nodes.hi[node])
        hi = nodes.end(node)
        line_end = lo
        while line_end < hi and self.data[line_end] != 10:
            line_end += 1
        return is_identifier(self.data, lo, line_end) and is_identifier(self.data, line_end + 1, hi)

    def is_identifier_node(self, machine: Machine, node: int) -> bool:
        """Return whether a TEXT node is an identifier."""
        nodes = machine.nodes
        if nodes.kind[node] != kd.TEXT:
            return False
        if nodes.is_escaped(node):
            return is_identifier(nodes.scratch, 0, nodes.text_size(node))
        return is_identifier(self.data, nodes.lo[node], nodes.end(node))


def is_identifier(data: Bytes, lo: int, hi: int) -> bool:
    """Return whether `data[lo:hi]` are dotted names; characters above 127 count as letters where they are UTF-8."""
    hi = min(hi, lo + MAX_NAME_BYTES)
    if lo >= hi or 48 <= data[lo] <= 57 or data[lo] == 46:
        return False
    missing = 0  # bytes of the character
    for i in range(lo, hi):
        byte = data[i]
        if missing > 0:
            if byte < 128 or byte > 191:
                return False
            missing -= 1
        elif byte >= 128:
            if byte < 194 or byte > 244:
                return False
            missing = 1 if byte < 224 else (2 if byte < 240 else 3)
        elif not (48 <= byte <= 57 or 97 <= byte | 32 <= 122 or byte == 95 or byte == 46):
            return False
    return missing == 0
