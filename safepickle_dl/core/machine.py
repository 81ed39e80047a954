"""The symbolic pickle machine: instructions to call sites. Nothing is imported, called or built.

It moves nodes on a stack as the loader moves objects (`Lib/pickle.py`, `Modules/_pickle.c`) and records a *call site*
for each operation that can run code when the file is loaded: imports (GLOBAL, STACK_GLOBAL, INST, EXT), calls (REDUCE,
OBJ, INST, NEWOBJ, NEWOBJ_EX), BUILD, persistent ids, and APPEND(S), SETITEM(S), ADDITEMS on anything but a plain
literal container. What makes a loader stop is recorded as a site of its own, and the machine goes on, since another
loader may not stop there.

joblib writes the raw bytes of an array into the stream right behind the BUILD of its wrapper, where only its own loader
skips them. The machine stops there (`pause`), so that its driver can move the lexer; an array of objects is a pickle of
its own at the same place.
"""

from __future__ import annotations

from safepickle_dl.core import integers
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import (
    Bytes,
    Indices,
    IntMap,
    Ints,
    copied,
    copied_indices,
    copied_map,
    copied_octets,
    grown,
    grown_indices,
    new_indices,
    new_ints,
    unlocked,
)
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.core.nodes import Nodes

MAX_FLOAT_NODES = 1 << 16
"""Once there are this many nodes, a float is no node of its own any more: only its value is lost (count)."""
CONTEXT = 16
"""Run-length-collapsed instructions kept in front of each call site: the second channel (count; a power of two)."""
MAX_CONTEXTS = 1 << 16
"""Distinct opcode contexts of a stream that are kept; a later one counts as the last of them (count)."""


class Machine:
    """Runs blocks of instructions; afterwards `site_*` are the call sites, in stream order.

    Site `i` has the opcode (or anomaly) `site_opcode[i]` at byte `site_at[i]`, the callee or target node
    `site_callee[i]`, the node of its arguments, state or items `site_arguments[i]`, and the node of its result
    `site_result[i]` (-1: none).
    Opcode context `k` is `context[k * CONTEXT : (k + 1) * CONTEXT]`, oldest first, each entry `opcode << 8 | run
    length` (0: none; runs above 255 count as 255); `context_site[k]` is the first site that has it. `n_shared` is how
    often a nested container came from the memo or was doubled, `highest_key` the highest key of the memo (-1: none).
    """

    def __init__(self, data: Bytes) -> None:
        """Start with an empty stack and memo."""
        self.nodes: Nodes = Nodes(data)
        self.memo: IntMap = IntMap()
        self.bytes_seen: Ints = new_ints(256)
        self.empty_tuple: int = -1
        self.stack: Indices = new_indices(64)
        self.depth: int = 0
        self.marks: Indices = new_indices(16)
        self.n_marks: int = 0
        self.protocol: int = 0
        self.n_instructions: int = 0
        self.n_anomalies: int = 0
        self.stopped: bool = False
        self.pause: int = kd.GO_ON
        self.skip_bytes: int = 0
        self.skip_padding: bool = False
        self.saw_array_wrapper: bool = False
        self.n_shared: int = 0
        self.highest_key: int = -1
        self.n_sites: int = 0
        self.site_opcode: Indices = new_indices(16)
        self.site_at: Ints = new_ints(16)
        self.site_callee: Indices = new_indices(16)
        self.site_arguments: Indices = new_indices(16)
        self.site_result: Indices = new_indices(16)
        self.ring: Ints = new_ints(CONTEXT)
        self.n_ring: int = 0
        self.n_contexts: int = 0
        self.context: Indices = new_indices(4 * CONTEXT)
        self.context_of: IntMap = IntMap()
        self.n_new_contexts: int = 0
        self.context_site: Indices = new_indices(4)

    def size(self) -> int:
        """Return how much is kept: values, items, stack, marks, call sites, and what the memo cannot hold in a row."""
        nodes = self.nodes
        small = 2 * nodes.n_cells + self.depth + self.n_marks
        return nodes.count + small // 4 + 2 * self.n_sites + 8 * self.memo.n_far()

    def fills_far_slot(self) -> bool:
        """Return whether the memo has a slot far beyond what the pickle could need."""
        return self.highest_key > max(kd.MAX_SLOT, self.n_instructions)

    def shares(self) -> bool:
        """Return whether nested containers are used so often that one could unfold to more than MAX_UNFOLDED."""
        return self.n_shared >= kd.MIN_SHARED

    def is_bomb(self) -> bool:
        """Return whether the pickle takes memory or time out of all proportion to what it holds."""
        if self.shares() and self.nodes.unfolded() > kd.MAX_UNFOLDED:
            return True
        return self.fills_far_slot()

    def begin_again(self) -> None:
        """Get ready for another pickle, as an unpickler that loads again: its nodes and its memo live on."""
        self.depth = 0
        self.n_marks = 0
        self.n_instructions = 0
        self.n_anomalies = 0
        self.stopped = False
        self.saw_array_wrapper = False
        self.n_sites = 0
        self.n_ring = 0
        self.n_new_contexts = 0

    # --- stack ------------------------------------------------------------------------------------------------------

    def push(self, node: int) -> None:
        """Push a node."""
        if self.depth >= len(self.stack):
            self.grow_stack()
        self.stack[self.depth] = node
        self.depth += 1

    def grow_stack(self) -> None:
        """Make room for one more node (apart from `push`, which is fast for having no buffer of its own)."""
        self.stack = grown_indices(self.stack, self.depth + 1)

    def push_mark(self) -> None:
        """Set a mark at the top of the stack."""
        self.marks = grown_indices(self.marks, self.n_marks + 1)
        self.marks[self.n_marks] = self.depth
        self.n_marks += 1

    def floor(self) -> int:
        """Return the depth below which today's loaders pop nothing: that of the topmost mark."""
        return self.marks[self.n_marks - 1] if self.n_marks > 0 else 0

    def pop(self, at: int) -> int:
        """Pop a node; an anomaly where a loader would stop: at a mark (older ones pop through it), or without a stack.

        `Pdata_pop` (`Modules/_pickle.c`) stops at a mark since it has a fence. The mark then lies below what is pushed.
        """
        if self.depth <= self.floor():
            self.add_anomaly(op.STACK_UNDERFLOW, at)
            if self.depth == 0:
                return kd.UNKNOWN
            self.marks[self.n_marks - 1] = self.depth - 1
        self.depth -= 1
        return self.stack[self.depth]

    def top(self, at: int) -> int:
        """Return the top of the stack without popping it."""
        if self.depth > self.floor():
            return self.stack[self.depth - 1]
        node = self.pop(at)
        self.push(node)
        return node

    def pop_mark(self, at: int) -> int:
        """Forget the topmost mark and return the depth it stood at; the items stay above `depth`."""
        if self.n_marks == 0:
            self.add_anomaly(op.STACK_UNDERFLOW, at)
            return self.depth
        self.n_marks -= 1
        return min(self.marks[self.n_marks], self.depth)

    def pop_container(self, kind: int, opcode: int, at: int) -> int:
        """Pop everything above the topmost mark into a new container."""
        start = self.pop_mark(at)
        container = self.nodes.add(kind, opcode, -1, -1, 0)
        self.add_items(container, start, self.depth)
        self.depth = start
        return container

    def pop_tuple(self, size: int, opcode: int, at: int) -> int:
        """Pop `size` nodes into a new tuple."""
        if self.depth - size < self.floor():
            self.fill_up(size, at)
        container = self.nodes.add(kd.TUPLE, opcode, -1, -1, 0)
        self.add_items(container, self.depth - size, self.depth)
        self.depth -= size
        return container

    def fill_up(self, size: int, at: int) -> None:
        """Put UNKNOWN below the nodes above the topmost mark, so that there are `size`, and an anomaly for each."""
        values = new_indices(size)
        for i in range(size):
            values[i] = self.pop(at)
        for i in range(size):
            self.push(values[size - 1 - i])

    def add_items(self, container: int, start: int, end: int) -> None:
        """Append `stack[start:end]` to a container; beyond MAX_CHILDREN they only count."""
        nodes = self.nodes
        count = nodes.extra[container]
        kept = min(kd.MAX_CHILDREN - count, end - start)
        if start < end:
            nodes.extra[container] = count + end - start
        if kept <= 0:
            return
        first = nodes.add_cells(container, kept)
        for i in range(kept):
            value = self.stack[start + i]
            nodes.cell_node[first + i] = value
            nodes.use[value] |= kd.ITEM

    # --- what is recorded -------------------------------------------------------------------------------------------

    def note_instruction(self, opcode: int) -> None:
        """Add an instruction to the run-length-collapsed ring."""
        last = (self.n_ring - 1) & (CONTEXT - 1)
        if self.n_ring > 0 and self.ring[last] >> 8 == opcode:
            if self.ring[last] & 255 < 255:
                self.ring[last] += 1
            return
        self.ring[self.n_ring & (CONTEXT - 1)] = opcode << 8 | 1
        self.n_ring += 1

    def take_context(self) -> int:
        """Return the index of the ring's content among the distinct contexts, and empty the ring."""
        start = self.n_contexts * CONTEXT
        self.context = grown_indices(self.context, start + CONTEXT)
        size = min(self.n_ring, CONTEXT)
        digest = size
        for i in range(size):
            entry = self.ring[(self.n_ring - size + i) & (CONTEXT - 1)]
            self.context[start + i] = entry
            digest = (digest * 1000003 ^ entry) & 0xFFFFFFFFFFFF
        for i in range(size, CONTEXT):
            self.context[start + i] = 0
        self.n_ring = 0
        known = self.context_of.get(digest, -1)
        if known >= 0:
            same = True
            for i in range(CONTEXT):
                if self.context[known * CONTEXT + i] != self.context[start + i]:
                    same = False
            if same:
                return known
        if self.n_contexts >= MAX_CONTEXTS:
            return MAX_CONTEXTS - 1
        self.context_of.put(digest, self.n_contexts)
        self.n_contexts += 1
        return self.n_contexts - 1

    def add_site(self, opcode: int, at: int, callee: int, arguments: int, result: int) -> None:
        """Record a call site."""
        i = self.n_sites
        if i >= len(self.site_opcode):
            self.grow_sites(i + 1)
        self.n_sites = i + 1
        self.site_opcode[i] = opcode
        self.site_at[i] = at
        self.site_callee[i] = callee
        self.site_arguments[i] = arguments
        self.site_result[i] = result
        if self.take_context() == self.n_new_contexts:
            self.add_new_context(i)

    def grow_sites(self, size: int) -> None:
        """Make room for `size` call sites."""
        self.site_opcode = grown_indices(self.site_opcode, size)
        self.site_at = grown(self.site_at, size)
        self.site_callee = grown_indices(self.site_callee, size)
        self.site_arguments = grown_indices(self.site_arguments, size)
        self.site_result = grown_indices(self.site_result, size)

    def add_new_context(self, site: int) -> None:
        """Note the first site of the next context."""
        n = self.n_new_contexts
        self.context_site = grown_indices(self.context_site, n + 1)
        self.context_site[n] = site
        self.n_new_contexts = n + 1

    def add_anomaly(self, anomaly: int, at: int) -> None:
        """Record a place where a loader would stop."""
        self.n_anomalies += 1
        self.add_site(anomaly, at, -1, -1, -1)

    def add_import(self, opcode: int, at: int, lo: int, hi: int) -> int:
        """Record an import of `data[lo:hi]` (STACK_GLOBAL: of the nodes `lo` and `hi`) and return its node."""
        if opcode == op.STACK_GLOBAL:
            node = self.nodes.add(kd.GLOBAL, opcode, lo, hi, -1)
        elif opcode == op.GLOBAL or opcode == op.INST:
            node = self.nodes.add_span(kd.GLOBAL, opcode, lo, hi)
        else:
            node = self.nodes.add_span(kd.EXTENSION, opcode, lo, hi)
        self.add_site(opcode, at, node, -1, node)
        return node

    def add_call(self, opcode: int, at: int, callee: int, arguments: int) -> int:
        """Record a call and return the node of its result."""
        nodes = self.nodes
        result = nodes.add(kd.CALL, opcode, callee, arguments, -1)
        nodes.use[callee] |= kd.CALLED
        cell = nodes.lo[arguments] if kd.TUPLE <= nodes.kind[arguments] <= kd.SET else -1
        while cell >= 0:
            nodes.use[nodes.cell_node[cell]] |= kd.ARGUMENT
            cell = nodes.cell_next[cell]
        nodes.use[arguments] |= kd.ARGUMENT
        self.add_site(opcode, at, callee, arguments, result)
        return result

    def add_to(self, target: int, start: int, opcode: int, at: int) -> None:
        """Give `stack[start:depth]` to a target's append, extend, update or add, and drop them from the stack."""
        nodes = self.nodes
        if kd.LIST <= nodes.kind[target] <= kd.SET:
            self.add_items(target, start, self.depth)
            last = self.depth
            while last > start and nodes.give_back(self.stack[last - 1]):
                last -= 1
        else:
            items = nodes.add(kd.TUPLE, opcode, -1, -1, 0)
            self.add_items(items, start, self.depth)
            self.add_site(opcode, at, target, items, -1)
        self.depth = start

    # --- running ----------------------------------------------------------------------------------------------------

    def run(self, lexer: Lexer, start: int) -> int:
        """Execute the lexer's block from instruction `start` on.

        Returns:
            The number of instructions of the block that are done; if that is not all of them, `pause` says why: the
            lexer has to go on behind the last one done and, for SKIP_ARRAY, a byte that counts padding bytes and those
            (if `skip_padding`) and `skip_bytes` bytes; for NESTED_PICKLE, behind a pickle that begins there.
        """
        self.pause = kd.GO_ON
        i = start
        with unlocked:
            while i < lexer.count:
                code = lexer.ops[i]
                self.n_instructions += 1
                if code != op.MEMOIZE and code != op.BINPUT and code != op.LONG_BINPUT and code != op.FRAME:
                    self.note_instruction(code)
                self.step(code, lexer.at[i], lexer.lo[i], lexer.hi[i])
                i += 1
                if self.pause != kd.GO_ON:
                    break
        return i

    def step(self, code: int, at: int, lo: int, hi: int) -> None:
        """Execute one instruction (or anomaly) at byte `at` with the argument span `lo`, `hi`."""
        nodes = self.nodes
        node = -1
        if code == op.MEMOIZE:
            self.memoize(self.memo.count(), self.top(at))
        elif code == op.BINGET:
            node = self.recall(nodes.data[lo], at)
        elif code == op.BINPUT:
            self.memoize(nodes.data[lo], self.top(at))
        elif code == op.LONG_BINGET:
            node = self.recall(nodes.uint(lo, hi), at)
        elif code == op.LONG_BINPUT:
            self.memoize(nodes.uint(lo, hi), self.top(at))
        elif code == op.BININT1:
            node = self.byte_node(lo, hi)
        elif code == op.BININT or code == op.BININT2 or code == op.LONG1 or code == op.LONG4:
            node = nodes.add_span(kd.INT, code, lo, hi)
        elif code == op.SHORT_BINUNICODE or code == op.BINUNICODE or code == op.UNICODE or code == op.BINUNICODE8:
            node = nodes.add_span(kd.TEXT, code, lo, hi)
        elif code == op.MARK:
            self.push_mark()
        elif code == op.BINFLOAT or code == op.FLOAT:
            node = nodes.add_span(kd.FLOAT, code, lo, hi) if nodes.count < MAX_FLOAT_NODES else kd.FLOAT
        elif code == op.NONE:
            node = kd.NONE
        elif code == op.NEWTRUE:
            node = kd.TRUE
        elif code == op.NEWFALSE:
            node = kd.FALSE
        elif code == op.TUPLE1:
            node = self.pop_tuple(1, code, at)
        elif code == op.TUPLE2:
            node = self.pop_tuple(2, code, at)
        elif code == op.TUPLE3:
            node = self.pop_tuple(3, code, at)
        elif code == op.TUPLE:
            node = self.pop_container(kd.TUPLE, code, at)
        elif code == op.EMPTY_TUPLE:
            node = self.empty_tuple_node()
        elif code == op.EMPTY_LIST:
            node = nodes.add(kd.LIST, code, -1, -1, 0)
        elif code == op.EMPTY_DICT:
            node = nodes.add(kd.DICT, code, -1, -1, 0)
        elif code == op.EMPTY_SET:
            node = nodes.add(kd.SET, code, -1, -1, 0)
        elif code == op.LIST:
            node = self.pop_container(kd.LIST, code, at)
        elif code == op.DICT:
            node = self.pop_container(kd.DICT, code, at)
        elif code == op.FROZENSET:
            node = self.pop_container(kd.SET, code, at)
        elif code == op.APPENDS or code == op.SETITEMS or code == op.ADDITEMS:
            start = self.pop_mark(at)
            depth = self.depth
            self.depth = start
            target = self.top(at)
            if self.depth > start:  # there was no target; keep the items where they are
                start = self.depth
                depth = max(depth, start)
            self.depth = depth
            self.add_to(target, start, code, at)
        elif code == op.APPEND:
            self.add_one(1, code, at)
        elif code == op.SETITEM:
            self.add_one(2, code, at)
        elif code == op.GLOBAL:
            node = self.add_import(code, at, lo, hi)
        elif code == op.STACK_GLOBAL:
            name = self.pop(at)
            module = self.pop(at)
            nodes.use[name] |= kd.OPERAND
            nodes.use[module] |= kd.OPERAND
            node = self.add_import(code, at, module, name)
        elif code == op.REDUCE or code == op.NEWOBJ:
            arguments = self.pop(at)
            callee = self.pop(at)
            node = self.add_call(code, at, callee, arguments)
        elif code == op.BUILD:
            self.build(at)
        elif code == op.BINPERSID:
            node = self.persistent(self.pop(at), code, at)
        elif code == op.PERSID:
            node = self.persistent(nodes.add_span(kd.TEXT, code, lo, hi), code, at)
        elif code == op.BINBYTES or code == op.SHORT_BINBYTES or code == op.BINBYTES8 or code == op.BYTEARRAY8:
            node = nodes.add_span(kd.DATA, code, lo, hi)
        elif code == op.SHORT_BINSTRING or code == op.BINSTRING or code == op.STRING:
            node = nodes.add_span(kd.TEXT, code, lo, hi)
        elif code == op.INT or code == op.LONG:
            node = nodes.add_span(kd.INT, code, lo, hi)
        elif code == op.POP:
            if self.depth > self.floor():
                popped = self.pop(at)
                if not nodes.give_back(popped):
                    nodes.use[popped] |= kd.POPPED
            else:
                self.pop_mark(at)
        elif code == op.POP_MARK:
            start = self.pop_mark(at)
            for i in range(start, self.depth):
                nodes.use[self.stack[i]] |= kd.POPPED
            self.depth = start
        elif code == op.DUP:
            node = self.top(at)
            nodes.pinned = max(nodes.pinned, node)
            self.note_shared(node)
        elif code == op.PUT:
            self.memoize(integers.memo_key(nodes.data, lo, hi), self.top(at))
        elif code == op.GET:
            node = self.recall(integers.memo_key(nodes.data, lo, hi), at)
        elif code == op.PROTO:
            self.protocol = nodes.data[lo]
        elif code == op.STOP:
            nodes.use[self.pop(at)] |= kd.RETURNED
            self.stopped = True
        elif code == op.NEWOBJ_EX:
            arguments = self.pop_tuple(2, code, at)
            callee = self.pop(at)
            node = self.add_call(code, at, callee, arguments)
        elif code == op.OBJ:
            start = self.pop_mark(at)
            callee = kd.UNKNOWN
            if start < self.depth:
                callee = self.stack[start]
            else:
                self.add_anomaly(op.STACK_UNDERFLOW, at)
            arguments = nodes.add(kd.TUPLE, code, -1, -1, 0)
            self.add_items(arguments, start + 1, self.depth)
            self.depth = start
            node = self.add_call(code, at, callee, arguments)
        elif code == op.INST:
            callee = self.add_import(code, at, lo, hi)
            arguments = self.pop_container(kd.TUPLE, code, at)
            node = self.add_call(code, at, callee, arguments)
        elif code == op.EXT1 or code == op.EXT2 or code == op.EXT4:
            node = self.add_import(code, at, lo, hi)
        elif code == op.NEXT_BUFFER:
            node = kd.BUFFER
        elif code != op.FRAME and code != op.READONLY_BUFFER:  # an anomaly of the lexer's
            self.add_anomaly(code, at)
        if node >= 0:
            self.push(node)

    def byte_node(self, lo: int, hi: int) -> int:
        """Return the node of a BININT1; equal ones share it."""
        value = self.nodes.data[lo]
        node = self.bytes_seen[value]
        if node == 0:
            node = self.nodes.add_span(kd.INT, op.BININT1, lo, hi)
            self.nodes.pinned = max(self.nodes.pinned, node)
            self.bytes_seen[value] = node
        return node

    def empty_tuple_node(self) -> int:
        """Return the node of all EMPTY_TUPLEs: nothing is ever added to one."""
        if self.empty_tuple < 0:
            self.empty_tuple = self.nodes.add(kd.TUPLE, op.EMPTY_TUPLE, -1, -1, 0)
            self.nodes.pinned = max(self.nodes.pinned, self.empty_tuple)
        return self.empty_tuple

    def memoize(self, key: int, node: int) -> None:
        """Store a node in the memo."""
        self.nodes.pinned = max(self.nodes.pinned, node)
        self.highest_key = max(self.highest_key, key)
        self.memo.put(key, node)

    def recall(self, key: int, at: int) -> int:
        """Return what the memo holds under a key; UNKNOWN and an anomaly where it holds nothing."""
        node = self.memo.get(key, -1)
        if node < 0:
            self.add_anomaly(op.BAD_MEMO_KEY, at)
            return kd.UNKNOWN
        self.note_shared(node)
        return node

    def note_shared(self, node: int) -> None:
        """Count a container that is used again, unless it is flat; after MIN_SHARED there is no need to."""
        if self.n_shared < kd.MIN_SHARED and self.nodes.may_nest(node):
            self.n_shared += 1

    def add_one(self, size: int, opcode: int, at: int) -> None:
        """APPEND (`size` 1) or SETITEM (`size` 2)."""
        if self.depth - self.floor() <= size:
            self.add_anomaly(op.STACK_UNDERFLOW, at)
            if self.depth <= size:
                return
            self.marks[self.n_marks - 1] = self.depth - size - 1
        start = self.depth - size
        self.add_to(self.stack[start - 1], start, opcode, at)

    def persistent(self, key: int, opcode: int, at: int) -> int:
        """Return what the loading program's `persistent_load` would return for an id."""
        node = self.nodes.add(kd.PERSISTENT, opcode, key, -1, -1)
        self.add_site(opcode, at, -1, key, node)
        return node

    def build(self, at: int) -> None:
        """BUILD: the target's `__setstate__`, or its attributes, from the top of the stack."""
        nodes = self.nodes
        state = self.pop(at)
        target = self.top(at)
        nodes.use[state] |= kd.STATE
        nodes.use[target] |= kd.BUILT
        self.add_site(op.BUILD, at, target, state, target)
        if nodes.kind[target] == kd.CALL:
            nodes.extra[target] = state
            if is_array_wrapper(nodes, target):
                self.saw_array_wrapper = True
                self.pause_at_array(state)

    # --- joblib -----------------------------------------------------------------------------------------------------

    def pause_at_array(self, state: int) -> None:
        """Work out what follows the BUILD of a joblib array wrapper; see `NumpyArrayWrapper.read_array` in joblib."""
        nodes = self.nodes
        shape = nodes.value_of(state, kd.SHAPE, kd.DTYPE)
        dtype = nodes.value_of(state, kd.DTYPE, kd.ALIGNMENT)
        if shape < 0 or dtype < 0 or nodes.kind[shape] != kd.TUPLE:
            return
        item_bytes = dtype_item_bytes(nodes, dtype)
        if item_bytes == kd.OBJECTS:
            self.pause = kd.NESTED_PICKLE
            return
        if item_bytes < 0:
            return
        most_items = integers.HUGE // max(item_bytes, 1)
        n_items = 1
        cell = nodes.lo[shape]
        while cell >= 0:
            node = nodes.cell_node[cell]
            size = -1
            if nodes.kind[node] == kd.INT:
                size = nodes.integer(node)
            if size < 0 or (size > 0 and n_items > most_items // size):
                return
            n_items *= size
            cell = nodes.cell_next[cell]
        alignment = nodes.value_of(state, kd.ALIGNMENT, kd.NAMES_END)
        self.skip_padding = alignment >= 0 and nodes.kind[alignment] == kd.INT
        self.skip_bytes = n_items * item_bytes
        self.pause = kd.SKIP_ARRAY


def copied_state(machine: Machine, with_stack: bool) -> Machine:
    """Return a machine with the same nodes and memo that has recorded no call site yet.

    Args:
        machine: it is left as it is.
        with_stack: False for an empty stack: only the memo lives on, as in an `Unpickler` that loads again.
    """
    nodes = machine.nodes
    copy = Machine(nodes.data)
    copy.nodes.kind = copied_octets(nodes.kind)
    copy.nodes.opcode = copied_octets(nodes.opcode)
    copy.nodes.lo = copied(nodes.lo)
    copy.nodes.hi = copied_indices(nodes.hi)
    copy.nodes.extra = copied_indices(nodes.extra)
    copy.nodes.use = copied_octets(nodes.use)
    copy.nodes.count = nodes.count
    copy.nodes.long_sizes = copied(nodes.long_sizes)
    copy.nodes.n_long = nodes.n_long
    copy.nodes.pinned = nodes.count - 1
    copy.nodes.cell_node = copied_indices(nodes.cell_node)
    copy.nodes.cell_next = copied_indices(nodes.cell_next)
    copy.nodes.n_cells = nodes.n_cells
    copy.memo = copied_map(machine.memo)
    if with_stack:
        copy.stack = copied_indices(machine.stack)
        copy.depth = machine.depth
        copy.marks = copied_indices(machine.marks)
        copy.n_marks = machine.n_marks
    copy.protocol = machine.protocol
    copy.n_shared = machine.n_shared
    return copy


def is_array_wrapper(nodes: Nodes, call: int) -> bool:
    """Return whether a CALL makes a joblib `NumpyArrayWrapper` (by name, whatever the module)."""
    callee = nodes.lo[call]
    if nodes.kind[callee] != kd.GLOBAL:
        return False
    if nodes.opcode[callee] == op.STACK_GLOBAL:
        operand = nodes.hi[callee]
        return nodes.text_is(operand, kd.WRAPPER, kd.DOTTED_WRAPPER) or nodes.text_ends_with(
            operand, kd.DOTTED_WRAPPER, kd.SHAPE
        )
    size = kd.DOTTED_WRAPPER - kd.WRAPPER
    lo = nodes.end(callee) - size
    if lo <= nodes.lo[callee] or (nodes.data[lo - 1] != 10 and nodes.data[lo - 1] != 46):
        return False
    for i in range(size):  # noqa: SIM110
        if nodes.data[lo + i] != nodes.names[kd.WRAPPER + i]:
            return False
    return True


def is_byte_order(byte: int) -> bool:
    """Return whether a byte is one of `< = > |`."""
    return byte == 60 or byte == 61 or byte == 62 or byte == 124


def dtype_item_bytes(nodes: Nodes, dtype: int) -> int:
    """Return the bytes of one element of a pickled `numpy.dtype`, or OBJECTS, or UNKNOWN_SIZE.

    Source: `arraydescr_reduce` in numpy: `dtype(text, False, True)` with the state
    (version, byteorder, subarray, names, fields, size, alignment, flags, ...); size is -1 for the plain types, and bit
    0 of flags says that there are objects in it.
    """
    if nodes.kind[dtype] != kd.CALL:
        return kd.UNKNOWN_SIZE
    state = nodes.extra[dtype]
    if state >= 0:
        flags = nodes.item(state, 7)
        if flags >= 0 and nodes.kind[flags] == kd.INT:
            value = nodes.integer(flags)
            if value >= 0 and value & 1 == 1:
                return kd.OBJECTS
        size = nodes.item(state, 5)
        if size >= 0 and nodes.kind[size] == kd.INT:
            value = nodes.integer(size)
            if value > 0:
                return value
    text = nodes.item(nodes.hi[dtype], 0) if nodes.hi[dtype] >= 0 else -1
    if text < 0 or (nodes.kind[text] != kd.TEXT and nodes.kind[text] != kd.DATA):
        return kd.UNKNOWN_SIZE
    lo = nodes.lo[text]
    hi = nodes.end(text)
    while lo < hi and is_byte_order(nodes.data[lo]):
        lo += 1
    if lo >= hi:
        return kd.UNKNOWN_SIZE
    letter = nodes.data[lo]
    if letter == 79:  # O
        return kd.OBJECTS
    size_text = integers.decimal(nodes.data, lo + 1, hi)
    if size_text < 0 or size_text > integers.HUGE // 4:
        return kd.UNKNOWN_SIZE
    return 4 * size_text if letter == 85 else size_text  # U counts characters
