from __future__ import annotations

import numpy as np
import pytest

from train.judge.metrics import calibration_error, clopper_pearson, share, spread, summary, threshold_for


def test_clopper_pearson_known_values() -> None:
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert clopper_pearson(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert clopper_pearson(10, 10) == pytest.approx((0.6915, 1.0), abs=1e-4)
    assert share(0, 0)["share"] is None


def test_threshold_keeps_its_rate() -> None:
    negatives = np.arange(100.0)
    for fpr in (0.01, 0.03, 0.1):
        assert (negatives >= threshold_for(negatives, fpr)).mean() == pytest.approx(fpr)
    assert (negatives >= threshold_for(negatives, 0.001)).sum() == 0


def test_threshold_never_lets_equal_scores_in_by_half() -> None:
    for negatives in (np.zeros(100), np.repeat([0.2, 0.9], 50), np.array([0.1] * 97 + [0.7] * 3)):
        for fpr in (0.001, 0.01, 0.02):
            assert (negatives >= threshold_for(negatives, fpr)).mean() <= fpr
    assert threshold_for(np.array([0.1] * 97 + [0.7] * 3), 0.05) < 0.7


def test_threshold_weighs_files() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    assert 0.8 < threshold_for(scores, 0.05, np.array([5, 4, 0.9, 0.1])) < 0.9
    assert 0.2 < threshold_for(scores, 0.1, np.array([5, 4, 0.5, 0.5])) < 0.8


def test_perfect_calibration_has_no_error() -> None:
    probabilities = np.repeat([0.1, 0.5, 0.9], 10)
    labels = np.array([1] + [0] * 9 + [1] * 5 + [0] * 5 + [1] * 9 + [0])
    assert calibration_error(probabilities, labels, np.ones(30)) == pytest.approx(0, abs=1e-12)
    assert calibration_error(np.ones(10), np.zeros(10), np.ones(10)) == 1.0


def test_summary_counts() -> None:
    result = summary(np.array([0.9, 0.2, 0.8, 0.1]), np.array([1, 1, 0, 0]), {"p": 0.5}, calibrated=True)
    assert result["points"]["p"]["recall"]["hits"] == 1 and result["points"]["p"]["fpr"]["hits"] == 1
    assert result["recall_at_realised"] == 0.5  # one of the two is above every honest file
    assert result["auroc"] == 0.75 and 0 < result["ece"] < 1 and 0 < result["brier"] < 1
    assert "auroc" not in summary(np.array([0.9]), np.array([0]), {"p": 0.5}, calibrated=False)


def test_spread() -> None:
    assert spread([1.0, 3.0]) == {"mean": 2.0, "std": round(2**0.5, 5), "seeds": 2}
    assert spread([1.0])["std"] == 0.0
