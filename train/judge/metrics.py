"""Rates with exact intervals, and the other figures that the report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import beta
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from train.judge.detector import Floats

FPRS = {"1 %": 0.01, "0.5 %": 0.005, "0.1 %": 0.001}
"""Operating points: name to the share of honest validation files that is let through the threshold."""
REALISED = 0.005
"""Share of the honest files of a test set itself at which detectors are compared, whatever their thresholds do."""
ECE_BINS = 15
SLACK = 1e-9
"""Of a share, for sums of floats."""


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact confidence interval of a share (Clopper and Pearson 1934)."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def share(hits: int, n: int) -> dict[str, Any]:
    """Return a share with its 95 % interval; of nothing, None."""
    if n == 0:
        return {"hits": 0, "files": 0, "share": None, "low": 0.0, "high": 1.0}
    low, high = clopper_pearson(hits, n)
    return {"hits": hits, "files": n, "share": round(hits / n, 5), "low": round(low, 5), "high": round(high, 5)}


def threshold_for(negatives: Floats, fpr: float, weights: Floats | None = None) -> float:
    """Return the lowest threshold with at most a share `fpr` of the negatives at or above it.

    It is put half-way to the next lower negative's score, so that it does not sit on top of one file.

    Args:
        negatives: (n,) scores; equal ones stay together.
        fpr: 0 to 1.
        weights: (n,) how much each counts; None: all alike.
    """
    scores, which = np.unique(negatives, return_inverse=True)
    weight = np.bincount(which, weights, len(scores))
    above = np.cumsum(weight[::-1])[::-1] / weight.sum()  # share at or above each score
    lowest = int(np.searchsorted(-above, -fpr - SLACK))
    if lowest == len(scores):
        return float(np.nextafter(scores[-1], np.inf))
    return float((scores[lowest] + scores[max(lowest - 1, 0)]) / 2)


def calibration_error(probabilities: Floats, labels: Floats, weights: Floats) -> float:
    """Return the expected calibration error over equally wide bins (Naeini et al. 2015)."""
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    error = 0.0
    for b in range(ECE_BINS):
        inside = bins == b
        if inside.any():
            weight = weights[inside]
            error += abs(np.average(labels[inside] - probabilities[inside], weights=weight)) * weight.sum()
    return float(error / weights.sum())


def summary(scores: Floats, labels: Floats, thresholds: Mapping[str, float], calibrated: bool) -> dict[str, Any]:
    """Return the figures of one detector on one set.

    Args:
        scores: (n,) the higher the worse.
        labels: (n,) 1 for malicious.
        thresholds: operating point to threshold.
        calibrated: whether the scores are probabilities; Brier score and calibration error, both classes weighted
            alike, make sense then.
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    result: dict[str, Any] = {"malicious": len(positive), "benign": len(negative), "points": {}}
    for name, threshold in thresholds.items():
        flagged = scores >= threshold
        result["points"][name] = {
            "threshold": threshold,
            "recall": share(int((positive >= threshold).sum()), len(positive)),
            "fpr": share(int((negative >= threshold).sum()), len(negative)),
            "f1": round(float(f1_score(labels, flagged, zero_division=0)), 5),
        }
    if len(positive) and len(negative):
        result["auroc"] = round(float(roc_auc_score(labels, scores)), 5)
        realised = threshold_for(negative, REALISED)
        result["recall_at_realised"] = round(float((positive >= realised).mean()), 5)
        result["average_precision"] = round(float(average_precision_score(labels, scores)), 5)
        if calibrated:
            weights = np.where(labels == 1, 0.5 / len(positive), 0.5 / len(negative))
            result["brier"] = round(float(brier_score_loss(labels, scores, sample_weight=weights)), 5)
            result["ece"] = round(calibration_error(scores, labels, weights), 5)
    return result


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean and sample standard deviation over seeds."""
    array = np.asarray(values, np.float64)
    return {
        "mean": round(float(array.mean()), 5),
        "std": round(float(array.std(ddof=1)), 5) if len(array) > 1 else 0.0,
        "seeds": len(array),
    }
