"""All pickles of a region and of its literals, as `safepickle_dl.nested` finds them, for runtimes without Python.

Written like core/, without recursion, which TorchScript does not know. Literals in base64, hex, zlib and gzip are read;
other containers and compressions stay closed, and are counted.
"""

from __future__ import annotations

from safepickle_dl.core import kinds as kd
from safepickle_dl.core.buffers import Bytes, Octets, new_octets
from safepickle_dl.core.machine import Machine
from safepickle_dl.embed.driver import Budget, Reader
from safepickle_dl.embed.encoded import BASE64, HEX, PLAIN, Looks, as_bytes, is_container, is_packed, unbase64, unhex
from safepickle_dl.embed.inflate import Inflater

MAX_DEPTH = 8
"""Pickles, and encoded texts, within pickles (levels)."""
MIN_LITERAL = 8
"""As in `suspects`: shorter literals cannot import anything (bytes)."""
HEAD_BYTES = 1 << 16
"""As in `containers.sniff`: how much is decompressed to learn whether the rest matters (bytes)."""
CONVINCING_BYTES = 64
"""As in `containers.compressed`: once this much came out, and looks like something, zlib's header is one (bytes)."""


class Span:
    """Bytes `data[lo:hi]` that may hold pickles."""

    def __init__(self, data: Bytes, lo: int, hi: int, depth: int, origin: int) -> None:
        """Note where.

        Args:
            data: the region, or what a literal of it was decoded to.
            lo: where it begins.
            hi: where it ends.
            depth: pickles and encoded texts around it (levels).
            origin: where in the region the literal begins that `data` was decoded from; -1: `data` is the region.
        """
        self.data: Bytes = data
        self.lo: int = lo
        self.hi: int = hi
        self.depth: int = depth
        self.origin: int = origin


class Region:
    """Reads a region: `machines` are those of all its pickles, and of those in its literals.

    Offsets of machine `i` count from the region's start; where `origins[i]` is not -1, its bytes had to be decoded from
    the literal that begins there. `complete` says whether everything was read as far as a loader would read it;
    `n_packed` counts containers and compressed data that stayed closed.
    """

    def __init__(self, data: Bytes) -> None:
        """Start with nothing read."""
        self.machines: list[Machine] = []
        self.origins: list[int] = []
        self.complete: bool = True
        self.n_packed: int = 0
        self.budget: Budget = Budget()
        self.looks: Looks = Looks()
        self.waiting: list[Span] = [Span(data, 0, len(data), 0, -1)]

    def read_all(self) -> None:
        """Read everything."""
        while len(self.waiting) > 0:
            span = self.waiting.pop()
            if span.lo < span.hi:
                self.open(span)

    def open(self, span: Span) -> None:
        """Read the pickles of a span, and let their literals wait."""
        data, lo, hi = span.data, span.lo, span.hi
        packed = is_packed(data, lo, hi)
        is_gzip = data[lo] == 0x1F
        is_closed = packed and (span.depth == 0 or (is_container(data, lo, hi) and not is_gzip))
        if is_closed:
            self.n_packed += 1
        is_region = self.looks.is_region(data, lo, hi)
        if is_region or not packed:
            reader = Reader(data, lo, hi, span.depth, is_region and span.depth == 0, self.budget)
            reader.read_all()
            self.complete = self.complete and reader.complete
            for machine in reader.machines:
                self.machines.append(machine)
                self.origins.append(span.origin)
                self.look_into(machine, span)
        encoding = self.looks.encoding(data, lo, hi) if span.depth > 0 else PLAIN
        if (packed or encoding != PLAIN) and span.depth >= MAX_DEPTH:
            self.complete = False
            return
        if packed and not is_closed:
            self.inflate(span, is_gzip)
        if encoding != PLAIN:
            self.decode(span, lo, hi, encoding)

    def look_into(self, machine: Machine, span: Span) -> None:
        """Let the literals of a pickle wait that a pickle may begin in."""
        nodes, data = machine.nodes, span.data
        kinds, sizes = nodes.kind, nodes.hi
        for node in range(nodes.count):
            if (kinds[node] == kd.TEXT or kinds[node] == kd.DATA) and not 0 <= sizes[node] < MIN_LITERAL:
                opcode = nodes.opcode[node]
                lo = nodes.lo[node]
                hi = nodes.end(node)
                if self.looks.could_be(data, opcode, lo, hi) and not self.add_literal(span, opcode, lo, hi):
                    self.complete = False
                    return

    def add_literal(self, span: Span, opcode: int, lo: int, hi: int) -> bool:
        """Let a literal wait, as it is and decoded, if a pickle may begin in it; return False at a limit."""
        data, looks = span.data, self.looks
        is_plain = looks.may_hide_pickle(data, lo, hi)
        is_escaped = looks.is_escaped(data, opcode, lo, hi)
        encoding = looks.encoding(data, lo, hi)
        if not is_plain and not is_escaped and encoding == PLAIN:
            return True
        if span.depth >= MAX_DEPTH:
            return False
        if is_plain:
            self.waiting.append(Span(data, lo, hi, span.depth + 1, span.origin))
        if is_escaped and self.take(hi - lo):
            into = new_octets(hi - lo)
            self.wait(span, into, as_bytes(data, opcode, lo, hi, into), lo)
        if encoding != PLAIN:
            self.decode(span, lo, hi, encoding)
        return self.budget.nested_bytes >= 0

    def decode(self, span: Span, lo: int, hi: int, encoding: int) -> None:
        """Let what a text stands for wait."""
        if not self.take(hi - lo):
            self.complete = False
            return
        into = new_octets(hi - lo)
        if encoding == HEX:
            self.wait(span, into, unhex(span.data, lo, hi, into), lo)
        elif encoding == BASE64:
            self.wait(span, into, unbase64(span.data, lo, hi, into), lo)

    def inflate(self, span: Span, is_gzip: bool) -> None:
        """Let what a span decompresses to wait, and what follows it."""
        inflater = Inflater(span.data, span.lo, span.hi)
        inflater.run(HEAD_BYTES)
        could_matter = self.could_matter(inflater)
        if inflater.size >= HEAD_BYTES and could_matter:
            inflater = Inflater(span.data, span.lo, span.hi)
            inflater.run(self.budget.nested_bytes + 1)
        if not self.take(inflater.size):
            self.complete = False
            return
        is_whole = not inflater.failed and (inflater.size < HEAD_BYTES or could_matter)
        if inflater.size < HEAD_BYTES or could_matter:
            self.wait(span, inflater.out, inflater.size, span.lo)
        if is_whole and (is_gzip or (could_matter and inflater.size >= CONVINCING_BYTES)):
            self.waiting.append(Span(span.data, inflater.at, span.hi, span.depth + 1, span.origin))

    def could_matter(self, inflater: Inflater) -> bool:
        """Return whether a pickle or a container may begin with what came out."""
        if inflater.size == 0:
            return False
        return self.looks.is_opcode(inflater.out[0]) or is_packed(inflater.out, 0, inflater.size)

    def take(self, size: int) -> bool:
        """Return whether so many bytes may still be decoded."""
        self.budget.nested_bytes -= size
        return self.budget.nested_bytes >= 0

    def wait(self, span: Span, decoded: Octets, size: int, lo: int) -> None:
        """Let the first bytes of what was decoded wait."""
        origin = lo if span.origin < 0 else span.origin
        self.waiting.append(Span(decoded, 0, size, span.depth + 1, origin))
