"""Attacks as expressions: gadget x arguments x technique. `recipe` spells them and puts them somewhere."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any

from train.corpus.attacks import bombs, effects, functions, overwrites, stages, strangers, techniques, tricks
from train.corpus.attacks.techniques import Aim, Technique
from train.corpus.draw import Draw
from train.corpus.gadgets.table import KNOWN, Gadget
from train.corpus.spelling.expressions import Node, Ref

TECHNIQUES: dict[str, tuple[int, Technique]] = {
    "direct": (32, techniques.direct),
    "getattr": (9, techniques.through_getattr),
    "methodcaller": (3, techniques.methodcaller),
    "dotted": (4, techniques.dotted),
    "partial": (4, techniques.partial),
    "mapped": (5, techniques.mapped),
    "bland": (16, techniques.bland),
    "constructed": (3, techniques.constructed),
    "function": (4, lambda aim, rng: functions.called_function(rng)),
    "encoded-argument": (4, stages.encoded_argument),
    "encoded-name": (4, stages.encoded_name),
    "nested": (5, stages.nested),
    "write-import": (4, stages.write_then_import),
    "overwrite": (6, overwrites.overwrite),
    "inside-state": (5, stages.inside_state),
    "import-only": (3, stages.import_only),
    "staged-code": (5, stages.staged_code),
    "evaluated": (10, partial(effects.effect, "evaluated")),
    "commanded": (8, partial(effects.effect, "commanded")),
    "loaded": (6, partial(effects.effect, "loaded")),
    "written": (8, partial(effects.effect, "written")),
    "exfiltrated": (8, partial(effects.effect, "exfiltrated")),
    "hooked": (7, partial(effects.effect, "hooked")),
    "disturbed": (7, partial(effects.effect, "disturbed")),
    "composed": (9, partial(effects.effect, "composed")),
    "carried": (11, strangers.carried),
    "handed": (6, strangers.handed),
    "aliased": (3, tricks.aliased),
    "extension": (2, tricks.extension),
    "persistent": (2, tricks.persistent),
    "reconstructed": (3, tricks.reconstructed),
    "tampered": (3, tricks.tampered),
    "exhaust": (4, bombs.exhaust),
    "bomb": (2, lambda aim, rng: bombs.bomb(rng)),
    "silent-bomb": (0, lambda aim, rng: bombs.silent_bomb(rng)),
}
"""Name to (weight, function). What is never drawn has no call site: as an attack, it would teach a net of call sites to
suspect the honest ones beside it; the judge may ask for it by name."""

OWN_GADGET = frozenset(
    ["constructed", "function", "nested", "write-import", "import-only", "staged-code", "overwrite", "carried",
     "tampered", "exhaust", "bomb", "silent-bomb", *effects.KINDS]
)  # fmt: skip
"""Techniques that bring what they call with them: the attack is filed under the first import that it makes."""

HELD_OUT: dict[str, tuple[str, ...]] = {
    "test": ("aliased", "extension"),
    "validation": ("reconstructed",),
}
"""Split to the techniques that it alone sees: rare ones, each unlike what train has.

`aliased` hides the callee's name, `extension` has none.
Validation's `reconstructed` calls by NEWOBJ and copyreg instead of REDUCE.
"""

SINK_WEIGHTS = {
    "exec": 6, "process": 6, "import": 2, "unpickle": 3, "ctypes": 2, "network": 3, "write": 4, "call": 3, "read": 2,
}  # fmt: skip
KNOWN_SHARE = 0.4
"""Share of attacks on the sinks themselves (depth 0); the others go to mined gadgets (probability)."""
USED_HONESTLY = (
    "dill._dill.",
    "cloudpickle.cloudpickle.",
    "scipy.stats._continuous_distns.",
    "sympy.core.",
    "ast.parse",
)
"""What mined gadgets' paths must not begin with: honest pickles call these, with arguments of the same kind."""

_SINK_OF = {gadget.path: gadget.sink for gadget in KNOWN}


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """An attack or a twin, before it is spelled."""

    expression: Any
    technique: str
    gadget: str
    """Dotted path of what is called."""
    module: str
    sink: str
    """Class of the gadget's sink, "" where it is not known."""


def techniques_of(split: str) -> tuple[str, ...]:
    """Return the techniques that a split draws: those that no other one holds back."""
    others = {name for other, names in HELD_OUT.items() if other != split for name in names}
    return tuple(name for name, (weight, _) in TECHNIQUES.items() if weight and name not in others)


class Gadgets:
    """Draws gadgets so that neither large packages nor common sinks drown the others."""

    def __init__(self, gadgets: Sequence[Gadget]) -> None:
        """Group them.

        Raises:
            ValueError: there is none that only attackers would use.
        """
        usable = [g for g in gadgets if g.depth == 0 or (_steered(g) and not g.path.startswith(USED_HONESTLY))]
        if not usable:
            raise ValueError("no gadget to attack with")
        self._known = [g for g in usable if g.depth == 0]
        groups: dict[tuple[str, str], list[Gadget]] = defaultdict(list)
        for gadget in usable:
            if gadget.depth > 0:
                groups[gadget.sink, gadget.module.partition(".")[0]].append(gadget)
        self._groups = [groups[key] for key in sorted(groups)]
        sizes: dict[str, float] = defaultdict(float)
        for (sink, _), group in groups.items():
            sizes[sink] += math.sqrt(len(group))
        self._weights = [SINK_WEIGHTS[key[0]] * math.sqrt(len(groups[key])) / sizes[key[0]] for key in sorted(groups)]

    def draw(self, rng: Draw) -> Gadget:
        """Return one."""
        if not self._groups or (self._known and rng.random() < KNOWN_SHARE):
            return rng.choice(self._known)
        group = rng.choices(self._groups, self._weights)[0]
        for _ in range(8):
            gadget = rng.choice(group)
            if rng.random() < 1 / gadget.depth**0.5:  # one that is far from its sink is worth less
                break
        return gadget


def _steered(gadget: Gadget) -> bool:
    """Return whether who writes the pickle decides what happens at the sink; else the call does what it always does."""
    return bool(gadget.reaches or gadget.stored)


def attack_of(technique: str, gadget: Gadget, rng: Draw) -> Made | None:
    """Return an attack by one technique, or None where it does not fit the gadget."""
    expression = TECHNIQUES[technique][1](Aim.at(gadget, rng), rng)
    if expression is None:
        return None
    if technique not in OWN_GADGET:
        return Made(expression, technique, gadget.path, gadget.module, gadget.sink)
    path, module = first_import(expression)
    return Made(expression, technique, path, module, _SINK_OF.get(path, ""))


def draw_technique(rng: Draw) -> str:
    """Return one that the split may see, by weight; the split's own ones more often than that."""
    own = HELD_OUT.get(rng.split, ())
    if own and rng.random() < 0.15:
        return rng.choice(own)
    names = techniques_of(rng.split)
    return rng.choices(names, [TECHNIQUES[name][0] for name in names])[0]


HELPERS = frozenset(
    ["builtins.getattr", "functools.partial", "_functools.partial", "importlib.import_module"]
    + [f"{module}.{name}" for module in ("operator", "_operator") for name in ("methodcaller", "attrgetter", "getitem")]
)
"""Imports that only lead to others."""


def first_import(value: Any) -> tuple[str, str]:
    """Return (dotted path, module) of the outermost import of an expression that is no helper, empty if it has none."""
    paths = [(f"{ref.module}.{ref.name}", ref.module) for ref in references(value)]
    return next((pair for pair in paths if pair[0] not in HELPERS), paths[0] if paths else ("", ""))


def references(value: Any) -> Iterator[Ref]:
    """Yield the imports of an expression, outermost first; what is shared is looked at once."""
    seen: set[int] = set()
    ahead = [value]
    while ahead:
        part = ahead.pop()
        if isinstance(part, Ref):
            yield part
        elif isinstance(part, Node | list | tuple | dict | set | frozenset) and id(part) not in seen:
            seen.add(id(part))
            ahead += reversed(list(_parts(part)))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Node) and is_dataclass(value):
        yield from (getattr(value, part.name) for part in fields(value))
    elif isinstance(value, dict):
        for item in value.items():
            yield from item
    else:
        yield from value
