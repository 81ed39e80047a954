"""By construction: whatever stands around a payload, and whatever becomes of its result, its slices stay the same."""

from __future__ import annotations

import pickle

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from train.corpus.draw import Draw
from train.corpus.files.hosts import Host
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import pairs
from train.corpus.rows import slice_keys
from train.judge.attacks import Sample, attacks

HOSTS = [Host(pickle.dumps({"weights": list(range(40)), "name": "a"}, protocol=p), f"host{p}", "") for p in (2, 3, 4)]
SAMPLES = [
    Sample.of_recipe(str(i), attack) for i, (attack, _) in enumerate(pairs(11, 25, "test", read_gadgets(), HOSTS))
]
FAMILIES = ("append", "prepend", "junk", "inject", "parser breaker", "carrier")


def keys(data: bytes) -> set[bytes]:
    arrays = SliceArrays.of(analyse(data).slices)
    return {key for key, channel in zip(slice_keys(arrays), arrays.channel, strict=True) if channel == 0}


@pytest.mark.parametrize("name", [name for name in attacks(10**3) if name.startswith(FAMILIES)])
def test_no_slice_is_lost(name: str) -> None:
    attack = attacks(10**3)[name]
    for i, sample in enumerate(SAMPLES):
        attacked = attack(sample, HOSTS, Draw(f"{name} {i}", "test"))
        if attacked is not None:
            assert keys(sample.stream) <= keys(attacked), f"{name}: sample {i}"
