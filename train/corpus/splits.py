"""Which owner's files train, validate and test: fixed before anything is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

SPLITS = ("train", "validation", "test")


def owner_of(source: str) -> str:
    """Return the owner of `owner/repository`, folded to lower case."""
    return source.partition("/")[0].lower()


def split_of(owner: str, named: Mapping[str, Sequence[str]], percent: Mapping[str, int]) -> str:
    """Return the split of an owner: where the configuration names it, else by the hash of its name.

    Args:
        owner: as `owner_of` returns it.
        named: split to owners that were put there by hand (those with so many files that a hash would be a gamble).
        percent: split to its share of the other owners; the shares add up to 100.

    Raises:
        ValueError: the shares do not add up to 100, or an owner is named twice.
    """
    if sum(percent.values()) != 100:
        raise ValueError(f"the split percentages add up to {sum(percent.values())}, not 100")
    homes = [split for split in SPLITS if owner in named.get(split, ())]
    if len(homes) > 1:
        raise ValueError(f"owner {owner!r} is named in several splits: {', '.join(homes)}")
    if homes:
        return homes[0]
    ticket = int(hashlib.sha256(owner.encode()).hexdigest(), 16) % 100
    for split in SPLITS:
        ticket -= percent.get(split, 0)
        if ticket < 0:
            return split
    raise AssertionError("unreachable: the shares add up to 100")
