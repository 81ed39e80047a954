"""Nodes of a machine to one line of text for people: Python-like, bounded, and safe to print.

Whatever comes from the file is escaped by `repr` (arguments) or `ascii` (names): no control character, ANSI sequence,
bidirectional override or lone surrogate gets through. Time and memory depend on the length of the text that is asked
for, never on the size of the structure.
"""

from __future__ import annotations

from safepickle_dl import literals
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.machine import Machine

MAX_CALLEE_CHARS = 200
"""Length of a callee's text (characters)."""
MAX_DEPTH = 12
"""Levels of containers and calls that are written out (count)."""
ELLIPSIS = "..."

_BRACKETS = {kd.TUPLE: "()", kd.LIST: "[]", kd.DICT: "{}", kd.SET: "{}"}
_SPANS = (kd.INT, kd.FLOAT, kd.TEXT, kd.DATA, kd.EXTENSION)
_NAMED = {
    kd.NONE: "None",
    kd.TRUE: "True",
    kd.FALSE: "False",
    kd.FLOAT: "<float>",
    kd.UNKNOWN: "<unknown>",
    kd.BUFFER: "<buffer>",
}


def opcode_name(code: int) -> str:
    """Return the name of an opcode or anomaly, as `pickletools` spells it."""
    return op.NAMES.get(code, f"0x{code:02x}")


def clip(text: str, max_chars: int) -> str:
    """Return at most `max_chars` characters of `text`, with the cut marked."""
    return text if len(text) <= max_chars else text[: max(max_chars - len(ELLIPSIS), 0)] + ELLIPSIS


def callee_text(machine: Machine, node: int) -> str:
    """Return a callee or target: `os.system`, `getattr(<...>, 'system')`, `ext(5)`; "" for none (-1)."""
    if node < 0:
        return ""
    writer = _Writer(machine, MAX_CALLEE_CHARS)
    writer.write(node, 0)
    return writer.text()


def arguments_text(machine: Machine, node: int, max_chars: int = 120) -> str:
    """Return arguments, a state or items as Python would write them; "" for none (-1)."""
    if node < 0:
        return ""
    writer = _Writer(machine, max_chars)
    writer.write(node, 0)
    return writer.text()


def literal_text(machine: Machine, opcode: int, lo: int, hi: int, max_chars: int = 60) -> str:
    """Return the argument of one instruction, "" if it has none."""
    data = machine.nodes.data
    if opcode in (op.GLOBAL, op.INST):
        module, _, name = literals.text(data, opcode, lo, hi, max_chars).partition("\n")
        return clip(f"{module!r} {name!r}", max_chars)
    if opcode in (op.FLOAT, op.BINFLOAT):
        return _float_text(machine, opcode, lo, hi)
    if opcode in _INTEGERS:
        return clip(_integer_text(machine, opcode, lo, hi), max_chars)
    if opcode in _TEXTS:
        return _quoted(literals.text(data, opcode, lo, hi, max_chars), max_chars)
    if opcode in _DATA:
        return _quoted(bytes(data[lo : min(hi, lo + max_chars)]), max_chars)
    return str(int.from_bytes(data[lo:hi], "little")) if hi > lo else ""


_INTEGERS = frozenset({op.INT, op.LONG, op.LONG1, op.LONG4, op.BININT, op.BININT1, op.BININT2, op.GET, op.PUT})
_TEXTS = frozenset(
    {
        op.STRING,
        op.BINSTRING,
        op.SHORT_BINSTRING,
        op.UNICODE,
        op.SHORT_BINUNICODE,
        op.BINUNICODE,
        op.BINUNICODE8,
        op.PERSID,
    }
)
_DATA = frozenset({op.SHORT_BINBYTES, op.BINBYTES, op.BINBYTES8, op.BYTEARRAY8})


def _quoted(value: str | bytes, max_chars: int) -> str:
    """Return the `repr` of a value that may be cut off; a cut is marked behind the quote."""
    quoted = repr(value[:max_chars])
    return clip(quoted, max_chars) if len(value) <= max_chars else clip(quoted + ELLIPSIS, max_chars)


def _integer_text(machine: Machine, opcode: int, lo: int, hi: int) -> str:
    data = machine.nodes.data
    if literals.is_boolean(data, opcode, lo, hi):
        return "True" if data[lo + 1] == 49 else "False"
    value = literals.integer(data, opcode, lo, hi)
    if value is not None:
        return str(value)
    if hi - lo > literals.MAX_DIGITS:
        return f"<integer of {hi - lo} bytes>"
    return f"<integer {bytes(data[lo:hi])!r}>"


def _float_text(machine: Machine, opcode: int, lo: int, hi: int) -> str:
    value = literals.floating(machine.nodes.data, opcode, lo, hi)
    return "<float>" if value is None else repr(value)


class _Writer:
    """Writes nodes until `max_chars` characters are there; `write` is then a no-op."""

    def __init__(self, machine: Machine, max_chars: int) -> None:
        self._machine = machine
        self._max_chars = max_chars
        self._room = max_chars + 1  # one more: to know that it was cut
        self._parts: list[str] = []
        self._open: set[int] = set()

    def text(self) -> str:
        """Return what was written, cut to `max_chars`."""
        return clip("".join(self._parts), self._max_chars)

    def put(self, text: str) -> None:
        """Append text that is safe already."""
        self._parts.append(text)
        self._room -= len(text)

    def write(self, node: int, depth: int) -> None:
        """Append a node."""
        if self._room <= 0:
            return
        nodes = self._machine.nodes
        kind, opcode = nodes.kind[node], nodes.opcode[node]
        lo, hi = nodes.lo[node], nodes.end(node) if kind in _SPANS else -1
        if kind == kd.INT:
            self.put(_integer_text(self._machine, opcode, lo, hi))
        elif kind == kd.FLOAT and node != kd.FLOAT:  # not the one that stands for all others
            self.put(_float_text(self._machine, opcode, lo, hi))
        elif kind == kd.TEXT:
            self.put(_quoted(literals.text(nodes.data, opcode, lo, hi, self._room), self._room + 4))
        elif kind == kd.DATA:
            self.put(_quoted(bytes(nodes.data[lo : min(hi, lo + self._room + 1)]), self._room + 4))
        elif kind in _NAMED:
            self.put(_NAMED[kind])
        elif kind == kd.GLOBAL:
            self.put(self._global_text(node, depth))
        elif kind == kd.EXTENSION:
            self.put(f"ext({int.from_bytes(nodes.data[lo:hi], 'little')})")
        elif node in self._open or depth >= MAX_DEPTH:
            self.put("<...>" if kind >= kd.CALL else ELLIPSIS.join(_BRACKETS[kind]))
        else:
            self._open.add(node)
            if kind == kd.PERSISTENT:
                self.put("persistent_id(")
                self.write(lo, depth + 1)
                self.put(")")
            elif kind == kd.CALL:
                self._write_call(node, depth)
            else:
                self._write_container(node, kind, depth)
            self._open.discard(node)

    def _global_text(self, node: int, depth: int) -> str:
        """Return an import's name, without the module of a builtin that is called inside something."""
        nodes = self._machine.nodes
        lo, hi = nodes.lo[node], nodes.hi[node]
        if nodes.opcode[node] != op.STACK_GLOBAL:
            module, _, name = literals.text(nodes.data, op.GLOBAL, lo, nodes.end(node), self._room).partition("\n")
        elif nodes.kind[lo] == nodes.kind[hi] == kd.TEXT:
            module, name = (
                literals.text(nodes.data, nodes.opcode[part], nodes.lo[part], nodes.end(part), self._room)
                for part in (lo, hi)
            )
        else:
            return "<computed>"
        if depth > 0 and module in ("builtins", "__builtin__"):
            return ascii(name[: self._room])[1:-1]
        return ascii(f"{module}.{name}"[: self._room])[1:-1]

    def _write_call(self, node: int, depth: int) -> None:
        nodes = self._machine.nodes
        arguments = nodes.hi[node]
        self.write(nodes.lo[node], depth + 1)
        if arguments >= 0 and nodes.kind[arguments] == kd.TUPLE and nodes.opcode[node] != op.NEWOBJ_EX:
            if arguments in self._open or nodes.extra[arguments] == 0:
                self.put("()" if arguments not in self._open else "(...)")
                return
            self._open.add(arguments)
            self.put("(")
            self._write_items(arguments, depth + 1)
            self.put(")")
            self._open.discard(arguments)
            return
        self.put("(*")
        self.write(arguments, depth + 1)
        self.put(")")

    def _write_container(self, node: int, kind: int, depth: int) -> None:
        size = self._machine.nodes.extra[node]
        if kind == kd.SET and size == 0:
            self.put("set()")
            return
        brackets = _BRACKETS[kind]
        self.put(brackets[0])
        self._write_items(node, depth)
        self.put("," + brackets[1] if kind == kd.TUPLE and size == 1 else brackets[1])

    def _write_items(self, node: int, depth: int) -> None:
        """Append the items of a container, keys and values alternating in a dict."""
        nodes = self._machine.nodes
        is_dict = nodes.kind[node] == kd.DICT
        cell = nodes.lo[node]
        n = 0
        while cell >= 0 and self._room > 0:
            if n > 0:
                self.put(": " if is_dict and n % 2 == 1 else ", ")
            self.write(nodes.cell_node[cell], depth + 1)
            cell = nodes.cell_next[cell]
            n += 1
        if n < nodes.extra[node]:
            self.put(f", {ELLIPSIS}")
