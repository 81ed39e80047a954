"""The values that the symbolic machine handles, in an arena of parallel int buffers.

A node is an index. What its fields mean depends on its kind:

| kind | lo, hi | extra |
|---|---|---|
| NONE, TRUE, FALSE | unused, shared by all | |
| INT, TEXT, DATA, FLOAT (but node 3) | where the literal begins, its size; `opcode` tells how it is written | |
| TUPLE, LIST, DICT, SET | first and last cell (-1: none) of the first MAX_CHILDREN items | how many items |
| GLOBAL, by text | where "module newline name" begins, its size | |
| GLOBAL, by STACK_GLOBAL | node of the module, node of the name | |
| EXTENSION | where the code begins, its size | |
| CALL | callee, arguments (-1: none) | last BUILD state, -1: none |
| PERSISTENT | node of the id | |
| UNKNOWN, BUFFER | unused | |

Sizes of 2 GiB and more are kept elsewhere: `end` says where what begins at `lo` ends.

A dict's items alternate key and value. Nodes may form cycles.
"""

from __future__ import annotations

from safepickle_dl.core import integers
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import (
    Bytes,
    Indices,
    Ints,
    Octets,
    grown,
    grown_indices,
    grown_octets,
    ints_of,
    new_indices,
    new_ints,
    new_octets,
)
from safepickle_dl.core.escapes import unescape


class Nodes:
    """The arena. Fields are public buffers, indexed by node; cells are a second arena for items."""

    def __init__(self, data: Bytes) -> None:
        """Start with the shared nodes NONE to BUFFER; spans refer to `data`."""
        self.data: Bytes = data
        self.count: int = kd.FIRST_FREE
        self.kind: Octets = new_octets(64)
        self.opcode: Octets = new_octets(64)
        self.lo: Ints = new_ints(64)
        self.hi: Indices = new_indices(64)
        self.extra: Indices = new_indices(64)
        self.use: Octets = new_octets(64)
        self.scratch: Octets = new_octets(1024)
        self.names: Ints = ints_of(kd.NAMES)
        self.pinned: int = kd.FIRST_FREE - 1
        self.n_long: int = 0
        self.long_sizes: Ints = new_ints(4)
        self.n_cells: int = 0
        self.cell_node: Indices = new_indices(64)
        self.cell_next: Indices = new_indices(64)
        for shared in range(kd.FIRST_FREE):
            self.kind[shared] = shared

    def add(self, kind: int, opcode: int, lo: int, hi: int, extra: int) -> int:
        """Append a node and return its index."""
        node = self.count
        if node >= len(self.kind):
            self.grow(node + 1)
        self.count = node + 1
        self.kind[node] = kind
        self.opcode[node] = opcode
        self.lo[node] = lo
        self.hi[node] = hi
        self.extra[node] = extra
        return node

    def add_span(self, kind: int, opcode: int, lo: int, hi: int) -> int:
        """Append a node that stands for `data[lo:hi]` and return its index."""
        size = hi - lo
        if size > kd.MAX_SIZE:
            size = self.add_long(size)
        return self.add(kind, opcode, lo, size, -1)

    def add_long(self, size: int) -> int:
        """Keep a size that is no index and return what stands for it: a negative number."""
        self.long_sizes = grown(self.long_sizes, self.n_long + 1)
        self.long_sizes[self.n_long] = size
        self.n_long += 1
        return -self.n_long

    def end(self, node: int) -> int:
        """Return where in `data` the span of a node ends."""
        size = self.hi[node]
        return self.lo[node] + (size if size >= 0 else self.long_sizes[-1 - size])

    def integer(self, node: int) -> int:
        """Return the value of a literal as `integers.literal` does."""
        return integers.literal(self.data, self.opcode[node], self.lo[node], self.end(node))

    def grow(self, size: int) -> None:
        """Make room for `size` nodes."""
        self.kind = grown_octets(self.kind, size)
        self.opcode = grown_octets(self.opcode, size)
        self.lo = grown(self.lo, size)
        self.hi = grown_indices(self.hi, size)
        self.extra = grown_indices(self.extra, size)
        self.use = grown_octets(self.use, size)

    def grow_cells(self, size: int) -> None:
        """Make room for `size` cells."""
        self.cell_node = grown_indices(self.cell_node, size)
        self.cell_next = grown_indices(self.cell_next, size)

    def uint(self, lo: int, hi: int) -> int:
        """Return the little-endian unsigned integer in `data[lo:hi]`, less than 8 bytes."""
        value = 0
        while hi > lo:
            hi -= 1
            value = (value << 8) | self.data[hi]
        return value

    def add_cells(self, container: int, count: int) -> int:
        """Append `count` cells in a row to a container, at least one, and return the first."""
        first = self.n_cells
        last = first + count - 1
        if last >= len(self.cell_node):
            self.grow_cells(last + 1)
        self.n_cells = last + 1
        for cell in range(first, last):
            self.cell_next[cell] = cell + 1
        self.cell_next[last] = -1
        if self.lo[container] < 0:
            self.lo[container] = first
        else:
            self.cell_next[self.hi[container]] = first
        self.hi[container] = last
        return first

    def give_back(self, node: int) -> bool:
        """Forget a number that was just dropped, if it is the last node and nothing else refers to it.

        What only counts in a long container (and what is popped at once) then takes no memory. Memo entries, copies on
        the stack and shared nodes are at or below `pinned`; whatever else is referred to has a use, or a node above it.
        """
        kind = self.kind[node]
        if node != self.count - 1 or node <= self.pinned or self.use[node] != 0:
            return False
        if kind != kd.INT and kind != kd.FLOAT:  # a text may be a pickle in its turn
            return False
        self.count = node
        return True

    def item(self, container: int, index: int) -> int:
        """Return the node at `index` of a container, -1 if it is not kept."""
        if not self.is_container(container):
            return -1
        cell = self.lo[container]
        while cell >= 0 and index > 0:
            cell = self.cell_next[cell]
            index -= 1
        return -1 if cell < 0 else self.cell_node[cell]

    def is_container(self, node: int) -> bool:
        """Return whether a node is a TUPLE, LIST, DICT or SET."""
        return kd.TUPLE <= self.kind[node] <= kd.SET

    def is_filled(self, node: int) -> bool:
        """Return whether a node is a container that keeps items."""
        return self.is_container(node) and self.lo[node] >= 0

    def may_nest(self, node: int) -> bool:
        """Return whether a node is a container that may hold containers: now or, if it is empty, later."""
        if not self.is_container(node):
            return False
        cell = self.lo[node]
        if cell < 0 or self.extra[node] > kd.MAX_FLAT:
            return True
        while cell >= 0:
            if self.is_container(self.cell_node[cell]):
                return True
            cell = self.cell_next[cell]
        return False

    def unfolded(self) -> int:
        """Return the size of the largest container where what it holds twice counts twice (values), at most UNFOLDED.

        What a container holds through itself is not counted; items that are not kept count as one each.
        """
        sizes = new_indices(self.count)
        path = new_indices(64)
        cells = new_indices(64)
        totals = new_ints(64)
        largest = 0
        for root in range(kd.FIRST_FREE, self.count):
            depth = 0
            if sizes[root] == 0 and self.is_filled(root):
                path[0] = root
                depth = 1
            while depth > 0:
                node = path[depth - 1]
                if sizes[node] == 0:  # from now on, it is above what is looked at
                    sizes[node] = -1
                    cells[depth - 1] = self.lo[node]
                    totals[depth - 1] = 1 + max(0, self.extra[node] - kd.MAX_CHILDREN)
                cell = cells[depth - 1]
                if cell < 0:
                    sizes[node] = min(totals[depth - 1], kd.UNFOLDED)
                    largest = max(largest, sizes[node])
                    depth -= 1
                    if depth > 0:
                        totals[depth - 1] += sizes[node]
                else:
                    item = self.cell_node[cell]
                    cells[depth - 1] = self.cell_next[cell]
                    if sizes[item] == 0 and self.is_filled(item):
                        path = grown_indices(path, depth + 1)
                        cells = grown_indices(cells, depth + 1)
                        totals = grown(totals, depth + 1)
                        path[depth] = item
                        depth += 1
                    else:
                        totals[depth - 1] += max(1, sizes[item])
        return largest

    def text_is(self, node: int, name: int, name_end: int) -> bool:
        """Return whether a TEXT or DATA node, its escapes decoded, is exactly `NAMES[name:name_end]`."""
        return self.text_size(node) == name_end - name and self.text_ends_with(node, name, name_end)

    def text_size(self, node: int) -> int:
        """Return the bytes of a TEXT or DATA node, its escapes decoded; -1 for any other kind."""
        kind = self.kind[node]
        if kind != kd.TEXT and kind != kd.DATA:
            return -1
        if self.is_escaped(node):
            return unescape(self.data, self.opcode[node], self.lo[node], self.end(node), self.scratch)
        return self.end(node) - self.lo[node]

    def is_escaped(self, node: int) -> bool:
        """Return whether a node may have escapes; those of long literals are left alone."""
        opcode = self.opcode[node]
        return (opcode == op.STRING or opcode == op.UNICODE) and 0 <= self.hi[node] <= len(self.scratch)

    def text_ends_with(self, node: int, name: int, name_end: int) -> bool:
        """Return whether a TEXT or DATA node, its escapes decoded, ends with `NAMES[name:name_end]`."""
        start = self.text_size(node) - (name_end - name)
        if start < 0:
            return False
        escaped = self.is_escaped(node)
        for i in range(name_end - name):
            byte = self.scratch[start + i] if escaped else self.data[self.lo[node] + start + i]
            if byte != self.names[name + i]:
                return False
        return True

    def value_of(self, dictionary: int, name: int, name_end: int) -> int:
        """Return the node stored under `NAMES[name:name_end]` in a DICT (the last one wins), -1 if there is none."""
        if dictionary < 0 or self.kind[dictionary] != kd.DICT:
            return -1
        found = -1
        cell = self.lo[dictionary]
        while cell >= 0:
            value = self.cell_next[cell]
            if value < 0:
                break
            if self.text_is(self.cell_node[cell], name, name_end):
                found = self.cell_node[value]
            cell = self.cell_next[value]
        return found
