"""Random choices that know their split: test and validation see templates that train never sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import TypeVar

from train.corpus.splits import SPLITS

T = TypeVar("T")

MIN_POOL = 6
"""Options of a pool (count) from which on some are held out; smaller pools are shared by all splits."""
HELD_OUT = 0.15
"""Share of a pool that belongs to test, and to validation; at least one option each."""
OWN_SHARE = {"train": 0.0, "validation": 0.5, "test": 0.6}
"""Chance that a split draws one of its own held-out options, else one of train's (probability)."""


@cache
def held_out(n: int) -> dict[str, tuple[int, ...]]:
    """Return split to the indices of a pool of `n` that it owns, by a fixed hash; small pools are all train's."""
    if n < MIN_POOL:
        return {"train": tuple(range(n)), "validation": (), "test": ()}
    order = sorted(range(n), key=lambda i: hashlib.sha256(f"option {i} of {n}".encode()).digest())
    k = max(1, round(HELD_OUT * n))
    return {
        "train": tuple(sorted(order[2 * k :])),
        "validation": tuple(sorted(order[k : 2 * k])),
        "test": tuple(sorted(order[:k])),
    }


class Draw(Random):
    """A random generator for one split.

    `choice` is for plain values, which all splits share; `template` is for what gives an attack or a twin its shape.
    """

    def __init__(self, seed: int | str | None = None, split: str = "train") -> None:
        """Begin at a seed.

        Raises:
            ValueError: there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}")
        super().__init__(seed)
        self.split = split

    def template(self, options: Sequence[T]) -> T:
        """Return one of the options that the split may see: its own ones or train's."""
        owned = held_out(len(options))
        mine = owned[self.split] if self.random() < OWN_SHARE[self.split] else ()
        return options[self.choice(mine or owned["train"])]
