"""Recipes that are tables of expressions: one library, the names in scope, what to make."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from train.corpus.dumps.items import ANY, Item, family
from train.corpus.dumps.names import Names


def table(library: str, module: str, scope: Mapping[str, str], expressions: Sequence[str], repeats: int = 3) -> None:
    """Register a recipe that evaluates expressions.

    Args:
        library: name of the distribution.
        module: what to import to see whether it is there.
        scope: name to the module that it stands for in the expressions; a `:name` behind it picks one out of it.
        expressions: Python, where {n} and {x} are numbers, {f} a name, {t} a quoted text; other braces are doubled.
        repeats: how often each is evaluated, with other numbers, names and company.
    """

    def recipe(rng: Random) -> Iterator[Item]:
        """Yield the objects that the expressions make, under varied names and in varied company."""
        n = Names(rng)
        for _ in range(repeats):
            for expression in expressions:
                yield Item(f"{library}.{expression}", partial(_evaluated, n, expression, scope), ANY)

    family(library, module)(recipe)


def _evaluated(n: Names, expression: str, scope: Mapping[str, str]) -> Any:
    names = {name: _named(path) for name, path in scope.items()}
    numbers = {"n": n.rng.randrange(3, 30), "x": round(n.rng.random(), 4)}
    value = eval(expression.format(**numbers, f=n.field(), t=repr(n.text())), names)  # our own constants
    return n.rng.choice((value, value, {n.field(): value, **n.state()}, [value, n.text()]))


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    made = importlib.import_module(module)
    return getattr(made, name) if name else made
