"""Where pickles may be that no loader reads in order, as `streams` searches for them: their signs, and literals' spans.

Written like core/.
"""

from __future__ import annotations

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.buffers import Bytes, Ints, find_byte, find_int, find_newline, grown, ints_of, new_ints

MAX_WORD = 100
"""Letters of a module or a name that make a sign (count)."""
MAX_LINE = 200
"""Characters of a line between the mark and an INST (count)."""
PUSHES = "()]}NBCFGIJKLMSTUVXj"
"""Opcodes up to 127 that may follow an import that is called; GET and BINGET are looked at closer."""
LINES = "SVILF"
"""Opcodes of the lines between the mark and an INST."""


class Signs:
    """Places in `data[start:end]` where a pickle shows itself, in order: what `streams.SIGNS` match."""

    def __init__(self, data: Bytes, start: int, end: int) -> None:
        """Stand before the first one."""
        self.data: Bytes = data
        self.end: int = end
        self.forms: Ints = ints_of(op.FORMS)
        self.pushes: Ints = ints_of(PUSHES)
        self.lines: Ints = ints_of(LINES)
        self.header: int = self.find(op.PROTO, start)
        self.call: int = self.find(op.GLOBAL, start)
        self.inst: int = self.find(op.MARK, start)

    def next(self) -> int:
        """Return the next place and move behind its sign; `end` if there is none."""
        place = min(self.header, min(self.call, self.inst))
        if place >= self.end:
            return self.end
        behind = self.sign_end(place)
        if place == self.header:
            self.header = self.find(op.PROTO, behind)
        elif place == self.call:
            self.call = self.find(op.GLOBAL, behind)
        else:
            self.inst = self.find(op.MARK, behind)
        return place

    def find(self, first: int, start: int) -> int:
        """Return where the next sign with a certain first byte begins, `end` if there is none."""
        at = find_byte(self.data, first, start, self.end)
        while at >= 0:
            if self.sign_end(at) >= 0:
                return at
            at = find_byte(self.data, first, at + 1, self.end)
        return self.end

    def sign_end(self, at: int) -> int:
        """Return where a sign that begins at `at` ends; -1: there is none."""
        data, end = self.data, self.end
        if data[at] == op.PROTO:
            is_header = at + 2 < end and 2 <= data[at + 1] <= 5 and self.forms[data[at + 2]] != op.NO_OPCODE
            return at + 3 if is_header else -1
        if data[at] == op.GLOBAL:
            return self.argument_end(names_end(data, at + 1, end, MAX_WORD))
        at += 1
        for _ in range(4):
            if at < end and find_int(self.lines, data[at], 0, len(self.lines)) >= 0:
                at = 1 + find_newline(data, at + 1, min(end, at + MAX_LINE + 2))
                if at == 0:
                    return -1
        return names_end(data, at + 1, end, MAX_WORD) if at < end and data[at] == op.INST else -1

    def argument_end(self, at: int) -> int:
        """Return where what makes an import a call ends; -1: nothing does, or there was none (`at` is -1)."""
        data, end = self.data, self.end
        if 0 <= at < end:
            if data[at] == op.PUT:
                at = number_end(data, at + 1, end)
            elif data[at] == op.BINPUT:
                at += 2
            elif data[at] == op.LONG_BINPUT:
                at += 5
        if at < 0 or at >= end:
            return -1
        if data[at] == op.GET:
            return number_end(data, at + 1, end)
        if data[at] == op.BINGET:
            return at + 2 if at + 1 < end and not 97 <= data[at + 1] <= 122 else -1
        if data[at] >= 0x80:
            return at + 1 if self.forms[data[at]] != op.NO_OPCODE else -1
        return at + 1 if find_int(self.pushes, data[at], 0, len(self.pushes)) >= 0 else -1


def is_word(byte: int, is_first: bool) -> bool:
    """Return whether a byte may stand in a dotted ASCII name."""
    if 97 <= byte | 32 <= 122 or byte == 95:
        return True
    return not is_first and (48 <= byte <= 57 or byte == 46)


def names_end(data: Bytes, at: int, end: int, longest: int) -> int:
    """Return where two lines end that are names of at most `longest` letters; -1: these are none."""
    for _ in range(2):
        start = at
        while at < end and at - start < longest and is_word(data[at], at == start):
            at += 1
        if at == start or at >= end or data[at] != 10:
            return -1
        at += 1
    return at


def number_end(data: Bytes, at: int, end: int) -> int:
    """Return where a line of 1 to 9 digits ends; -1: this is none."""
    start = at
    while at < end and at - start < 9 and 48 <= data[at] <= 57:
        at += 1
    return at + 1 if start < at < end and data[at] == 10 else -1


class Spans:
    """The literals of a few pickles, to be searched like what lies between pickles."""

    def __init__(self) -> None:
        """Know of none."""
        self.lo: Ints = new_ints(16)
        self.hi: Ints = new_ints(16)
        self.count: int = 0
        self.portions: Ints = new_ints(16)
        self.n_portions: int = 0
        self.n_done: int = 0

    def add(self, lo: int, hi: int) -> None:
        """Add a literal of the current portion, behind its others."""
        self.lo = grown(self.lo, self.count + 1)
        self.hi = grown(self.hi, self.count + 1)
        self.lo[self.count] = lo
        self.hi[self.count] = hi
        self.count += 1

    def end_portion(self) -> None:
        """Begin another portion, if the current one isn't empty: literals of one portion are in order."""
        if self.count > self.portion_start(self.n_portions):
            self.portions = grown(self.portions, self.n_portions + 1)
            self.portions[self.n_portions] = self.count
            self.n_portions += 1

    def portion_start(self, portion: int) -> int:
        """Return the first literal of a portion."""
        return self.portions[portion - 1] if portion > 0 else 0

    def contain(self, place: int) -> bool:
        """Return whether a place lies in a literal; places never go back, so that the first portions may be done."""
        while self.n_done < self.n_portions and self.hi[self.portions[self.n_done] - 1] <= place:
            self.n_done += 1
        for portion in range(self.n_done, self.n_portions):
            low = self.portion_start(portion)
            high = self.portions[portion]
            while low < high:  # the first literal at or behind the place
                middle = (low + high) // 2
                if self.lo[middle] < place:
                    low = middle + 1
                else:
                    high = middle
            if low > self.portion_start(portion) and place < self.hi[low - 1]:
                return True
        return False
