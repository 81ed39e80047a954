"""Harmless-looking callables that call what they are given, and the same ones used honestly.

Each row of a table is a script (see `scripts`), "attack | honest": the attack has `g` called with `a` at some time.
Where ` !` stands in the attack, the honest side is what comes before it: made, but never set off. Without a
bar and without ` !` it is the same script around a function that only computes. A line may go on behind `  | `.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from train.corpus.attacks.bland import bound, called, deferred, libraries
from train.corpus.draw import Draw
from train.corpus.gadgets import payloads
from train.corpus.gadgets.table import Gadget
from train.corpus.honest import values
from train.corpus.spelling.expressions import Node, Ref
from train.corpus.spelling.scripts import expression_of


@dataclass(frozen=True, slots=True)
class Composition:
    """One row."""

    attack: str
    honest: str
    calls: bool
    """Whether the honest side calls what it is given: then only with a function that computes."""


def rows_of(table: str) -> tuple[Composition, ...]:
    """Parse a table."""
    rows = []
    for line in table.strip().replace("\n  | ", " | ").splitlines():
        attack, _, honest = line.partition(" | ")
        before, _, after = attack.rstrip().partition(" !")
        whole = before + after.lstrip()
        rows.append(Composition(whole, honest.strip() or before, not honest.strip() and before == whole))
    return tuple(rows)


TABLES: dict[str, tuple[Composition, ...]] = {
    "deferred": rows_of(deferred.TABLE),
    "called": rows_of(called.TABLE),
    "bound": rows_of(bound.TABLE),
    "machinery": rows_of(bound.MACHINERY),
    "libraries": rows_of(libraries.TABLE),
    "models": rows_of(libraries.MODELS),
}

PURE: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("builtins", "len", ("abc",)), ("builtins", "abs", (-3,)), ("builtins", "str.upper", ("abc",)),
    ("math", "sqrt", (2.0,)), ("math", "hypot", (3.0, 4.0)), ("operator", "add", (1, 2)), ("builtins", "int", ("7",)),
    ("builtins", "sorted", ([3, 1],)), ("os.path", "join", ("data", "train")), ("os.path", "basename", ("data/a.csv",)),
    ("re", "escape", ("a.b",)), ("html", "escape", ("<b>",)), ("textwrap", "dedent", ("x",)), ("builtins", "dict", ()),
    ("urllib.parse", "quote", ("a b",)), ("hashlib", "sha256", (b"abc",)), ("zlib", "crc32", (b"abc",)),
    ("json", "dumps", ({"a": 1},)), ("datetime", "timedelta", (1,)), ("statistics", "mean", ([1, 2],)),
    ("numpy", "sqrt", (4.0,)), ("numpy", "mean", ([1.0],)), ("builtins", "repr", ("x",)), ("builtins", "oct", (1,)),
    ("collections", "OrderedDict", ()), ("base64", "b64encode", (b"abc",)), ("fractions", "Fraction", (1, 3)),
    ("builtins", "max", ([1, 5],)), ("string", "capwords", ("a b",)), ("copy", "copy", ([1],)),
)  # fmt: skip
"""Functions that only compute, and arguments for them."""


def _names(g: Any, arguments: tuple[Any, ...], path: str, rng: Draw) -> dict[str, Any]:
    first = arguments[0] if arguments else payloads.word(rng)
    return {
        "g": g, "a": arguments, "xs": list(arguments), "x": first, "path": path, "f": values.function_ref(rng),
        "text": first if isinstance(first, str) else payloads.word(rng), "w": payloads.word(rng),
        "v": payloads.word(rng), "n": rng.randrange(1, 9), "file": payloads.path(rng), "host": payloads.address(rng),
    }  # fmt: skip


def composed(g: Any, gadget: Gadget, arguments: tuple[Any, ...], rng: Draw) -> Any:
    """Return an expression that has something else call `g`, an expression for `gadget`."""
    row = rng.template(rng.choice(list(TABLES.values())))
    return expression_of(row.attack, _names(g, arguments, gadget.path, rng), rng)


def honest(rng: Draw) -> Any:
    """Return one of the same callables in honest use."""
    row = rng.template(rng.choice(list(TABLES.values())))
    module, name, arguments = rng.choice(PURE)
    pure = row.calls or rng.random() < 0.4
    g: Node = Ref(module, name) if pure else values.function_ref(rng)
    if not pure:
        arguments = tuple(values.scalar(rng) for _ in range(rng.randrange(3)))
    return expression_of(row.honest, _names(g, arguments, f"{module}.{name}", rng), rng)
