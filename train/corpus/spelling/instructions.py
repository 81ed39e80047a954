"""One pickle cut into its instructions, so that others can be put between them.

Takes any bytes, honest or hostile, and never raises on what they are.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from dataclasses import dataclass

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from train.corpus.spelling import assemble as asm

PUTS = frozenset({op.PUT, op.BINPUT, op.LONG_BINPUT, op.MEMOIZE})
GETS = frozenset({op.GET, op.BINGET, op.LONG_BINGET})


def _effects() -> dict[int, tuple[int, bool, int]]:
    """Return opcode to (values needed below, whether it takes a mark and all above, values pushed)."""
    table = {}
    for info in pickletools.opcodes:
        before, mark = info.stack_before, pickletools.markobject
        needed = before.index(mark) if mark in before else len(before)
        table[ord(info.code)] = needed, mark in before, len(info.stack_after)
    return table


_EFFECTS = _effects()


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction."""

    opcode: int
    raw: bytes
    """All of its bytes."""
    at: int
    """Where its argument began in the pickle that it comes from."""
    index: int = -1
    """The memo index that it puts or gets, MEMOIZE's too; -1 for all others."""


@dataclass(frozen=True, slots=True)
class Program:
    """A pickle's instructions without its header, its frames and its STOP."""

    steps: tuple[Step, ...]
    protocol: int
    """What its header says; -1: it has none."""
    left: int
    """Values on the stack when STOP comes, at least 1; the top one is what the pickle is (count)."""

    @property
    def top_index(self) -> int:
        """The highest memo index that it puts or gets, -1 if there is none."""
        return max((step.index for step in self.steps), default=-1)

    @property
    def puts(self) -> bool:
        """Whether it stores anything in the memo."""
        return any(step.opcode in PUTS for step in self.steps)

    def protocol_before(self, at: int) -> int:
        """Return the protocol in force when `steps[at]` is reached."""
        inner = [step.raw[1] for step in self.steps[:at] if step.opcode == op.PROTO]
        return inner[-1] if inner else max(self.protocol, 0)

    def explicit(self, start: int = 0) -> Iterable[bytes]:
        """Yield the bytes of `steps[start:]` with every MEMOIZE turned into a put of the same index."""
        for step in self.steps[start:]:
            yield asm.put(step.index) if step.opcode == op.MEMOIZE else step.raw

    def moved(self, base: int) -> list[bytes]:
        """Return the bytes of its steps with its memo indices renumbered from `base` on."""
        places: dict[int, int] = {}
        parts = []
        for step in self.steps:
            if step.index < 0:
                parts.append(step.raw)
                continue
            place = places.setdefault(step.index, base + len(places))
            if step.opcode in GETS:
                parts.append(asm.get(place, "GET" if step.opcode == op.GET else ""))
            else:
                parts.append(asm.put(place, "PUT" if step.opcode == op.PUT else ""))
        return parts


def program(data: bytes) -> Program | None:
    """Return the program of one whole pickle.

    Returns:
        None if `data` is anything else: it is cut off or goes on behind STOP, has a literal or a protocol that some
        loader refuses, takes more from the stack than is there, or leaves a mark on it.
    """
    steps: list[Step] = []
    lexer = Lexer(data, 0, len(data))
    more = True
    while more:
        more = lexer.read_block()
        for i in range(lexer.count):
            if lexer.ops[i] >= op.ANOMALY:
                return None
            end = lexer.at[i + 1] if i + 1 < lexer.count else lexer.position
            steps.append(Step(lexer.ops[i], data[lexer.at[i] : end], lexer.lo[i]))
    if lexer.position != len(data):
        return None
    header = steps[0].raw[1] if steps[0].opcode == op.PROTO else -1
    body = _numbered([step for step in steps[header >= 0 : -1] if step.opcode != op.FRAME])
    left = _values_left(body) if body is not None else 0
    return Program(tuple(body), header, left) if body is not None and left else None


def _numbered(steps: list[Step]) -> list[Step] | None:
    """Return the steps with their memo indices; None if one is no index."""
    stored: set[int] = set()
    numbered = []
    for step in steps:
        if step.opcode in PUTS or step.opcode in GETS:
            index = len(stored) if step.opcode == op.MEMOIZE else _index(step)
            if index < 0:
                return None
            if step.opcode in PUTS:
                stored.add(index)
            step = Step(step.opcode, step.raw, step.at, index)
        numbered.append(step)
    return numbered


def _index(step: Step) -> int:
    """Return the memo index in an instruction, -1 if loaders would not take it as one."""
    if step.opcode not in (op.PUT, op.GET):
        return int.from_bytes(step.raw[1:], "little")
    text = step.raw[1:-1]
    return int(text) if text.isdigit() and len(text) < 10 else -1


def _values_left(steps: Iterable[Step]) -> int:
    """Return how many values the steps leave on an empty stack; 0 if there is none, a mark, or if they fail."""
    depth = 0
    marks: list[int] = []
    for step in steps:
        code = step.opcode
        if code == op.MARK:
            marks.append(depth)
            continue
        floor = marks[-1] if marks else 0
        if code == op.POP and depth == floor and marks:
            marks.pop()
            continue
        needed, takes_mark, pushed = _EFFECTS[code]
        if takes_mark:
            if not marks or (code == op.OBJ and depth == floor):
                return 0
            depth = marks.pop()
            floor = marks[-1] if marks else 0
        if depth - floor < max(needed, code in PUTS):
            return 0
        depth += pushed - needed
    return 0 if marks else depth
