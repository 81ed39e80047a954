"""Recipes: everything that decides the bytes of one made file, so that one thing can be varied alone."""

from __future__ import annotations

import math
from _compat_pickle import IMPORT_MAPPING
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any

from safepickle_dl.core.lexer import Lexer
from train.corpus.attacks.grammar import Gadgets, Made, attack_of, draw_technique, references
from train.corpus.attacks.twins import twin_of
from train.corpus.draw import Draw
from train.corpus.files.breakage import BREAKAGES
from train.corpus.files.carriers import CARRIERS, carriers_of
from train.corpus.files.hosts import POSITIONS, Host, splice
from train.corpus.gadgets.table import Gadget
from train.corpus.honest import objects, values
from train.corpus.honest.surroundings import Surrounding, enlarged, surrounding
from train.corpus.spelling.expressions import Style
from train.corpus.spelling.styles import style_for, twin_style, with_protocol
from train.corpus.spelling.writer import pickled

ALONE = "alone"
"""The position of what has no host."""
ALONE_SHARE = 0.45
"""Share of pairs without a host (probability)."""
MADE_HOST_SHARE = 0.2
"""Share of hosts that the grammar makes; all of them where it gets no others (probability)."""
BARE_SHARE = 0.5
"""Share of pairs in no carrier (probability)."""
BROKEN_SHARE = 0.12
"""Share of pairs with a breakage (probability)."""
MAX_RATIO = 1.4
"""Between the opcode counts of an attack and of its twin, before hosts are added."""
MAX_TRIES = 200
TWIN_TRIES = 8
"""Twins that are drawn for an attack; the nearest in opcodes and bytes is kept (count)."""
NEAR = 0.2
"""Distance that is near enough to draw no other twin (sum of logarithms)."""


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """One made file. `dataclasses.replace` varies one thing of it and leaves all others as they are."""

    label: int
    """1: an attack; 0: its twin."""
    expression: Any
    """What loading it does, as `expressions` has it."""
    style: Style
    spelling: int
    """Seed of whatever the style and the later steps leave open."""
    gadget: str
    """Dotted path of what is called (of a twin: of its first import)."""
    module: str
    """The gadget's module, to split by."""
    sink: str
    """Class of the gadget's sink; "" where there is none, or it is not known."""
    technique: str
    """Of `grammar.TECHNIQUES`; of a twin: `twin-` and its kind."""
    carrier: str = "bare"
    """Of `carriers.CARRIERS`."""
    position: str = ALONE
    """Of `hosts.POSITIONS`, or ALONE."""
    host: Host | None = None
    breakage: str = ""
    """Of `breakage.BREAKAGES`; "": none."""
    pair: int = 0
    """Number of the pair that it belongs to."""


def payload_of(recipe: Recipe) -> bytes:
    """Return the pickle of the expression alone, without host, breakage or carrier."""
    return pickled(recipe.expression, recipe.style, _rng(recipe, "spelling"), values.plain)


@lru_cache(maxsize=4)
def render(recipe: Recipe) -> bytes:
    """Return the file; equal recipes give equal bytes.

    Raises:
        ValueError: the host cannot take it at this position, or the position needs a host and there is none.
        UnicodeEncodeError: the style cannot carry a text or a name of the expression.
    """
    data = payload_of(recipe)
    if recipe.position != ALONE:
        if recipe.host is None:
            raise ValueError(f"position {recipe.position!r} needs a host")
        spliced = splice(recipe.host.data, data, recipe.position, _rng(recipe, "splice"))
        if spliced is None:
            raise ValueError(f"{recipe.host.name!r} cannot take it at position {recipe.position!r}")
        data = spliced
    if recipe.breakage:
        data = BREAKAGES[recipe.breakage](data, _rng(recipe, "breakage"))
    return CARRIERS[recipe.carrier](data, _rng(recipe, "carrier"))


def _rng(recipe: Recipe, step: str) -> Random:
    return Random(f"{step} {recipe.spelling}")


def opcode_count(data: bytes) -> int:
    """Return how many opcodes a pickle holds."""
    lexer, count = Lexer(data, 0, len(data)), 0
    more = True
    while more:
        more = lexer.read_block()
        count += lexer.count
    return count


def pairs(
    seed: int, n: int, split: str, gadgets: Sequence[Gadget], hosts: Sequence[Host]
) -> Iterator[tuple[Recipe, Recipe]]:
    """Yield `n` pairs of an attack and a twin that share protocol, surroundings, carrier, host, position and breakage.

    Equal arguments give equal pairs, and a longer run begins with the shorter one. All recipes can be rendered.

    Args:
        seed: of everything.
        n: how many pairs.
        split: whose templates, techniques and carriers to use.
        gadgets: of this split; helpers such as getattr and the callables that a technique brings along are always used.
        hosts: honest pickles of this split; may be empty, then the grammar makes its own.

    Raises:
        ValueError: no gadget is left, or there is no such split.
    """
    source = Gadgets(gadgets)
    for index in range(n):
        rng = Draw(f"pair {seed} {split} {index}", split)
        for _ in range(MAX_TRIES):
            pair = _pair(index, source, gadgets, hosts, rng)
            if pair is not None:
                yield pair
                break


def _pair(
    index: int, source: Gadgets, gadgets: Sequence[Gadget], hosts: Sequence[Host], rng: Draw
) -> tuple[Recipe, Recipe] | None:
    """Return one pair, or None if what was drawn does not fit together."""
    made = attack_of(draw_technique(rng), source.draw(rng), rng)
    if made is None:
        return None
    around = surrounding(rng)
    style = _fitting(style_for(rng), made.expression, rng)
    attack = replace(_recipe(1, made, style, rng, index), expression=around(made.expression, rng))
    try:
        data = payload_of(attack)
        twin, n_twin = _nearest_twin(attack, around, made, gadgets, data, rng)
        levelled = _levelled(attack, twin, opcode_count(data), n_twin, rng)
        return _placed(*levelled, hosts, rng) if levelled else None
    except (UnicodeEncodeError, OverflowError):
        return None


def _recipe(label: int, made: Made, style: Style, rng: Draw, index: int) -> Recipe:
    spelling = rng.randrange(2**32)
    return Recipe(
        label, made.expression, style, spelling, made.gadget, made.module, made.sink, made.technique, pair=index
    )


def _fitting(style: Style, expression: Any, rng: Draw) -> Style:
    """Return the style with a protocol in which the expression's names mean what they should."""
    refs = list(references(expression))
    if any(ref.module in IMPORT_MAPPING or ref.module in ("popen2", "__builtin__") for ref in refs):  # Python 2 names
        return with_protocol(style, rng.randrange(3))
    if any("." in ref.name for ref in refs) and rng.random() < 0.8:
        return with_protocol(style, rng.choice((4, 4, 5)))
    return style


def _nearest_twin(
    attack: Recipe, around: Surrounding, made: Made, gadgets: Sequence[Gadget], data: bytes, rng: Draw
) -> tuple[Recipe, int]:
    """Return the twin, of several, that is the nearest in opcodes and bytes to the attack's `data`; and its opcodes."""
    drawn: list[tuple[float, int, Recipe, int]] = []
    n_opcodes = opcode_count(data)
    for _ in range(TWIN_TRIES):
        honest_one = twin_of(made.technique, gadgets, rng)
        twin = _recipe(0, honest_one, twin_style(attack.style, rng), rng, attack.pair)
        twin = replace(twin, expression=around(honest_one.expression, rng))
        its_data = payload_of(twin)
        count = opcode_count(its_data)
        distance = abs(math.log(count / n_opcodes)) + abs(math.log(len(its_data) / len(data))) / 2
        drawn.append((distance, len(drawn), twin, count))
        if distance < NEAR:
            break
    *_, twin, count = min(drawn)
    return twin, count


def _levelled(attack: Recipe, twin: Recipe, n_attack: int, n_twin: int, rng: Draw) -> tuple[Recipe, Recipe] | None:
    """Return both with about as many opcodes: honest objects go beside the smaller one. None if it takes too many."""
    for _ in range(12):
        if max(n_attack, n_twin) <= MAX_RATIO * min(n_attack, n_twin):
            return attack, twin
        if n_attack < n_twin:
            attack = replace(attack, expression=enlarged(attack.expression, rng))
            n_attack = opcode_count(payload_of(attack))
        else:
            twin = replace(twin, expression=enlarged(twin.expression, rng))
            n_twin = opcode_count(payload_of(twin))
    return None


def _placed(attack: Recipe, twin: Recipe, hosts: Sequence[Host], rng: Draw) -> tuple[Recipe, Recipe] | None:
    """Return both in the same carrier, host and place, and broken in the same way."""
    carrier = "bare" if rng.random() < BARE_SHARE else rng.choice(carriers_of(rng.split))
    breakage = rng.choice(sorted(BREAKAGES)) if rng.random() < BROKEN_SHARE else ""
    host, position = None, ALONE
    if rng.random() >= ALONE_SHARE:
        made = not hosts or rng.random() < MADE_HOST_SHARE
        host = _made_host(attack.style, rng) if made else rng.choice(hosts)
        position = rng.choice(POSITIONS)
    placed = [replace(one, carrier=carrier, breakage=breakage, host=host, position=position) for one in (attack, twin)]
    try:
        for one in placed:
            render(one)
    except ValueError:  # this host takes no payload; another draw will
        return None
    return placed[0], placed[1]


def _made_host(style: Style, rng: Draw) -> Host:
    """Return an honest pickle of one to a few dozen objects."""
    value = [objects.whole(rng) for _ in range(rng.choice((1, 1, 2, 4, 9, 30)))]
    protocol = style.protocol if rng.random() < 0.7 else rng.randrange(2, 6)
    data = pickled(value[0] if len(value) == 1 else value, Style(protocol), Random(rng.random()))
    return Host(data, "made", "")
