"""Expressions to pickle streams, in the spelling that a `Style` asks for."""

from __future__ import annotations

from _compat_pickle import REVERSE_IMPORT_MAPPING, REVERSE_NAME_MAPPING
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from train.corpus.spelling import assemble as asm
from train.corpus.spelling.expressions import (
    AddItems,
    Append,
    Build,
    Call,
    Computed,
    Extension,
    New,
    Node,
    Opcodes,
    Persistent,
    Ref,
    Repeat,
    Same,
    SetItems,
    Steps,
    Style,
)

_EXTENDERS = {
    SetItems: (asm.SETITEM, asm.SETITEMS),
    Append: (asm.APPEND, asm.APPENDS),
    AddItems: (b"", asm.ADDITEMS),
}
"""Kind of node to the opcodes for one item and for several."""


class Writer:
    """Writes one pickle stream."""

    def __init__(self, style: Style, rng: Random, junk: Callable[[Random], Any] | None = None) -> None:
        """Write in `style`; `junk` makes values for the noise."""
        self._style = style
        self._rng = rng
        self._junk = junk or (lambda r: r.choice((None, 0, "", (), 1.5)))
        self._out: list[bytes] = []
        self._stored: set[int] = set()
        self._known: dict[Any, int] = {}

    def stream(self, value: Any) -> bytes:
        """Return the pickle of an expression. May be called once."""
        self.write(value)
        protocol, style = self._style.protocol, self._style
        body = b"".join(self._out) + asm.STOP
        if style.faithful and protocol >= 4 and len(body) >= 4:
            body = asm.frame(body)
        headers = ((protocol,) if protocol >= 2 else ()) if style.headers is None else style.headers
        return b"".join(asm.protocol_header(header) for header in headers) + body

    # --- memo and noise ---------------------------------------------------------------------------------------------

    def _store(self, key: Any = None, always: bool = False) -> None:
        """Memoise the top of the stack, as the style says."""
        style, rng = self._style, self._rng
        index = len(self._stored)
        if style.faithful:
            form = "MEMOIZE" if style.protocol >= 4 else ("PUT" if style.protocol == 0 else "")
        else:
            if not always and (style.memo == "none" or rng.random() < 0.4):
                return
            form = (
                style.memo if style.memo not in ("none", "mixed") else rng.choice(("PUT", "", "LONG_BINPUT", "MEMOIZE"))
            )
            if form != "MEMOIZE" and rng.random() < 0.15:
                index = rng.randrange(len(self._stored), 250 + len(self._stored))
        while index in self._stored:
            index += 1
            form = "" if form == "MEMOIZE" else form  # MEMOIZE would overwrite it
        if form == "BINPUT" and index > 255:
            form = "LONG_BINPUT"
        self._out.append(asm.MEMOIZE if form == "MEMOIZE" else asm.put(index, form))
        self._stored.add(index)
        if key is not None:
            self._known[key] = index

    def _recall(self, key: Any) -> bool:
        index = self._known.get(key, -1)
        if index < 0:
            return False
        textual = self._style.protocol == 0 if self._style.faithful else self._rng.random() < 0.2
        self._out.append(asm.get(index, "GET" if textual else ""))
        return True

    def _noise(self) -> None:
        rng = self._rng
        if self._style.faithful or rng.random() >= self._style.noise:
            return
        kind = rng.randrange(5)
        if kind == 0:
            self._out.append(asm.MARK + rng.choice((asm.POP, asm.POP_MARK)))
        elif kind == 1:
            self._out.append(asm.MARK)
            for _ in range(rng.randrange(4)):
                self._plain(self._junk(rng))
            self._out.append(asm.POP_MARK)
        elif kind == 2:
            self._plain(self._junk(rng))
            self._out.append(asm.DUP + asm.POP + asm.POP)
        else:
            self._plain(self._junk(rng))
            self._out.append(asm.POP)

    # --- values -----------------------------------------------------------------------------------------------------

    def write(self, value: Any) -> None:
        """Append what pushes a value."""
        self._noise()
        if isinstance(value, Node):
            self._node(value)
        else:
            self._plain(value)
        if not self._style.faithful and self._rng.random() < self._style.noise / 2:
            self._out.append(asm.DUP + asm.POP)

    def _plain(self, value: Any) -> None:
        protocol = self._style.protocol
        if value is None:
            self._out.append(asm.NONE)
        elif isinstance(value, bool):
            self._out.append(asm.boolean(value, protocol))
        elif isinstance(value, int):
            self._out.append(self._integer(value))
        elif isinstance(value, float):
            textual = not self._style.faithful and self._rng.random() < 0.2
            self._out.append(asm.floating(value, 0 if textual else protocol))
        elif isinstance(value, str):
            self._text(value)
        elif isinstance(value, bytes):
            self._data(value)
        elif isinstance(value, bytearray):
            self._mutable_data(value)
        elif isinstance(value, tuple):
            self._tuple(value)
        elif isinstance(value, list):
            self._container(value, asm.EMPTY_LIST, asm.LIST, asm.APPEND, asm.APPENDS)
        elif isinstance(value, dict):
            flat = [part for item in value.items() for part in item]
            self._container(flat, asm.EMPTY_DICT, asm.DICT, asm.SETITEM, asm.SETITEMS, 2)
        elif isinstance(value, set | frozenset):
            self._set(value)
        else:
            raise TypeError(f"cannot write {type(value).__name__}")

    def _integer(self, value: int) -> bytes:
        if self._style.faithful:
            if self._style.protocol == 0:
                return asm.integer(value, "INT" if -(2**31) <= value < 2**31 else "LONG")
            if self._style.protocol == 1 and not -(2**31) <= value < 2**31:
                return asm.integer(value, "LONG")
            return asm.integer(value)
        return asm.integer(value, self._rng.choice(asm.int_forms(value)) if self._rng.random() < 0.2 else "")

    def _text(self, value: str, key: Any = None) -> None:
        style = self._style
        if style.faithful:
            if self._recall(value):
                return
            if style.protocol == 0:
                form = "UNICODE"
            else:
                form = "SHORT_BINUNICODE" if style.protocol >= 4 and len(value.encode()) < 256 else "BINUNICODE"
            self._out.append(asm.text(value, form))
            self._store(value)
            return
        forms = [form for form in style.texts if form in asm.text_forms(value)] or ["BINUNICODE"]
        self._out.append(asm.text(value, self._rng.choice(forms)))
        self._store(key, always=key is not None)

    def _data(self, value: bytes) -> None:
        if self._style.protocol >= 3 or not self._style.faithful:
            form = "" if self._style.faithful or self._rng.random() < 0.8 else "BINBYTES8"
            self._out.append(asm.data(value, form))
            self._store()
        elif value:
            self._node(Call(Ref("_codecs", "encode"), (value.decode("latin1"), "latin1")))
        else:
            self._node(Call(Ref("builtins", "bytes"), ()))

    def _mutable_data(self, value: bytearray) -> None:
        if self._style.protocol >= 5 or not self._style.faithful:
            self._out.append(asm.data(bytes(value), "BYTEARRAY8"))
            self._store()
        else:
            self._node(Call(Ref("builtins", "bytearray"), (bytes(value),) if value else ()))

    def _tuple(self, value: Sequence[Any], stored: bool = True) -> None:
        protocol = self._style.protocol
        if not value:
            self._out.append(asm.EMPTY_TUPLE if protocol >= 1 else asm.MARK + asm.TUPLE)
            return
        marked = len(value) > 3 or protocol < 2 or (not self._style.faithful and self._rng.random() < 0.3)
        if marked:
            self._out.append(asm.MARK)
        for item in value:
            self.write(item)
        self._out.append(asm.TUPLE if marked else asm.TUPLES[len(value)])
        if stored:
            self._store()

    def _container(
        self, flat: Sequence[Any], empty: bytes, marked: bytes, one: bytes, many: bytes, step: int = 1
    ) -> None:
        protocol = self._style.protocol
        old = protocol == 0 if self._style.faithful else self._rng.random() < 0.3
        if old and not self._style.faithful:
            self._out.append(asm.MARK)
            for item in flat:
                self.write(item)
            self._out.append(marked)
            self._store()
            return
        self._out.append(asm.MARK + marked if old else empty)
        self._store()
        if not flat:
            return
        if old or len(flat) == step:
            for i in range(0, len(flat), step):
                for item in flat[i : i + step]:
                    self.write(item)
                self._out.append(one)
            return
        for i in range(0, len(flat), 1000 * step):
            self._out.append(asm.MARK)
            for item in flat[i : i + 1000 * step]:
                self.write(item)
            self._out.append(many)

    def _set(self, value: set[Any] | frozenset[Any]) -> None:
        items = sorted(value, key=repr)
        if self._style.protocol < 4:
            self._node(Call(Ref("builtins", type(value).__name__), (items,)))
        elif isinstance(value, frozenset):
            self._out.append(asm.MARK)
            for item in items:
                self.write(item)
            self._out.append(asm.FROZENSET)
            self._store()
        else:
            self._out.append(asm.EMPTY_SET)
            self._store()
            self._out.append(asm.MARK)
            for item in items:
                self.write(item)
            self._out.append(asm.ADDITEMS)

    # --- nodes ------------------------------------------------------------------------------------------------------

    def _node(self, node: Node) -> None:
        if isinstance(node, Ref):
            self._import(node)
        elif isinstance(node, Computed):
            self.write(node.module)
            self.write(node.name)
            self._out.append(asm.STACK_GLOBAL)
            self._store()
        elif isinstance(node, Call):
            self._call(node)
        elif isinstance(node, New):
            self._new(node)
        elif isinstance(node, Build):
            self.write(node.target)
            self.write(node.state)
            self._out.append(asm.BUILD)
        elif isinstance(node, SetItems | Append | AddItems):
            self._extend(node)
        elif isinstance(node, Persistent):
            textual = self._style.protocol == 0 or (not self._style.faithful and self._rng.random() < 0.5)
            if textual and isinstance(node.key, str) and "\n" not in node.key:
                self._out.append(b"P" + node.key.encode("ascii", "replace") + b"\n")
            else:
                self.write(node.key)
                self._out.append(asm.BINPERSID)
        elif isinstance(node, Extension):
            self._out.append(asm.extension(node.code))
            self._store()
        elif isinstance(node, Repeat):
            self._out.append(asm.MARK)
            self.write(node.value)
            self._out.append(asm.DUP * (node.times - 1) + asm.LIST)
            self._store()
        elif isinstance(node, Opcodes):
            self._out.append(node.data)
        elif isinstance(node, Steps):
            for step in node.first:
                self.write(step)
                self._out.append(asm.POP)
            self.write(node.last)
        elif isinstance(node, Same) and not self._recall(id(node)):
            self.write(node.value)
            self._store(id(node), always=True)

    def _extend(self, node: SetItems | Append | AddItems) -> None:
        self.write(node.target)
        flat = [p for item in node.items.items() for p in item] if isinstance(node, SetItems) else [*node.items]
        one, many = _EXTENDERS[type(node)]
        single = len(flat) == 1 + isinstance(node, SetItems)
        if one and single and (self._style.faithful or self._rng.random() < 0.6):
            for item in flat:
                self.write(item)
            self._out.append(one)
            return
        self._out.append(asm.MARK)
        for item in flat:
            self.write(item)
        self._out.append(many)

    def _import(self, ref: Ref) -> None:
        style, rng = self._style, self._rng
        module, name = ref.module, ref.name
        if "." in name and style.protocol < 4:  # no loader resolves a dotted name there
            parent, _, last = name.rpartition(".")
            self._node(Call(Ref("builtins", "getattr"), (Ref(module, parent), last)))
            return
        if style.protocol < 3 and (style.faithful or style.old_names):
            module, name = REVERSE_NAME_MAPPING.get((module, name), (module, name))
            module = REVERSE_IMPORT_MAPPING.get(module, module)
        if style.faithful:
            if self._recall((module, name)):
                return
            if style.protocol >= 4:
                self._text(module)
                self._text(name)
                self._out.append(asm.STACK_GLOBAL)
            else:
                self._out.append(asm.import_global(module, name))
            self._store((module, name))
            return
        form = rng.choice(style.imports)
        if form == "GLOBAL":
            self._out.append(asm.import_global(module, name))
        elif form == "STACK_GLOBAL":
            self._text(module)
            self._noise()
            self._text(name)
            self._noise()
            self._out.append(asm.STACK_GLOBAL)
        else:
            keys = [object(), object()]
            operands = list(zip(keys, (module, name), strict=True))
            for key, operand in operands if rng.random() < 0.5 else reversed(operands):
                self._text(operand, key)
                self._out.append(asm.POP)
                self._noise()
            for key in keys:
                self._recall(key)
            self._out.append(asm.STACK_GLOBAL)
        self._store()

    def _call(self, node: Call) -> None:
        style = self._style
        form = self._rng.choice(style.calls)
        dotted = isinstance(node.callee, Ref) and "." in node.callee.name and style.protocol < 4
        if form == "INST" and isinstance(node.callee, Ref) and not dotted:
            self._out.append(asm.MARK)
            for argument in node.arguments:
                self.write(argument)
            lines = f"{node.callee.module}\n{node.callee.name}\n"
            self._out.append(b"i" + lines.encode())
        elif form == "OBJ":
            self._out.append(asm.MARK)
            self.write(node.callee)
            for argument in node.arguments:
                self.write(argument)
            self._out.append(asm.OBJ)
        elif form in ("NEWOBJ", "NEWOBJ_EX") and isinstance(node.callee, Ref) and not dotted:
            self._new(New(node.callee, node.arguments), form)
            return
        else:
            self.write(node.callee)
            self._noise()
            self._tuple(node.arguments)
            self._out.append(asm.REDUCE)
        self._store()

    def _new(self, node: New, form: str = "") -> None:
        if self._style.protocol < 2 and self._style.faithful:
            if node.arguments or node.keywords:
                self._node(Call(Ref("copyreg", "__newobj__"), (node.cls, *node.arguments)))
            else:
                maker = Ref("copyreg", "_reconstructor")
                self._node(Call(maker, (node.cls, Ref("builtins", "object"), None)))
            return
        self.write(node.cls)
        self._tuple(node.arguments)
        extended = bool(node.keywords) or form == "NEWOBJ_EX"
        if extended:
            self.write(node.keywords)
        self._out.append(asm.NEWOBJ_EX if extended else asm.NEWOBJ)
        self._store()


def pickled(value: Any, style: Style, rng: Random, junk: Callable[[Random], Any] | None = None) -> bytes:
    """Return the pickle stream of an expression."""
    return Writer(style, rng, junk).stream(value)
