"""zlib and gzip in literals (RFC 1950 to 1952): what they decompress to, as `containers.compressed` reads them.

Written like core/. Short rather than fast: one bit at a time, as Mark Adler's `puff.c` does. Checksums are not
verified: a loader has unpickled long before it meets them.
"""

from __future__ import annotations

from safepickle_dl.core.buffers import Bytes, Ints, Octets, find_byte, grown_octets, ints_of, new_ints, new_octets

MAX_BITS = 15
"""Longest code of a symbol (bits)."""
LITERALS = 288
"""Symbols of the first table: literals and lengths (count); the other one is for distances."""
ORDER = "qrsaihjgkflemdncobp"
"""Symbols for the lengths of codes, `a` for 0, in the order that a block gives their own lengths in."""


class Inflater:
    """Decompresses a stream of `data[at:hi]`: `out[:size]` is what came out.

    `at` is then behind the stream; `failed`: it is broken or cut off, and what came out before that is kept.
    """

    def __init__(self, data: Bytes, lo: int, hi: int) -> None:
        """Begin at `data[lo]`, at the header."""
        self.data: Bytes = data
        self.at: int = lo
        self.hi: int = hi
        self.out: Octets = new_octets(1024)
        self.size: int = 0
        self.failed: bool = False
        self.held: int = 0
        self.n_held: int = 0
        self.order: Ints = ints_of(ORDER)
        self.lengths: Ints = new_ints(LITERALS + 32)
        self.counts: Ints = new_ints(2 * (MAX_BITS + 1))
        self.symbols: Ints = new_ints(LITERALS + 32)

    def run(self, limit: int) -> None:
        """Decompress the stream and those behind it that are one with it, but little more than `limit` bytes."""
        more = True
        is_gzip = self.data[self.at] == 0x1F
        while more:
            self.at = min(self.hi, self.gzip_header() if is_gzip else self.at + 2)
            self.inflate(limit)
            more = False
            if not self.failed and self.size < limit:
                self.at = min(self.hi, self.at + (8 if is_gzip else 4))
                self.held = 0
                self.n_held = 0
                while self.at < self.hi and self.data[self.at] == 0:
                    self.at += 1
                more = self.at + 2 < self.hi and self.is_header(is_gzip)

    def is_header(self, is_gzip: bool) -> bool:
        """Return whether a header is at the position."""
        first = self.data[self.at]
        second = self.data[self.at + 1]
        if is_gzip:
            return first == 0x1F and second == 0x8B and self.data[self.at + 2] == 8
        return first & 0x8F == 8 and second & 0x20 == 0 and (first << 8 | second) % 31 == 0

    def gzip_header(self) -> int:
        """Return where a gzip header ends."""
        data, at, hi = self.data, self.at + 10, self.hi
        flags = data[self.at + 3] if self.at + 3 < hi else 0
        if flags & 4 != 0 and at + 1 < hi:
            at += 2 + (data[at] | data[at + 1] << 8)
        for flag in (8, 16):
            if flags & flag != 0 and at < hi:
                zero = find_byte(data, 0, at, hi)
                at = zero + 1 if zero >= 0 else hi
        return at + 2 if flags & 2 != 0 else at

    def inflate(self, limit: int) -> None:
        """Decompress blocks up to the last one."""
        last = 0
        while last == 0 and not self.failed and self.size < limit:
            last = self.bits(1)
            kind = self.bits(2)
            if kind == 0:
                self.stored(limit)
            elif kind == 3:
                self.failed = True
            else:
                if kind == 1:
                    self.fixed()
                else:
                    self.dynamic()
                self.block(limit)

    def bits(self, n: int) -> int:
        """Return the next `n` bits, the first one lowest."""
        while self.n_held < n:
            if self.at >= self.hi:
                self.failed = True
                return 0
            self.held |= self.data[self.at] << self.n_held
            self.n_held += 8
            self.at += 1
        value = self.held & ((1 << n) - 1)
        self.held >>= n
        self.n_held -= n
        return value

    def put(self, byte: int) -> None:
        """Add a byte of output."""
        if self.size >= len(self.out):
            self.out = grown_octets(self.out, self.size + 1)
        self.out[self.size] = byte
        self.size += 1

    def stored(self, limit: int) -> None:
        """Copy a block that is not compressed."""
        self.held = 0
        self.n_held = 0
        size = self.bits(16)
        if self.bits(16) != 0xFFFF - size:
            self.failed = True
        while not self.failed and size > 0 and self.size < limit:
            byte = self.bits(8)
            size -= 1
            if not self.failed:
                self.put(byte)

    def fixed(self) -> None:
        """Prepare the codes that need no description."""
        for symbol in range(LITERALS):
            self.lengths[symbol] = 8 if symbol < 144 else (9 if symbol < 256 else (7 if symbol < 280 else 8))
        self.prepare(0, 0, LITERALS, False)
        for symbol in range(32):
            self.lengths[symbol] = 5
        self.prepare(1, 0, 32, False)

    def dynamic(self) -> None:
        """Read the lengths of the codes that a block uses."""
        n_literals = self.bits(5) + 257
        n_distances = self.bits(5) + 1
        n_lengths = self.bits(4) + 4
        for i in range(19):
            self.lengths[self.order[i] - 97] = self.bits(3) if i < n_lengths else 0
        self.prepare(0, 0, 19, False)
        if n_literals > 286 or n_distances > 30:
            self.failed = True
        n = 0
        while n < n_literals + n_distances and not self.failed:
            symbol = self.symbol(0)
            value = 0
            times = 1
            if symbol < 16:
                value = symbol
            elif symbol == 16:
                if n == 0:
                    self.failed = True
                    return
                value = self.lengths[n - 1]
                times = 3 + self.bits(2)
            elif symbol == 17:
                times = 3 + self.bits(3)
            else:
                times = 11 + self.bits(7)
            if n + times > n_literals + n_distances:
                self.failed = True
                return
            for i in range(n, n + times):
                self.lengths[i] = value
            n += times
        if not self.failed:
            self.failed = self.lengths[256] == 0
            self.prepare(1, n_literals, n_distances, True)
            self.prepare(0, 0, n_literals, True)

    def prepare(self, table: int, first: int, n: int, may_lack: bool) -> None:
        """Make a table of canonical codes from `lengths[first : first + n]`.

        Every sequence of bits must be a code, unless there is none; if `may_lack`, a single one of one bit will do.
        """
        starts = new_ints(MAX_BITS + 2)
        counts = table * (MAX_BITS + 1)
        for length in range(MAX_BITS + 1):
            self.counts[counts + length] = 0
        for i in range(first, first + n):
            self.counts[counts + self.lengths[i]] += 1
        free = 1
        for length in range(1, MAX_BITS + 1):
            free = 2 * free - self.counts[counts + length]
            starts[length + 1] = starts[length] + self.counts[counts + length]
            if free < 0:
                self.failed = True
                return
        is_lone = may_lack and self.counts[counts] == n - 1 and self.counts[counts + 1] == 1
        if free > 0 and self.counts[counts] < n and not is_lone:
            self.failed = True
        for i in range(n):
            length = self.lengths[first + i]
            if length > 0:
                self.symbols[table * LITERALS + starts[length]] = i
                starts[length] += 1

    def symbol(self, table: int) -> int:
        """Return the next symbol of a table, -1 where there is none."""
        counts = table * (MAX_BITS + 1)
        code = 0
        first = 0
        index = table * LITERALS
        for length in range(1, MAX_BITS + 1):
            code |= self.bits(1)
            count = self.counts[counts + length]
            if code - first < count and not self.failed:
                return self.symbols[index + code - first]
            index += count
            first = (first + count) << 1
            code <<= 1
        self.failed = True
        return -1

    def block(self, limit: int) -> None:
        """Decompress a block up to its end."""
        while not self.failed and self.size < limit:
            symbol = self.symbol(0)
            if symbol == 256:
                return
            if symbol < 256:
                if symbol >= 0:
                    self.put(symbol)
            else:
                self.copy(symbol - 257)

    def copy(self, symbol: int) -> None:
        """Repeat earlier output; `symbol` is the class of its length."""
        if symbol > 28:
            self.failed = True
        extra = symbol // 4 - 1
        length = 3 + symbol
        if symbol == 28:
            length = 258
        elif symbol >= 8:
            length = 3 + ((4 + symbol % 4) << extra) + self.bits(extra)
        symbol = self.symbol(1)
        extra = symbol // 2 - 1
        distance = 1 + symbol
        if symbol >= 4:
            distance = 1 + ((2 + symbol % 2) << extra) + self.bits(extra)
        if distance > self.size or symbol > 29:
            self.failed = True
        if not self.failed:
            for _ in range(length):
                self.put(self.out[self.size - distance])
