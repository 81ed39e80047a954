"""Bytes of a pickle stream to instructions, a block at a time. Never raises.

Decodes as the loaders do (`Lib/pickle.py`, `Modules/_pickle.c`), not as `pickletools` does: lines are bytes up to a
newline and nothing else ends them, a FRAME is only a hint, text operands may hold any byte. A place where a loader
would stop becomes an anomaly instruction (`opcodes.ANOMALY` and up):

- BAD_LITERAL, BAD_PROTOCOL: the extent of the instruction is known. The anomaly comes first, then the instruction
  itself, and lexing goes on behind it, since some loader may accept what another refuses.
- BAD_OPCODE, TRUNCATED: nothing says where the next instruction begins. The anomaly is the
  stream's last instruction.

A last line without a newline is what loaders disagree on: the C one refuses it, `pickle.py` (and so
joblib) runs it without its last byte, and imports a module whose name's line is not there at all. The instruction is
kept, and a TRUNCATED follows at the end. docs/differentials.md lists all such places.
"""

from __future__ import annotations

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes, Ints, find_int, find_newline, ints_of, new_ints, unlocked

BLOCK = 4096
"""Instructions of one block (count)."""


def read_uint(data: Bytes, at: int, width: int) -> int:
    """Return the little-endian unsigned integer in `data[at : at + width]` (8 bytes of it may come out negative)."""
    value = 0
    i = width - 1
    while i >= 0:
        value = (value << 8) | data[at + i]
        i -= 1
    return value


def _is_digit(byte: int, base: int) -> bool:
    if 48 <= byte <= 57:
        return byte - 48 < base
    lower = byte | 32
    return base == 16 and 97 <= lower <= 102


def is_int_text(data: Bytes, lo: int, hi: int) -> bool:
    """Return whether `int(data[lo:hi], 0)` would succeed (`hi` excludes a LONG's final L)."""
    while lo < hi and (data[lo] == 32 or 9 <= data[lo] <= 13):
        lo += 1
    while lo < hi and (data[hi - 1] == 32 or 9 <= data[hi - 1] <= 13):
        hi -= 1
    if lo < hi and (data[lo] == 43 or data[lo] == 45):
        lo += 1
    base = 10
    if hi - lo > 2 and data[lo] == 48:
        letter = data[lo + 1] | 32
        if letter == 120:
            base = 16
        elif letter == 111:
            base = 8
        elif letter == 98:
            base = 2
        if base != 10:
            lo += 2
    if lo >= hi:
        return False
    was_digit = base != 10  # an underscore may follow the prefix, or a digit
    while lo < hi:
        byte = data[lo]
        if byte == 95:
            if not was_digit:
                return False
            was_digit = False
        elif _is_digit(byte, base):
            was_digit = True
        else:
            return False
        lo += 1
    return was_digit


def is_quoted(data: Bytes, lo: int, hi: int) -> bool:
    """Return whether `data[lo:hi]` begins and ends with the same quote, as a STRING must."""
    return hi - lo >= 2 and data[lo] == data[hi - 1] and (data[lo] == 39 or data[lo] == 34)


class Lexer:
    """Cuts `data[at:end]` into instructions.

    After `read_block()`, instruction `i < count` has the opcode (or anomaly) `ops[i]` at byte `at[i]`, and its argument
    is `data[lo[i]:hi[i]]` (without length prefix, newline or quotes; a GLOBAL's two lines with the newline between
    them). `position` is where the next block begins; set it to move elsewhere.
    """

    def __init__(self, data: Bytes, start: int, end: int) -> None:
        """Begin at `data[start]`; never read at or behind `data[end]`."""
        self.data: Bytes = data
        self.position: int = start
        self.end: int = end
        self.stop_at_build: bool = False
        self.count: int = 0
        self.forms: Ints = ints_of(op.FORMS)
        self.ops: Ints = new_ints(BLOCK)
        self.at: Ints = new_ints(BLOCK)
        self.lo: Ints = new_ints(BLOCK)
        self.hi: Ints = new_ints(BLOCK)

    def read_block(self) -> bool:
        """Fill the block; it ends early behind a STOP, a final anomaly and, if `stop_at_build`, a BUILD.

        Returns:
            Whether there may be more: False once the block ends with STOP, BAD_OPCODE or TRUNCATED.
        """
        with unlocked:
            return self.fill_block()

    def fill_block(self) -> bool:
        """Do what `read_block` says."""
        data, end, forms = self.data, self.end, self.forms
        ops, ats, los, his = self.ops, self.at, self.lo, self.hi
        position = self.position
        n = 0
        more = True
        while n < BLOCK - 1:  # an instruction may bring an anomaly along
            at = position
            if at >= end:
                ops[n] = op.TRUNCATED
                ats[n] = at
                los[n] = at
                his[n] = at
                n += 1
                more = False
                break
            code = data[at]
            form = forms[code]
            lo = at + 1
            hi = lo
            anomaly = 0
            if form <= 8:
                hi = lo + form
                position = hi
            elif form == op.NO_OPCODE:
                anomaly = op.BAD_OPCODE
            elif form >= op.SIZE1:
                width = form - 32
                lo += width
                if lo > end:
                    anomaly = op.TRUNCATED
                else:
                    size = data[at + 1] if width == 1 else read_uint(data, at + 1, width)
                    if size < 0 or size > end - lo:  # negative where 8 bytes do not fit an int
                        size = end - lo + 1
                    hi = lo + size
                    position = hi
                    if size >= 0x80000000 and (code == op.BINSTRING or code == op.LONG4):
                        anomaly = op.TRUNCATED  # negative: every loader refuses it
            else:
                line = lo
                hi = find_newline(data, line, end)
                if hi >= 0 and form == op.TWO_LINES:
                    line = hi + 1
                    hi = find_newline(data, line, end)
                if hi < 0 and (end > lo or code == op.PERSID):
                    hi = max(line, end - 1)  # as pickle.py reads a last line without a newline; a name may be empty
                if hi < 0:
                    anomaly = op.TRUNCATED
                else:
                    position = hi + 1 if hi < end else end
                    if code == op.STRING:
                        if is_quoted(data, lo, hi):
                            lo += 1
                            hi -= 1
                        else:
                            anomaly = op.BAD_LITERAL
                    elif code == op.INT or code == op.GET or code == op.PUT:
                        if not is_int_text(data, lo, hi):
                            anomaly = op.BAD_LITERAL
                    elif code == op.LONG:
                        if hi > lo and data[hi - 1] == 76:
                            hi -= 1
                        if not is_int_text(data, lo, hi):
                            anomaly = op.BAD_LITERAL
            if anomaly == 0:
                if hi > end:
                    anomaly = op.TRUNCATED
                elif code == op.PROTO and data[lo] > 5:
                    anomaly = op.BAD_PROTOCOL
            if anomaly != 0:
                ops[n] = anomaly
                ats[n] = at
                los[n] = at
                his[n] = max(at, min(hi, end))
                n += 1
                if anomaly == op.BAD_OPCODE or anomaly == op.TRUNCATED:
                    position = at
                    more = False
                    break
            ops[n] = code
            ats[n] = at
            los[n] = lo
            his[n] = hi
            n += 1
            if code == op.STOP:
                more = False
                break
            if code == op.BUILD and self.stop_at_build:
                break
        self.position = position
        self.count = n
        return more

    def find(self, code: int, start: int) -> int:
        """Return the index of the block's first `code` at or behind index `start`, or -1."""
        return find_int(self.ops, code, start, self.count)
