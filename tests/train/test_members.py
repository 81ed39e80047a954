"""What each member is worth, on a handful of files whose logits are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from train.ensemble import MemberLogits
from train.members import HEAD, as_report, choices, figures

GROUPS = ["malicious-strict"] * 20 + ["made-malicious"] * 20 + ["dump"] * 200 + ["made-benign"] * 20


class Files:
    """What the table asks of a `FileDataset`."""

    labels = (1.0,) * 40 + (0.0,) * 220
    groups = GROUPS
    sources = tuple(f"{group} {i}" for i, group in enumerate(GROUPS))

    def __len__(self) -> int:
        return len(GROUPS)


def test_every_choice_once() -> None:
    assert choices(["a", "b", "c"]) == [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]


def test_figures_of_a_detector_that_takes_half_of_the_twins_for_attacks() -> None:
    data: Any = Files()
    scores = np.concatenate([np.full(20, 3.0), np.full(20, 2.0), np.linspace(-2, 1, 200), np.tile([2.5, -1.0], 10)])
    found = figures(scores, data)
    strict, loose, precision = found[:3], found[3:6], found[6:]
    assert strict == loose == [1.0, 1.0, 0.5]
    assert precision == [pytest.approx(0.5, abs=0.2), 1.0]


def test_report_has_a_row_for_each_choice_and_gives_a_useless_member_no_weight() -> None:
    data: Any = Files()
    random = np.random.default_rng(0)
    logits = random.normal(0, 1, (len(GROUPS), 2)) + np.array([[6.0 * label, 0.0] for label in data.labels])
    bundle: Any = SimpleNamespace(members={"good": None, "noise": None}, version="test 1.0")
    known = MemberLogits(logits, [np.array([i]) for i in range(len(GROUPS))])
    rows = as_report(bundle, data, known).partition(HEAD[1] + "\n")[2].splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| good", "| noise", "| good, noise"]
    good, noise = map(float, rows[2].split(" | ")[1].split(", "))
    assert good > 10 * noise
