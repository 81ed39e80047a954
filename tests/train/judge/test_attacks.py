"""Attacks keep what the payload does: its calls are still there, as our own machine sees them."""

from __future__ import annotations

import pickle

import pytest

from safepickle_dl.analysis import analyse
from tests.assemble import site_texts
from train.corpus.draw import Draw
from train.corpus.files.hosts import Host
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import pairs
from train.judge.attacks import SIZES, Sample, attacks
from train.judge.search import mutated, search

HOSTS = [Host(pickle.dumps({"weights": list(range(40)), "name": "a"}, protocol=p), f"host{p}", "") for p in (2, 4)]
SYSTEM = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04echo\x85R."
ON_EXPRESSIONS = ("synonyms", "naming", "hiding", "bland", "nesting")
ON_BYTES = [name for name in attacks(10**3) if not name.startswith(ON_EXPRESSIONS)]


@pytest.mark.parametrize("name", ON_BYTES)
def test_attacks_on_bytes_keep_the_call(name: str) -> None:
    attacked = attacks(10**3)[name](Sample.of_stream("x", SYSTEM), HOSTS, Draw(1, "test"))
    assert attacked is not None and attacked != SYSTEM
    assert any("os.system ('echo',)" in text for text in site_texts(attacked))


def test_real_and_made_samples_can_be_reworded() -> None:
    made = [Sample.of_recipe(str(i), attack) for i, (attack, _) in enumerate(pairs(5, 20, "test", read_gadgets(), ()))]
    for name in ("synonyms: opcode form and protocol", "naming: same callee", "bland: handed to a harmless caller"):
        changed = [attacks()[name](sample, HOSTS, Draw(2, "test")) for sample in [Sample.of_stream("x", SYSTEM), *made]]
        found = [data for data in changed if data is not None]
        assert len(found) > 15
        assert all(analyse(data).streams for data in found)


def test_padding_has_the_size_that_its_name_says() -> None:
    for n in SIZES[:3]:
        name = f"append: 10^{len(str(n)) - 1}"
        data = attacks()[name](Sample.of_stream("x", SYSTEM), [], Draw(3, "test"))
        assert data is not None
        assert n <= sum(stream.machine.n_instructions for stream in analyse(data).streams) < n + 200


def test_search_finds_the_way_past_a_name_and_gives_up_where_there_is_none() -> None:
    def by_name(data: bytes) -> float:
        return float(any("os.system" in text or "posix.system" in text for text in site_texts(data)))

    sample = Sample.of_stream("x", SYSTEM)
    passed = search(sample, by_name, 0.5, 200, HOSTS, Draw(4, "test"))
    assert passed.evaded and passed.first_score == 1.0 and passed.queries < 200
    queries = 0

    def never(data: bytes) -> float:
        nonlocal queries
        queries += 1
        return 1.0

    caught = search(sample, never, 0.5, 25, HOSTS, Draw(4, "test"))
    assert not caught.evaded and queries <= 25


def test_a_mutation_changes_something() -> None:
    rng = Draw(5, "test")
    sample = Sample.of_stream("x", SYSTEM)
    changed = [mutated(sample, HOSTS, rng) for _ in range(30)]
    assert sum(one is not None and one.stream != SYSTEM for one in changed) > 20
