"""Attacks made by a grammar: gadget x arguments x technique x opcode form x noise x carrier, each varied on its own.

Payloads are inert, and nothing here is ever loaded. `twins` makes honest pickles of the same opcode shapes.
"""

from __future__ import annotations

import math
from _compat_pickle import IMPORT_MAPPING
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from random import Random
from typing import Any

from train.corpus import benign, callbacks, honest, stages, techniques
from train.corpus.expressions import Append, Build, Call, Node, Ref, SetItems, Steps, Style
from train.corpus.gadgets import Gadget
from train.corpus.techniques import Aim, Technique
from train.corpus.twins import twin_of
from train.corpus.writer import pickled

TECHNIQUES: dict[str, tuple[int, Technique]] = {
    "direct": (40, techniques.direct),
    "getattr": (9, techniques.through_getattr),
    "methodcaller": (3, techniques.methodcaller),
    "dotted": (4, techniques.dotted),
    "partial": (4, techniques.partial),
    "mapped": (5, techniques.mapped),
    "bland": (9, callbacks.bland),
    "constructed": (3, techniques.constructed),
    "encoded-argument": (4, stages.encoded_argument),
    "encoded-name": (4, stages.encoded_name),
    "nested": (5, stages.nested),
    "write-import": (4, stages.write_then_import),
    "overwrite": (6, stages.overwrite),
    "inside-state": (5, stages.inside_state),
    "import-only": (1, stages.import_only),
    "staged-code": (5, stages.staged_code),
    "exhaust": (1, stages.exhaust),
}
"""Name to (weight, function)."""

OWN_GADGET = frozenset({"constructed", "nested", "write-import", "import-only", "staged-code", "overwrite", "exhaust"})
"""Techniques that bring what they call with them: the attack is filed under the first import that they make."""

SINK_WEIGHTS = {
    "exec": 5, "process": 6, "import": 4, "unpickle": 3, "ctypes": 2, "network": 4, "write": 5, "call": 2, "read": 2,
}  # fmt: skip
KNOWN_SHARE = 0.4
"""Share of attacks on the sinks themselves (depth 0); the others go to mined gadgets (probability)."""
FAITHFUL_SHARE = 0.4
"""Share of attacks that look as if a pickler had written them, from a `__reduce__` (probability)."""
TWIN_FAITHFUL_SHARE = 0.7
MAX_TRIES = 200
USED_HONESTLY = (
    "dill._dill.",
    "cloudpickle.cloudpickle.",
    "scipy.stats._continuous_distns.",
    "sympy.core.",
    "ast.parse",
)
"""What mined gadgets' paths must not begin with: honest pickles call these, with arguments of the same kind."""


@dataclass(frozen=True, slots=True)
class Attack:
    """A made pickle file, and what is in it."""

    data: bytes
    gadget: str
    """Dotted path of what is called (of a twin: of its first import)."""
    module: str
    """The gadget's module, to split by."""
    technique: str
    form: str
    """How it is spelled: `Style.form`."""


def attacks(
    seed: int, n: int, gadgets: Sequence[Gadget], modules: Callable[[str], bool] | None = None
) -> Iterator[Attack]:
    """Yield `n` attacks; equal arguments give equal attacks.

    Args:
        seed: of everything.
        n: how many.
        gadgets: to choose from, as `gadgets.read_gadgets` returns them.
        modules: says whether a gadget's module may be used (to split by it); helpers such as getattr are always used.

    Raises:
        ValueError: no gadget is left.
    """
    allowed = [
        g
        for g in gadgets
        if (modules is None or modules(g.module)) and (g.depth == 0 or not g.path.startswith(USED_HONESTLY))
    ]
    if not allowed:
        raise ValueError("no gadget to attack with")
    draw = _Draw(allowed)
    names = list(TECHNIQUES)
    weights = [TECHNIQUES[name][0] for name in names]
    for index in range(n):
        rng = Random(f"attack {seed} {index}")
        for _ in range(MAX_TRIES):
            technique = rng.choices(names, weights)[0]
            made = _attack(technique, draw.gadget(rng), rng, modules)
            if made is not None:
                yield made
                break


def attack_with(gadget: Gadget, technique: str, rng: Random) -> Attack | None:
    """Return an attack by one technique, or None if it does not fit."""
    return _attack(technique, gadget, rng, None)


def twins(seed: int, n: int, gadgets: Sequence[Gadget]) -> Iterator[Attack]:
    """Yield `n` honest pickles of the same opcode shapes; equal arguments give equal twins.

    Args:
        seed: of everything.
        n: how many.
        gadgets: whose names honest classes borrow words from.
    """
    for index in range(n):
        rng = Random(f"twin {seed} {index}")
        kind, value = twin_of(gadgets, rng)
        style = style_for(rng, TWIN_FAITHFUL_SHARE)
        if kind != "object":  # what no pickler writes, an honest program does not write either
            style = replace(style, noise=0.0)
        first = next(references(value), None)
        path, module = (f"{first.module}.{first.name}", first.module) if first else ("", "")
        yield Attack(_streams(value, style, rng), path, module, f"twin-{kind}", style.form)


class _Draw:
    """Draws gadgets so that neither large packages nor common sinks drown the others."""

    def __init__(self, gadgets: Sequence[Gadget]) -> None:
        self._known = [g for g in gadgets if g.depth == 0]
        groups: dict[tuple[str, str], list[Gadget]] = defaultdict(list)
        for gadget in gadgets:
            if gadget.depth > 0:
                groups[gadget.sink, gadget.module.partition(".")[0]].append(gadget)
        self._groups = [groups[key] for key in sorted(groups)]
        sizes: dict[str, float] = defaultdict(float)
        for (sink, _), group in groups.items():
            sizes[sink] += math.sqrt(len(group))
        self._weights = [SINK_WEIGHTS[key[0]] * math.sqrt(len(groups[key])) / sizes[key[0]] for key in sorted(groups)]

    def gadget(self, rng: Random) -> Gadget:
        """Return one."""
        if not self._groups or (self._known and rng.random() < KNOWN_SHARE):
            return rng.choice(self._known)
        group = rng.choices(self._groups, self._weights)[0]
        for _ in range(8):
            gadget = rng.choice(group)
            # one whose sink no parameter reaches, or that is far from its sink, is worth less
            if rng.random() < (1.0 if gadget.reaches else 0.1) / gadget.depth**0.5:
                break
        return gadget


def references(value: Any) -> Iterator[Ref]:
    """Yield the imports of an expression, outermost first."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Node) and is_dataclass(value):
        for part in fields(value):
            yield from references(getattr(value, part.name))
    elif isinstance(value, dict):
        for item in value.items():
            yield from references(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from references(item)


def _attack(technique: str, gadget: Gadget, rng: Random, modules: Callable[[str], bool] | None) -> Attack | None:
    expression = TECHNIQUES[technique][1](Aim.at(gadget, rng), rng)
    path, module = gadget.path, gadget.module
    if technique in OWN_GADGET:
        first = next(references(expression), None)
        if first is None or (modules is not None and not modules(first.module)):
            return None
        path, module = f"{first.module}.{first.name}", first.module
    style = style_for(rng, FAITHFUL_SHARE)
    used = {ref.module for ref in references(expression)}
    if any(name in IMPORT_MAPPING or name in ("popen2", "__builtin__") for name in used):  # Python 2 names
        style = replace(style, protocol=rng.randrange(3))
    elif any("." in ref.name for ref in references(expression)) and rng.random() < 0.8:
        style = replace(style, protocol=rng.choice((4, 4, 5)))
    try:
        data = _streams(carried(expression, rng), style, rng)
    except (UnicodeEncodeError, OverflowError):
        return None
    return Attack(data, path, module, technique, style.form)


def style_for(rng: Random, faithful_share: float) -> Style:
    """Return a random style."""
    protocol = rng.choice((0, 1, 2, 2, 3, 3, 4, 4, 4, 5))
    if rng.random() < faithful_share:
        return Style(protocol)
    calls = rng.choice((("REDUCE",),) * 6 + (("OBJ",), ("INST",), ("INST", "OBJ", "REDUCE"), ("OBJ", "REDUCE")))
    imports = rng.choice(
        (("GLOBAL",), ("GLOBAL",), ("STACK_GLOBAL",), ("STACK_GLOBAL",), ("STACK_GLOBAL_MEMO",),
         ("GLOBAL", "STACK_GLOBAL", "STACK_GLOBAL_MEMO"))
    )  # fmt: skip
    texts = rng.choice(
        (("SHORT_BINUNICODE", "BINUNICODE"), ("BINUNICODE",), ("UNICODE",), ("STRING",),
        ("SHORT_BINSTRING", "BINSTRING"),
         ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"))
    )  # fmt: skip
    memo = rng.choice(("none", "none", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "mixed"))
    noise = rng.choice((0.0, 0.0, 0.0, 0.02, 0.1, 0.3))
    return Style(protocol, False, True, calls, imports, texts, memo, noise)


def carried(expression: Any, rng: Random) -> Any:
    """Return an expression put somewhere: bare, dropped, among honest values, as a state ..."""
    kind = rng.randrange(14)
    if kind < 6:
        return expression
    decoys = tuple(honest.small_object(rng) for _ in range(rng.randrange(1, 4)))
    if kind == 6:
        return Steps((expression,), rng.choice((None, {}, benign.value(rng), honest.custom_object(rng))))
    if kind == 7:
        return Steps(decoys, expression)
    if kind == 8:
        before = rng.randrange(len(decoys) + 1)
        return [*decoys[:before], expression, *decoys[before:]]
    if kind == 9:
        made: dict[Any, Any] = {benign.key(rng): decoy for decoy in decoys}
        made[benign.key(rng)] = expression
        return made
    if kind == 10:
        return SetItems(Call(Ref("collections", "OrderedDict"), ()), {benign.key(rng): expression, "n": decoys[0]})
    if kind == 11:
        state = honest.state(rng)
        state[benign.key(rng)] = expression
        return Build(honest.custom_object(rng), state)
    if kind == 12:
        return Append([benign.value(rng)], (expression, *decoys))
    return Steps((expression, *decoys), honest.whole(rng))


def _streams(value: Any, style: Style, rng: Random) -> bytes:
    """Return the stream of an expression, seldom with an honest one in front of it or behind."""
    data = pickled(value, style, rng, benign.scalar)
    kind = rng.randrange(30)
    if kind > 1:
        return data
    other = pickled(honest.whole(rng), Style(rng.choice((2, 3, 4))), rng)
    return other + data if kind == 0 else data + other
