"""A pickle stream to the expression that it computes: so that real payloads can be spelled in other ways too.

The inverse of `writer`, for whole pickles of moderate size. Nothing is imported, called or built.
"""

from __future__ import annotations

import pickletools
from dataclasses import fields, is_dataclass
from typing import Any

from train.corpus.spelling.expressions import (
    Append,
    Build,
    Call,
    Computed,
    New,
    Node,
    Persistent,
    Ref,
    Same,
    SetItems,
    Steps,
)

MAX_BYTES = 1 << 16
"""Longest stream that is lifted (bytes)."""
MAX_VALUES = 10_000
"""Values that the expression comes to when it is written out (count): a few hundred bytes can mean billions."""
MARK = object()
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}


class Unliftable(ValueError):
    """The stream has something in it that no expression stands for, or is no whole pickle."""


def lift(stream: bytes) -> Any:
    """Return the expression of one pickle.

    Raises:
        Unliftable: it is broken, too long, or uses buffers, extension codes, or containers that hold themselves.
    """
    if len(stream) > MAX_BYTES:
        raise Unliftable(f"more than {MAX_BYTES} bytes")
    lifter = _Lifter()
    try:
        for opcode, argument, at in pickletools.genops(stream):
            if opcode.name == "STOP" and at is not None and at + 1 < len(stream):
                raise Unliftable("something follows its STOP")
            if opcode.name == "STOP":
                return lifter.result()
            lifter.step(opcode.name, argument)
    except Unliftable:
        raise
    except (ValueError, IndexError, KeyError, TypeError, RecursionError, UnicodeError) as error:
        raise Unliftable(str(error)) from error
    raise Unliftable("no STOP")


class _Lifter:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.done: list[Any] = []

    def result(self) -> Any:
        """Return the last value, with what was computed and dropped before it."""
        value = self.stack.pop()
        if value is MARK:
            raise Unliftable("a mark where a value should be")
        whole = Steps(tuple(self.done), value) if self.done else value
        return bounded(whole)

    def marked(self) -> list[Any]:
        """Pop everything above the topmost mark."""
        at = len(self.stack) - 1 - self.stack[::-1].index(MARK)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def step(self, name: str, argument: Any) -> None:
        """Execute one instruction."""
        stack = self.stack
        if name in ("PROTO", "FRAME"):
            return
        if name == "MARK":
            stack.append(MARK)
        elif name == "POP":
            self.drop(stack.pop())
        elif name == "POP_MARK":
            for value in self.marked():
                self.drop(value)
        elif name == "DUP":
            stack.append(self.shared(stack.pop()))
            stack.append(stack[-1])
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            stack.append(self.shared(stack.pop()))
            self.memo[len(self.memo) if name == "MEMOIZE" else int(argument)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[int(argument)])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        else:
            stack.append(self.value(name, argument))

    def shared(self, value: Any) -> Any:
        """Return a value that may be used again: written once, if it is more than a literal."""
        if value is MARK:
            raise Unliftable("a mark where a value should be")
        return Same(value) if isinstance(value, Node) and not isinstance(value, Ref | Same) else value

    def drop(self, value: Any) -> None:
        """Keep what a dropped value did."""
        if value is not MARK and _acts(bounded(value)):
            self.done.append(value)

    def value(self, name: str, argument: Any) -> Any:
        """Return what an instruction pushes, its operands popped."""
        stack = self.stack
        if name in ("GLOBAL", "INST"):
            module, _, attribute = argument.partition(" ")
            ref = Ref(module, attribute)
            return ref if name == "GLOBAL" else Call(ref, tuple(self.marked()))
        if name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            literal = isinstance(module, str) and isinstance(attribute, str)
            return Ref(module, attribute) if literal else Computed(module, attribute)
        if name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
            keywords = stack.pop() if name == "NEWOBJ_EX" else {}
            arguments, callee = _plain(stack.pop()), stack.pop()
            if not isinstance(arguments, tuple):
                raise Unliftable(f"{name} with computed arguments")
            return Call(callee, arguments) if name == "REDUCE" else New(callee, arguments, dict(_plain(keywords)))
        if name == "OBJ":
            callee, *items = self.marked()
            return Call(callee, tuple(items))
        if name == "BUILD":
            state = stack.pop()
            return Build(stack.pop(), state)
        if name in ("PERSID", "BINPERSID"):
            return Persistent(argument if name == "PERSID" else stack.pop())
        if name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"):
            many = self.marked() if name.endswith("S") else [stack.pop() for _ in range(1 + (name == "SETITEM"))][::-1]
            return _extended(stack.pop(), many, name)
        if name in ("TUPLE", "LIST", "DICT", "FROZENSET"):
            return _container(name, self.marked())
        if name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            n = int(name[-1])
            return tuple([stack.pop() for _ in range(n)][::-1])
        if name == "EMPTY_TUPLE":
            return ()
        if name in ("NONE", "NEWTRUE", "NEWFALSE"):
            return {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name]
        if argument is not None and isinstance(argument, bool | int | float | str | bytes) and name[:3] != "EXT":
            return argument
        raise Unliftable(f"{name} has no expression")


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Same) and not isinstance(value.value, Call) else value


def _container(name: str, items: list[Any]) -> Any:
    if name == "DICT":
        return dict(zip(items[::2], items[1::2], strict=True))
    return {"TUPLE": tuple, "LIST": list, "FROZENSET": frozenset}[name](items)


def _extended(target: Any, items: list[Any], name: str) -> Any:
    """Return a target with items added: a plain container grows, anything else gets them when it is loaded."""
    if any(item is target for item in items):
        raise Unliftable("a container that holds itself")
    if isinstance(target, list):
        target.extend(items)
    elif isinstance(target, set):
        target.update(items)
    elif name in ("SETITEM", "SETITEMS"):
        pairs = dict(zip(items[::2], items[1::2], strict=True))
        if not isinstance(target, dict):
            return SetItems(target, pairs)
        target.update(pairs)
    else:
        return Append(target, tuple(items))
    return target


def _parts(value: Any) -> list[Any]:
    """Return what a value is made of."""
    if isinstance(value, dict):
        return [part for item in value.items() for part in item]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, Node) and is_dataclass(value):
        return [getattr(value, part.name) for part in fields(value)]
    return []


def bounded(value: Any) -> Any:
    """Return a value that can be walked through.

    Raises:
        Unliftable: it comes to too many values, or holds itself.
    """
    if _n_values(value, {}) > MAX_VALUES:
        raise Unliftable(f"more than {MAX_VALUES} values")
    return value


def _n_values(value: Any, known: dict[int, int]) -> int:
    """Return how many values a value comes to."""
    key = id(value)
    if key not in known:
        known[key] = MAX_VALUES + 1  # until it is known: a container that holds itself
        known[key] = 1 + sum(_n_values(part, known) for part in _parts(value))
    return known[key]


def _acts(value: Any) -> bool:
    """Return whether computing a value does anything."""
    return isinstance(value, Node) or any(_acts(part) for part in _parts(value))
