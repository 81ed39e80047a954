"""Frames as the C unpickler reads them from a file: a read that crosses a frame's end loses what is left of the frame.

`load_frame` in `Modules/_pickle.c` reads a whole frame into its buffer. A later read that asks for more than the buffer
still holds (`_Unpickler_ReadImpl`, `_Unpickler_Readline`) drops the rest of it and reads all that it wants from the
file. `pickle.py` refuses such a pickle, `pickle.loads` reads on without a gap, and no pickler writes one: it is made so
that loaders and scanners see different instructions. We look at both readings.
"""

from __future__ import annotations

from bisect import bisect_left

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from safepickle_dl.reader import Buffer


class Frames:
    """Follows the frames of a stream, block by block, up to the first read that crosses the end of one."""

    def __init__(self, data: Buffer) -> None:
        """Begin outside of any frame of `data`."""
        self._data = data
        self.gap: tuple[int, int] | None = None
        """What the C unpickler would lose (bytes from, to); None if nothing."""
        self._end = -1

    def follow(self, lexer: Lexer) -> None:
        """Look at the frames of the lexer's block, and at instructions that cross their ends."""
        frame = -1
        while self.gap is None:
            frame = lexer.find(op.FRAME, frame + 1)
            upto = lexer.at[frame] if frame >= 0 else lexer.position
            if 0 <= self._end < upto:
                self.gap = self._crossed(lexer)
                self._end = -1
            if frame < 0:
                return
            if self.gap is None:
                self._begin(lexer, frame)

    def _begin(self, lexer: Lexer, frame: int) -> None:
        start = lexer.hi[frame]
        end = start + int.from_bytes(self._data[lexer.lo[frame] : lexer.hi[frame]], "little")
        if lexer.at[frame] < self._end < start:  # its own size crosses the end of the frame before
            self.gap = (lexer.lo[frame], self._end)
        elif start < self._end < end:
            self.gap = (start, self._end)
        elif end > self._end:
            self._end = end

    def _crossed(self, lexer: Lexer) -> tuple[int, int] | None:
        """Return what is lost where an instruction of the block crosses the end of the frame."""
        i = bisect_left(lexer.at, self._end, 0, lexer.count) - 1
        if i < 0 or lexer.ops[i] >= op.ANOMALY:
            return None
        for start, end in _reads(self._data, lexer, i):
            if start < self._end < end:
                return start, self._end
        return None


def _reads(data: Buffer, lexer: Lexer, i: int) -> list[tuple[int, int]]:
    """Return the spans that the C unpickler asks for one by one, behind the opcode of an instruction."""
    lo, hi = lexer.at[i] + 1, lexer.hi[i]
    form = op.ARGUMENTS[lexer.ops[i]]
    if form == op.TWO_LINES:
        line = data.find(b"\n", lo, hi) + 1
        return [(lo, line), (line, hi + 1)]
    if form == op.LINE:
        return [(lo, data.find(b"\n", lo, lexer.end) + 1)]
    if form >= op.SIZE1:
        return [(lo, lexer.lo[i]), (lexer.lo[i], hi)]
    return [(lo, hi)]
