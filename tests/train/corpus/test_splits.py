from __future__ import annotations

import pytest

from train.corpus.splits import SPLITS, owner_of, split_of

PERCENT = {"train": 60, "validation": 18, "test": 22}


def test_owner_is_folded() -> None:
    assert owner_of("PromptFoo/modelaudit") == "promptfoo"


def test_named_owners_win() -> None:
    assert all(split_of("x", {split: ["x"]}, PERCENT) == split for split in SPLITS)


def test_shares_are_kept_and_stable() -> None:
    splits = [split_of(f"owner{i}", {}, PERCENT) for i in range(5000)]
    assert splits == [split_of(f"owner{i}", {}, PERCENT) for i in range(5000)]
    for split, percent in PERCENT.items():
        assert abs(splits.count(split) / 50 - percent) < 3


def test_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 90"):
        split_of("x", {}, {"train": 90})
    with pytest.raises(ValueError, match="named in several splits"):
        split_of("x", {"train": ["x"], "test": ["x"]}, PERCENT)
