"""Templates of one split do not reach another: by construction, and measured on what is made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any

import pytest

from train.corpus.attacks.bland import Composition
from train.corpus.draw import MIN_POOL, Draw, held_out
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import pairs, payload_of

GADGETS = read_gadgets()
N = 100


def test_small_pools_are_shared() -> None:
    for n in range(1, MIN_POOL):
        assert held_out(n) == {"train": tuple(range(n)), "validation": (), "test": ()}
        assert {Draw(seed, "test").template(range(n)) for seed in range(200)} == set(range(n))


@pytest.mark.parametrize("n", [6, 7, 20, 115])
def test_each_option_of_a_large_pool_has_one_home(n: int) -> None:
    owned = held_out(n)
    assert sorted(i for part in owned.values() for i in part) == list(range(n))
    assert len(owned["test"]) == len(owned["validation"]) == max(1, round(0.15 * n))


def test_draws_depend_on_the_seed_alone() -> None:
    for split in ("train", "validation", "test"):
        draws = [[Draw(seed, split).template(range(50)) for seed in range(40)] for _ in range(2)]
        assert draws[0] == draws[1]
        assert len(set(draws[0])) > 5
    assert Draw("seed").random() == Draw("seed", "test").random()


def test_a_split_draws_its_own_options_and_trains() -> None:
    owned = held_out(30)
    seen = {split: [Draw(seed, split).template(range(30)) for seed in range(2000)] for split in owned}
    assert set(seen["train"]) == set(owned["train"])
    assert set(seen["validation"]) == {*owned["train"], *owned["validation"]}
    assert set(seen["test"]) == {*owned["train"], *owned["test"]}
    assert sum(i in owned["test"] for i in seen["test"]) > 1000
    assert 800 < sum(i in owned["validation"] for i in seen["validation"]) < 1200


def test_there_are_three_splits() -> None:
    with pytest.raises(ValueError, match="no split"):
        Draw(0, "holdout")


class Spy:
    """Remembers which templates were drawn, and which ones test owns."""

    def __init__(self) -> None:
        self.drawn: set[Any] = set()
        self.owned_by_test: set[Any] = set()
        self.trains: set[Any] = set()

    def template(self, draw: Draw, options: Sequence[Any]) -> Any:
        option = _template(draw, options)
        if all(key_of(o) for o in options):
            owned = held_out(len(options))
            self.drawn.add(key_of(option))
            self.owned_by_test |= {key_of(options[i]) for i in owned["test"]}
            self.trains |= {key_of(options[i]) for i in owned["train"]}
        return option


_template = Draw.template


def key_of(option: Any) -> Any:
    """Return what a template is known by: the code of a function, or the script of a row; None for plain values."""
    return option.attack if isinstance(option, Composition) else getattr(option, "__code__", None)


def constants(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from constants(constant)
        elif isinstance(constant, str):
            yield constant


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[Spy, bytes]]:
    """Return split to what was drawn and the bytes of its payloads."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for split in ("train", "test"):
            spy = Spy()
            patch.setattr(Draw, "template", lambda self, options, spy=spy: spy.template(self, options))
            recipes = [recipe for pair in pairs(0, N, split, GADGETS, []) for recipe in pair]
            found[split] = spy, b"\n".join(payload_of(recipe) for recipe in recipes)
    return found


def test_train_draws_no_template_of_test(made: dict[str, tuple[Spy, bytes]]) -> None:
    (train, _), (test, _) = made["train"], made["test"]
    owned = train.owned_by_test | test.owned_by_test
    assert len(test.drawn & owned) > 50
    assert not train.drawn & owned


def test_texts_of_held_out_templates_are_absent_from_train(made: dict[str, tuple[Spy, bytes]]) -> None:
    (train, train_bytes), (test, test_bytes) = made["train"], made["test"]
    codes = {code for code in test.owned_by_test if inspect.iscode(code) and code.co_filename.endswith("payloads.py")}
    everywhere = {c for code in train.trains | test.trains if inspect.iscode(code) for c in constants(code)}
    distinctive = {c for code in codes for c in constants(code) if len(c) > 8} - everywhere
    raw = [c.encode() for c in distinctive if c.isascii() and "\n" not in c]
    assert len(raw) > 3
    assert sum(part in test_bytes for part in raw) > 1
    assert [part for part in raw if part in train_bytes] == []
