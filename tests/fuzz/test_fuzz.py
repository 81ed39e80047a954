"""A little of what `make fuzz` does, and every input that once failed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from safepickle_dl.core import opcodes as op
from tests.assemble import lex
from tests.fuzz.__main__ import TARGETS, Inputs, failing
from tests.fuzz.generate import generate

FAILURES = sorted((Path(__file__).parent / "failures").glob("*.bin"))


@pytest.mark.parametrize("path", FAILURES, ids=lambda path: path.name)
def test_past_failures(path: Path) -> None:
    for _, target in TARGETS:
        assert failing(target, path.read_bytes()) == ""


def test_a_few_thousand_inputs() -> None:
    inputs = Inputs(1, n_pickles=200, n_wrapped=1)
    for i in range(1500):
        data = inputs.next()
        for share, target in TARGETS[: len(TARGETS) if i % 30 == 0 else 2]:
            assert failing(target, data) == "", (share, data)


def test_the_generator_uses_every_opcode() -> None:
    seen: Counter[str] = Counter()
    for seed in range(600):
        seen.update(name for name, _, _ in lex(generate(seed)))
    assert {op.NAMES[code] for code in op.ARGUMENTS} <= set(seen)
    assert not any(op.NAMES[code] in seen for code in (op.TRUNCATED, op.BAD_OPCODE))
    assert generate(5) == generate(5)
    assert len({generate(seed) for seed in range(100)}) == 100


def test_the_seed_decides() -> None:
    first, second = Inputs(3, n_pickles=20, n_wrapped=1), Inputs(3, n_pickles=20, n_wrapped=1)
    assert [first.next() for _ in range(20)] == [second.next() for _ in range(20)]
