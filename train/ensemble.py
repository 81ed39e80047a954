"""How much each member counts: non-negative weights, calibration and thresholds, all from validation files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from safepickle_dl.ensemble import SliceClassifier
from train.data import FileDataset
from train.judge.metrics import threshold_for
from train.logits import distinct_keys

RATES = (0.001, 0.005, 0.01, 0.03)
"""Shares of honest files that the thresholds let through."""
ENOUGH = 3
"""Honest validation files above a threshold (count) from which on it is read off them; below, off the tail's shape."""
TAIL = 0.1
"""Share of the honest files that the shape of the tail is fitted to."""
ROUNDS = 12
"""Of choosing the highest slice of each file, and fitting the weights to it (count)."""
RIDGE = 1e-3
"""Of the weights, so that members that say the same share their weight."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MemberLogits:
    """The logits of all members on all slices of a data set's files, each distinct slice once.

    Legend: u distinct slices, m members.
    """

    logits: Floats
    """(u, m)."""
    slices: list[npt.NDArray[np.int64]]
    """Which of them each file has."""

    def highest(self, weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Return (n,) the highest weighted sum of each file, and which slice has it."""
        sums = self.logits @ weights
        best = np.array([chosen[np.argmax(sums[chosen])] for chosen in self.slices])
        return sums[best], best


def member_logits(members: Sequence[SliceClassifier], data: FileDataset) -> MemberLogits:
    """Ask every member about every slice of a data set."""
    known: dict[bytes, int] = {}
    rows: list[Floats] = []
    slices = []
    for arrays, chosen in zip(data.arrays, data.chosen, strict=True):
        keys = distinct_keys(arrays, chosen)
        new = {key: i for i, key in enumerate(keys) if key not in known}
        if new:
            fresh = chosen[list(new.values())]
            rows.append(np.stack([member.logits(arrays, fresh) for member in members], 1).astype(np.float64))
            known.update(zip(new, range(len(known), len(known) + len(new)), strict=True))
        slices.append(np.unique([known[key] for key in keys]))
    return MemberLogits(np.concatenate(rows), slices)


def fit_weights(logits: MemberLogits, labels: Floats) -> tuple[Floats, float]:
    """Return non-negative weights (m,) and an intercept: logistic regression on the highest slice of each file.

    Both classes weigh alike.
    """
    m = logits.logits.shape[1]
    weights, intercept = np.full(m, 1 / m), 0.0
    balance = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())
    signs = 2 * labels - 1

    for _ in range(ROUNDS):
        _, best = logits.highest(weights)
        x = logits.logits[best]

        def loss(p: Floats, x: Floats = x) -> tuple[float, Floats]:
            margin = signs * (x @ p[:-1] + p[-1])
            slope = -signs * balance / (1 + np.exp(np.clip(margin, -500, 500)))
            value = float((balance * np.logaddexp(0, -margin)).sum() + RIDGE * (p[:-1] ** 2).sum())
            return value, np.append(x.T @ slope + 2 * RIDGE * p[:-1], slope.sum())

        bounds = [(0.0, None)] * m + [(None, None)]
        found = minimize(loss, np.append(weights, intercept), jac=True, method="L-BFGS-B", bounds=bounds).x
        weights, intercept = found[:-1], float(found[-1])
    return weights, intercept


def calibrate(logits: Floats, labels: Floats) -> tuple[float, float]:
    """Return slope and intercept of Platt's logistic calibration, both classes weighted alike."""
    model = LogisticRegression(class_weight="balanced").fit(logits[:, None], labels)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def thresholds(honest: Floats, weights: Floats) -> dict[float, float]:
    """Return each of RATES to the logit that this share of honest files reaches.

    Where fewer than ENOUGH of the files would be above it, the tail is taken to fall off exponentially, as it does from
    its TAIL on, and the threshold is the higher of that and the highest file.

    Args:
        honest: (n,) logits of honest validation files.
        weights: (n,) how much each of them counts, such as `train.data.source_weights` returns.
    """
    n = weights.sum() ** 2 / (weights**2).sum()  # Kish's effective size
    start = threshold_for(honest, TAIL, weights)
    tail = honest >= start
    excess = float(np.average(honest[tail] - start, weights=weights[tail])) if tail.any() else 0.0
    found: dict[float, float] = {}
    lowest = -np.inf
    for rate in sorted(RATES, reverse=True):
        if rate * n >= ENOUGH:
            logit = threshold_for(honest, rate, weights)
        else:
            logit = max(float(np.nextafter(honest.max(), np.inf)), start + excess * float(np.log(TAIL / rate)))
        lowest = max(lowest, logit)
        found[rate] = lowest
    return dict(sorted(found.items()))
