"""Call sites to slices: the token sequences that the classifier reads, each distinct one once.

A slice is: the operation; the callee (through attribute chains and earlier calls); the argument tree, whole. What does
not fit into MAX_TOKENS goes on in further slices that repeat the head, so that nothing can hide in the middle of a long
argument. A slice depends on its call site alone: whatever else a stream holds before, behind or between, and whatever
becomes of the result, cannot change it, which is why the maximum over slices cannot be talked down by padding. Opcodes
that do the same (`REDUCE`, `OBJ` and `INST`) are the same operation.

The second channel is the opcode context of each call site (`Machine.context`), as slices of their own.
"""

from __future__ import annotations

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.buffers import Indices, IntMap, Ints, grown, grown_indices, new_indices, new_ints, unlocked
from safepickle_dl.core.machine import CONTEXT, Machine
from safepickle_dl.core.words import Words, log2

MAX_HEAD = 40
"""Tokens of the operation and callee that each slice of a call site repeats (count)."""
OVERLAP = 8
"""Tokens that neighbouring slices of one call site share (count)."""
MAX_DEPTH = 12
"""Levels of an argument tree (count)."""
SHORT_SITE = 256
"""Tokens of one call site once a file has used up its tokens (count)."""
MAX_CALL_DEPTH = 4
"""Calls within calls whose arguments are written out (count)."""

# Work items that are no nodes.
CLOSE_CONTAINER = -1
CLOSE_CALL = -2


def operation(opcode: int) -> int:
    """Return the opcode that stands for all that do the same."""
    if opcode == op.OBJ or opcode == op.INST:
        return op.REDUCE
    if opcode == op.APPEND:
        return op.APPENDS
    if opcode == op.SETITEM:
        return op.SETITEMS
    if opcode == op.STACK_GLOBAL:
        return op.GLOBAL
    if opcode == op.BINPERSID:
        return op.PERSID
    if opcode == op.EXT2 or opcode == op.EXT4:
        return op.EXT1
    return opcode


class Slices:
    """The distinct slices of any number of machines.

    Slice `k` has the tokens `first[k]` to `first[k + 1]` of `tokens`, and comes from call site `site[k]` of machine
    number `source[k]` (the first that has it); `channel[k]` is 0 for a call site, 1 for an opcode context.
    """

    def __init__(self, max_tokens: int, salt: int = 0) -> None:
        """Start empty.

        Args:
            max_tokens: written tokens behind which each further call site is cut to SHORT_SITE tokens (count).
            salt: any number that who made the file cannot know, so that it cannot be full of equal digests.
        """
        self.max_tokens: int = max_tokens
        self.salt: int = salt
        self.n_written: int = 0
        self.cut_short: bool = False
        self.count: int = 0
        self.tokens: Ints = new_ints(1024)
        self.first: Ints = new_ints(256)
        self.site: Indices = new_indices(256)
        self.source: Indices = new_indices(256)
        self.channel: Indices = new_indices(256)
        self.last_source: Indices = new_indices(256)
        self.n_pairs: int = 0
        self.pair_source: Indices = new_indices(256)
        self.pair_slice: Indices = new_indices(256)
        self.same_digest: Indices = new_indices(256)
        self.by_digest: IntMap = IntMap()
        self.words: Words = Words()
        self.work_node: Ints = new_ints(1024)
        self.work_role: Ints = new_ints(1024)
        self.work_depth: Ints = new_ints(1024)
        self.n_work: int = 0

    def add_machine(self, machine: Machine, source: int) -> None:
        """Add the slices of all call sites of a machine; an import that is only called speaks through its calls."""
        self.words.forget_spans()
        n_contexts_seen = 0
        with unlocked:
            for site in range(machine.n_sites):
                result = machine.site_result[site]
                is_import = result >= 0 and result == machine.site_callee[site] and machine.site_arguments[site] < 0
                is_anomaly = machine.site_opcode[site] >= op.ANOMALY  # says nothing of what a call would do
                if not is_anomaly and not (is_import and machine.nodes.use[result] == kd.CALLED):
                    self.write_site(machine, site)
                    self.cut(site, source)
                if n_contexts_seen < machine.n_new_contexts and machine.context_site[n_contexts_seen] == site:
                    self.write_context(machine, n_contexts_seen)
                    n_contexts_seen += 1
                    if self.words.n_tokens > 0:
                        self.cut(site, source)

    # --- distinct slices --------------------------------------------------------------------------------------------

    def cut(self, site: int, source: int) -> None:
        """Cut the written tokens into slices and keep those that are new."""
        self.n_written += self.words.n_tokens
        if self.n_written > self.max_tokens and not self.cut_short:
            self.cut_short = True
            self.words.max_tokens = SHORT_SITE
        tokens = self.words.tokens
        n_tokens = self.words.n_tokens
        head = 0
        while head < min(n_tokens, MAX_HEAD) and tokens[head] & 255 <= tk.CALLEE_ARGUMENT:
            head += 1
        channel = 1 if tokens[0] & 255 == tk.CONTEXT else 0
        begin = head
        while True:
            end = min(n_tokens, begin + tk.MAX_TOKENS - head)
            self.keep(head, begin, end, site, source, channel)
            if end >= n_tokens:
                break
            begin = end - OVERLAP

    def keep(self, head: int, begin: int, end: int, site: int, source: int, channel: int) -> None:
        """Store the slice tokens[:head] + tokens[begin:end] unless an equal one is there."""
        written = self.words.tokens
        size = head + end - begin
        start = self.first[self.count]
        self.tokens = grown(self.tokens, start + size)
        tokens = self.tokens
        digest = size ^ self.salt
        for i in range(size):
            value = written[i] if i < head else written[begin - head + i]
            tokens[start + i] = value
            digest = (digest * 1000003 ^ value) & 0xFFFFFFFFFFF
        known = self.by_digest.get(digest, -1)
        while known >= 0:  # equal digests can be made on purpose: compare
            other = self.first[known]
            same = self.first[known + 1] - other == size
            i = 0
            while same and i < size:
                same = tokens[other + i] == tokens[start + i]
                i += 1
            if same:
                self.pair(known, source)
                return
            known = self.same_digest[known]
        k = self.count
        self.first = grown(self.first, k + 2)
        self.site = grown_indices(self.site, k + 1)
        self.source = grown_indices(self.source, k + 1)
        self.channel = grown_indices(self.channel, k + 1)
        self.same_digest = grown_indices(self.same_digest, k + 1)
        self.site[k] = site
        self.source[k] = source
        self.channel[k] = channel
        self.same_digest[k] = self.by_digest.get(digest, -1)
        self.by_digest.put(digest, k)
        self.last_source = grown_indices(self.last_source, k + 1)
        self.last_source[k] = -1
        self.first[k + 1] = start + size
        self.count = k + 1
        self.pair(k, source)

    def pair(self, k: int, source: int) -> None:
        """Note that a machine has slice `k`."""
        if self.last_source[k] == source:
            return
        self.last_source[k] = source
        n = self.n_pairs
        self.pair_source = grown_indices(self.pair_source, n + 1)
        self.pair_slice = grown_indices(self.pair_slice, n + 1)
        self.pair_source[n] = source
        self.pair_slice[n] = k
        self.n_pairs = n + 1

    # --- one call site ----------------------------------------------------------------------------------------------

    def write_context(self, machine: Machine, context: int) -> None:
        """Write an opcode context: one token per run, the logarithm of its length as the word."""
        words = self.words
        words.n_tokens = 0
        start = context * CONTEXT
        for i in range(CONTEXT):
            entry = machine.context[start + i]
            if entry == 0:
                break
            words.add(tk.CONTEXT, tk.OPCODE + (entry >> 8))
            words.tokens[words.n_tokens - 1] |= (1 + log2(entry & 255, 7)) << tk.WORD_SHIFT

    def write_site(self, machine: Machine, site: int) -> None:
        """Write the tokens of a call site: operation, callee, arguments."""
        words = self.words
        words.n_tokens = 0
        opcode = machine.site_opcode[site]
        words.add(tk.SITE, tk.OPCODE + operation(opcode))
        callee = machine.site_callee[site]
        if callee >= 0:
            self.write_tree(machine, callee, tk.NAME, 0)
        arguments = machine.site_arguments[site]
        if arguments >= 0:
            is_state = (
                opcode == op.BUILD or machine.site_result[site] < 0
            )  # APPEND, SETITEM and their like have no result
            self.write_tree(machine, arguments, tk.STATE if is_state else tk.ARGUMENT, 0)

    def push_work(self, node: int, role: int, depth: int) -> None:
        """Push a work item."""
        n = self.n_work
        if n >= len(self.work_node):
            self.work_node = grown(self.work_node, n + 1)
            self.work_role = grown(self.work_role, n + 1)
            self.work_depth = grown(self.work_depth, n + 1)
        self.work_node[n] = node
        self.work_role[n] = role
        self.work_depth[n] = depth
        self.n_work = n + 1

    def push_items(self, machine: Machine, container: int, role: int, depth: int) -> None:
        """Push the kept items of a container, so that the first is popped first."""
        nodes = machine.nodes
        start = self.n_work
        cell = nodes.lo[container]
        while cell >= 0:
            self.push_work(nodes.cell_node[cell], role, depth)
            cell = nodes.cell_next[cell]
        i = start
        j = self.n_work - 1
        while i < j:
            node = self.work_node[i]
            self.work_node[i] = self.work_node[j]
            self.work_node[j] = node
            i += 1
            j -= 1

    def write_tree(self, machine: Machine, root: int, role: int, depth: int) -> None:
        """Write the tokens of a value, depth first. Role NAME: it is the callee (or target) itself."""
        nodes = machine.nodes
        words = self.words
        self.n_work = 0
        self.push_work(root, role, depth)
        while self.n_work > 0:
            if words.n_tokens >= words.max_tokens:
                words.add(role, tk.CUT)
                return
            self.n_work -= 1
            node = self.work_node[self.n_work]
            role = self.work_role[self.n_work]
            depth = self.work_depth[self.n_work]
            plain = tk.CALLEE_ARGUMENT if role == tk.NAME else role
            if node == CLOSE_CONTAINER:
                words.add(plain, tk.CLOSE)
                continue
            if node == CLOSE_CALL:
                words.add(plain, tk.END)
                continue
            kind = nodes.kind[node]
            if kind < kd.INT:
                words.add(plain, tk.SCALAR + kind)
            elif kind == kd.INT:
                words.add(plain, self.int_token(machine, node))
            elif kind == kd.TEXT or kind == kd.DATA:
                words.add_literal(plain, nodes.data, nodes.opcode[node], kind, nodes.lo[node], nodes.end(node))
            elif kind == kd.GLOBAL:
                self.write_global(machine, node, role, depth)
            elif kind == kd.EXTENSION:
                words.add(plain, tk.EXTENSION)
            elif depth >= MAX_DEPTH:
                words.add(plain, tk.DEEP)
            elif kind == kd.PERSISTENT:
                words.add(plain, tk.PERSISTENT)
                self.push_work(nodes.lo[node], plain, depth + 1)
            elif kind == kd.CALL:
                words.add(plain, tk.CALL)
                self.push_work(CLOSE_CALL, plain, depth)
                if nodes.hi[node] >= 0 and (role == tk.NAME or depth < MAX_CALL_DEPTH):
                    self.push_work(nodes.hi[node], plain, depth + 1)
                self.push_work(nodes.lo[node], tk.NAME if role == tk.NAME else role, depth + 1)
            elif nodes.extra[node] == 0:
                words.add(plain, tk.EMPTY)
            else:
                words.add(plain, tk.OPEN + kind)
                self.push_work(CLOSE_CONTAINER, plain, depth)
                self.push_items(machine, node, plain, depth + 1)

    def write_global(self, machine: Machine, node: int, role: int, depth: int) -> None:
        """Write the module and the name of an import, or the operands that they are computed from."""
        nodes = machine.nodes
        words = self.words
        lo = nodes.lo[node]
        module_role = tk.MODULE if role == tk.NAME else tk.ARGUMENT_MODULE
        name_role = tk.NAME if role == tk.NAME else tk.ARGUMENT_NAME
        if nodes.opcode[node] != op.STACK_GLOBAL:
            hi = nodes.end(node)
            line_end = lo
            while line_end < hi and nodes.data[line_end] != 10:
                line_end += 1
            words.add(module_role, tk.GLOBAL)
            words.add_span(module_role, nodes.data, lo, line_end)
            words.add(name_role, tk.GLOBAL)
            words.add_span(name_role, nodes.data, line_end + 1, hi)
            return
        hi = nodes.hi[node]
        if nodes.kind[lo] == kd.TEXT and nodes.kind[hi] == kd.TEXT:
            self.write_operand(machine, lo, module_role)
            self.write_operand(machine, hi, name_role)
            return
        words.add(name_role, tk.COMPUTED)
        if depth < MAX_DEPTH:
            self.push_work(hi, role, depth + 1)
            self.push_work(lo, role, depth + 1)

    def write_operand(self, machine: Machine, node: int, role: int) -> None:
        """Write a literal operand of STACK_GLOBAL as a GLOBAL's line would be written."""
        nodes = machine.nodes
        words = self.words
        words.add(role, tk.GLOBAL)
        opcode = nodes.opcode[node]
        if opcode == op.STRING or opcode == op.UNICODE:
            size = words.unescape(nodes.data, opcode, nodes.lo[node], min(nodes.end(node), nodes.lo[node] + 1024))
            words.add_text(role, words.scratch, 0, size)
        else:
            words.add_span(role, nodes.data, nodes.lo[node], nodes.end(node))

    def int_token(self, machine: Machine, node: int) -> int:
        """Return the magnitude class of an INT node."""
        value = machine.nodes.integer(node)
        if value < 0:
            return tk.INT_OTHER
        if value < 2:
            return tk.INT_ZERO + value
        if value < 256:
            return tk.INT_BYTE
        return tk.INT_WORD if value < 65536 else tk.INT_LARGE
