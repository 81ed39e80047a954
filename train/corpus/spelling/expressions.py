"""What a pickle should do, as a small expression tree; `writer` spells it in opcodes.

Plain Python values (None, bool, int, float, str, bytes, bytearray, tuple, list, dict, set) stand for themselves and may
hold nodes. A `Style` decides about the spelling: `faithful` is what CPython's pickler would write; any other is what
somebody (or some program) with an assembler would.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Node:
    """Something that is no plain value."""


@dataclass(eq=False, slots=True)
class Ref(Node):
    """An import."""

    module: str
    name: str


@dataclass(eq=False, slots=True)
class Computed(Node):
    """An import whose module and name are the values of expressions."""

    module: Any
    name: Any


@dataclass(eq=False, slots=True)
class Call(Node):
    """`callee(*arguments)`."""

    callee: Any
    arguments: tuple[Any, ...] = ()


@dataclass(eq=False, slots=True)
class New(Node):
    """`cls.__new__(cls, *arguments, **keywords)`."""

    cls: Any
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Build(Node):
    """`target.__setstate__(state)`, or its attributes set."""

    target: Any
    state: Any


@dataclass(eq=False, slots=True)
class SetItems(Node):
    """`target[key] = value`, for each item."""

    target: Any
    items: dict[Any, Any]


@dataclass(eq=False, slots=True)
class Append(Node):
    """`target.extend(items)`."""

    target: Any
    items: tuple[Any, ...]


@dataclass(eq=False, slots=True)
class AddItems(Node):
    """`target.update(items)`: of a set, or `target.add(item)` for each."""

    target: Any
    items: tuple[Any, ...]


@dataclass(eq=False, slots=True)
class Persistent(Node):
    """What the loading program's `persistent_load` makes of an id."""

    key: Any


@dataclass(eq=False, slots=True)
class Extension(Node):
    """What the extension registry of `copyreg` holds under a code."""

    code: int


@dataclass(eq=False, slots=True)
class Repeat(Node):
    """A list of one value, several times: written once, then duplicated on the stack."""

    value: Any
    times: int


@dataclass(eq=False, slots=True)
class Opcodes(Node):
    """Opcodes that no other node stands for; they push one value."""

    data: bytes


@dataclass(eq=False, slots=True)
class Steps(Node):
    """Do all; only the last one's value stays."""

    first: tuple[Any, ...]
    last: Any


@dataclass(eq=False, slots=True)
class Same(Node):
    """A value that is used in several places: written once, recalled from the memo afterwards."""

    value: Any


@dataclass(frozen=True, slots=True)
class Style:
    """How expressions are spelled."""

    protocol: int = 4
    faithful: bool = True
    headers: tuple[int, ...] | None = None
    """Protocols that PROTO opcodes in front name; None: as a pickler does."""
    calls: tuple[str, ...] = ("REDUCE",)
    """REDUCE, OBJ; INST, NEWOBJ or NEWOBJ_EX where the callee is an import."""
    imports: tuple[str, ...] = ("GLOBAL",)
    """GLOBAL, STACK_GLOBAL, or STACK_GLOBAL_MEMO: operands stored, popped and recalled."""
    texts: tuple[str, ...] = ("BINUNICODE",)
    memo: str = "none"
    """none, PUT, BINPUT, LONG_BINPUT, MEMOIZE or mixed."""
    noise: float = 0.0
    """Chance of stack-neutral junk at each place (probability)."""
    old_names: bool = False
    """Whether imports go by their Python 2 names, which loaders translate below protocol 3."""

    @property
    def form(self) -> str:
        """Return a short name."""
        kind = "pickler" if self.faithful else "+".join((*self.calls, *self.imports))
        return f"{kind}/{self.protocol}"
