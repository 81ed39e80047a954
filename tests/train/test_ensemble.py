"""What the members weigh: never less than nothing, more for the better one; and thresholds that keep their order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from train.data import source_weights
from train.ensemble import RATES, MemberLogits, calibrate, fit_weights, thresholds

RANDOM = np.random.default_rng(0)


def made_files(n: int) -> tuple[MemberLogits, npt.NDArray[np.float64]]:
    """Return files of three slices each; member 0 knows, member 1 guesses, member 2 is wrong."""
    labels = (np.arange(n) % 2).astype(np.float64)
    logits = RANDOM.normal(-2, 1, (3 * n, 3))
    bad = np.flatnonzero(labels == 1) * 3
    logits[bad, 0] += 4
    logits[bad, 1] += 1
    logits[bad, 2] -= 4
    return MemberLogits(logits, [np.arange(3 * i, 3 * i + 3) for i in range(n)]), labels


def test_no_weight_is_negative_and_the_better_member_weighs_more() -> None:
    logits, labels = made_files(400)
    weights, intercept = fit_weights(logits, labels)
    assert (weights >= 0).all() and weights[0] > weights[1] > 0
    assert weights[2] == pytest.approx(0, abs=1e-3)
    probabilities = 1 / (1 + np.exp(-(logits.highest(weights)[0] + intercept)))
    assert ((probabilities > 0.5) == (labels == 1)).mean() > 0.95
    assert probabilities.mean() == pytest.approx(0.5, abs=0.05)


def test_highest_is_the_highest_sum_of_one_slice() -> None:
    logits = MemberLogits(np.array([[1.0, 0.0], [0.0, 3.0], [5.0, 5.0]]), [np.array([0, 1]), np.array([2])])
    sums, best = logits.highest(np.array([1.0, 0.5]))
    assert sums.tolist() == [1.5, 7.5] and best.tolist() == [1, 2]


def test_calibration_of_one_member() -> None:
    logits, labels = made_files(400)
    slope, intercept = calibrate(logits.highest(np.eye(3)[0])[0], labels)
    assert slope > 0
    assert -2 < -intercept / slope < 2  # where the probability is a half


def test_thresholds_let_through_what_they_say() -> None:
    honest = RANDOM.exponential(1.0, 2000)
    found = thresholds(honest, np.ones(len(honest)))
    assert list(found) == sorted(RATES)
    values = list(found.values())
    assert values == sorted(values, reverse=True)
    for rate in (0.005, 0.01, 0.03):
        assert (honest >= found[rate]).mean() == pytest.approx(rate, abs=1e-3)


def test_a_rate_that_few_files_can_show_is_read_off_the_tail() -> None:
    honest = RANDOM.exponential(1.0, 300)
    assert thresholds(honest, np.ones(300))[0.001] >= honest.max()
    assert thresholds(honest, np.ones(300))[0.001] == pytest.approx(np.log(1000), rel=0.3)


def test_equal_scores_give_no_infinite_threshold() -> None:
    assert np.isfinite(list(thresholds(np.zeros(50), np.ones(50)).values())).all()


def test_a_library_with_many_files_does_not_set_the_threshold_alone() -> None:
    sources = ["loud"] * 100 + [f"quiet {i}" for i in range(899)]
    honest = np.concatenate([np.full(100, 5.0), RANDOM.normal(0, 1, 899)])
    by_source = thresholds(honest, source_weights(sources))
    assert by_source[0.03] < 5 <= thresholds(honest, np.ones(999))[0.03]
