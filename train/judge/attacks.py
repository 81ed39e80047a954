"""What an attacker does to a malicious file so that it passes: each attack alone, clean against attacked.

An attack keeps what the payload does. Attacks on bytes take any whole pickle; those on the expression take made files
and whatever `lift` can read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from train.corpus.attacks.grammar import TECHNIQUES
from train.corpus.attacks.hidden import decoded
from train.corpus.attacks.techniques import Aim
from train.corpus.draw import Draw
from train.corpus.files.breakage import BREAKAGES
from train.corpus.files.carriers import CARRIERS
from train.corpus.files.hosts import Host, append_padding, junk_between, prepend_padding, splice
from train.corpus.gadgets.table import Gadget
from train.corpus.honest import values
from train.corpus.recipe import Recipe, payload_of
from train.corpus.spelling.expressions import Call, Node, Ref, Same, Style
from train.corpus.spelling.lift import Unliftable, lift
from train.corpus.spelling.styles import style_for, with_protocol
from train.corpus.spelling.writer import pickled

RENAMING = ("getattr", "methodcaller", "dotted", "encoded-name")
"""Techniques that reach the same callee by another name."""
HIDING = ("encoded-argument", "partial", "mapped", "inside-state")
"""Techniques that keep callee and arguments and hide one of them, or the call."""
BLAND = ("bland",)
SIZES = (10**2, 10**3, 10**4, 10**5, 10**6)


@dataclass(frozen=True, slots=True)
class Sample:
    """A malicious pickle stream, and what it computes if that is known."""

    name: str
    stream: bytes
    expression: Any = None
    style: Style | None = None

    @classmethod
    def of_recipe(cls, name: str, recipe: Recipe) -> Sample:
        """Take a made attack without its host, carrier and breakage."""
        return cls(name, payload_of(recipe), recipe.expression, recipe.style)

    @classmethod
    def of_stream(cls, name: str, stream: bytes) -> Sample:
        """Take a real pickle, and lift it if possible."""
        try:
            protocol = stream[1] if stream[:1] == b"\x80" else 0
            return cls(name, stream, lift(stream), Style(min(protocol, 5)))
        except Unliftable:
            return cls(name, stream)


Attack = Callable[[Sample, Sequence[Host], Draw], bytes | None]
"""Returns the attacked file, None where the attack does not fit."""


def attacks(longest: int = SIZES[-1]) -> dict[str, Attack]:
    """Return all attacks by name, `family: variant`; padding of at most `longest` opcodes."""
    table: dict[str, Attack] = {}
    for n in [size for size in SIZES if size <= longest]:
        table[f"append: 10^{len(str(n)) - 1}"] = _padded(append_padding, n)
        table[f"prepend: 10^{len(str(n)) - 1}"] = _padded(prepend_padding, n)
    table |= {f"junk: {n} between opcodes": _padded(junk_between, n) for n in (2, 20)}
    table |= {f"inject: {place}": _injected(place) for place in ("before", "start", "middle", "end", "behind")}
    table |= {"synonyms: opcode form and protocol": synonyms, "naming: same callee": reworded(RENAMING)}
    table |= {"hiding: arguments and calls": reworded(HIDING), "bland: handed to a harmless caller": reworded(BLAND)}
    table["nesting: a pickle that is decoded and loaded"] = nested
    table |= {f"parser breaker: {name}": _broken(name) for name in BREAKAGES}
    table |= {f"carrier: {name}": _carried(name) for name in CARRIERS if name != "bare"}
    return table


def _padded(pad: Callable[[bytes, int, Draw], bytes], n: int) -> Attack:
    def attack(sample: Sample, hosts: Sequence[Host], rng: Draw) -> bytes | None:
        try:
            return pad(sample.stream, n, rng)
        except ValueError:
            return None

    return attack


def _injected(position: str) -> Attack:
    def attack(sample: Sample, hosts: Sequence[Host], rng: Draw) -> bytes | None:
        for _ in range(8):
            spliced = splice(rng.choice(hosts).data, sample.stream, position, rng) if hosts else None
            if spliced is not None:
                return spliced
        return None

    return attack


def _broken(name: str) -> Attack:
    return lambda sample, hosts, rng: BREAKAGES[name](sample.stream, rng)


def _carried(name: str) -> Attack:
    return lambda sample, hosts, rng: CARRIERS[name](sample.stream, rng)


def nested(sample: Sample, hosts: Sequence[Host], rng: Draw) -> bytes | None:
    """Return a pickle that decodes and loads the sample's; undecoded ones are the carriers `nested-*`."""
    loader = Ref(*rng.choice((("pickle", "loads"), ("_pickle", "loads"), ("torch.storage", "_load_from_bytes"))))
    return spelled(Call(loader, (decoded(sample.stream, rng, as_text=False),)), style_for(rng), rng)


def spelled(expression: Any, style: Style, rng: Draw) -> bytes | None:
    """Return the pickle of an expression, None if the style cannot carry it."""
    try:
        return pickled(expression, style, rng, values.plain)
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError):
        return None


def synonyms(sample: Sample, hosts: Sequence[Host], rng: Draw) -> bytes | None:
    """Spell the same calls in other opcodes and another protocol."""
    if sample.style is None:
        return None
    style = style_for(rng)
    old_names = sample.style.protocol < 3  # a Python 2 name means nothing from protocol 3 on
    return spelled(sample.expression, with_protocol(style, min(style.protocol, 2)) if old_names else style, rng)


def reworded(techniques: Sequence[str]) -> Attack:
    """Return the attack that makes each call of an imported callee by one of these techniques."""

    def attack(sample: Sample, hosts: Sequence[Host], rng: Draw) -> bytes | None:
        if sample.style is None:
            return None
        changed = reworded_expression(sample.expression, techniques, rng, 1.0)
        protocol = rng.choice((4, 5)) if sample.style.protocol >= 3 else sample.style.protocol
        return spelled(changed, with_protocol(sample.style, protocol), rng)

    return attack


def reworded_expression(expression: Any, techniques: Sequence[str], rng: Draw, probability: float) -> Any:
    """Return an expression with its outermost calls of imported callees made by one of these techniques."""

    def change(value: Any) -> Any:
        if isinstance(value, Call) and isinstance(value.callee, Ref) and rng.random() < probability:
            ref = value.callee
            aim = Aim(Gadget(ref.module, ref.name, "call", ()), value.arguments)
            made = TECHNIQUES[rng.choice(techniques)][1](aim, rng)
            return value if made is None else made
        return rebuilt(value, change)

    return change(expression)


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value with `change` applied to each of its parts."""
    if isinstance(value, dict):
        return {key if isinstance(key, Node) else change(key): change(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(change(item) for item in value)
    if isinstance(value, Node) and is_dataclass(value) and not isinstance(value, Ref | Same):
        return replace(value, **{part.name: change(getattr(value, part.name)) for part in fields(value)})
    return value
