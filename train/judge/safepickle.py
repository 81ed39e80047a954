"""SafePickle reproduced: normalised opcode frequencies into six learners (Ohayon, Gilkarov, Dubin, arXiv 2602.19818).

RandomForest and CatBoost learn from labels; the autoencoder, LocalOutlierFactor, IsolationForest and OneClassSVM from
honest files alone. The paper names no hyper-parameters that would matter here: the libraries' defaults are taken. Those
who learn from labels are fitted twice, on the real files alone (as in the paper) and on everything, and validation
decides which one is judged.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import average_precision_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPRegressor
from sklearn.svm import OneClassSVM

from safepickle_dl.core import opcodes as op
from train.data import JUDGED_GROUPS
from train.judge.detector import Floats, Row, labels_of, sampled, weights_of

CODES = sorted(op.ARGUMENTS)
"""The 68 opcodes, in the order of the vector."""
N_HONEST = 4000
"""Honest files, drawn by weight, that those without labels learn from (count): they are quadratic."""


def frequencies(rows: Sequence[Row]) -> Floats:
    """Return (n, 68) the share of each opcode among the instructions of each file."""
    counts = np.array([row["counts"] for row in rows], np.float64).reshape(len(rows), 256)[:, CODES]
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


class _OfFrequencies:
    """What all six have in common."""

    columns = ("counts",)
    points = None

    def __init__(self, name: str, make: Callable[[int], Any]) -> None:
        """`make` returns the unfitted learner for a seed."""
        self.name = name
        self._make = make


class Supervised(_OfFrequencies):
    """A classifier of opcode frequencies."""

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Fit on real files and on all files; keep what has the better average precision on validation."""
        best = -1.0
        for rows in ([row for row in train if row["group"] in JUDGED_GROUPS], list(train)):
            if len({row["label"] for row in rows}) < 2:
                continue  # a corpus without real files
            model = self._make(seed).fit(frequencies(rows), labels_of(rows), sample_weight=weights_of(rows))
            precision = average_precision_score(labels_of(validation), _positive(model, validation))
            if precision > best:
                best, self.model = precision, model

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return the probability of malicious."""
        return _positive(self.model, rows)


def _positive(model: Any, rows: Sequence[Row]) -> Floats:
    probabilities: Floats = np.asarray(model.predict_proba(frequencies(rows)), np.float64)[:, 1]
    return probabilities


class Unsupervised(_OfFrequencies):
    """How unusual the opcode frequencies of a file are among those of honest files.

    Its learner is a novelty detector: the higher `score_samples`, the more usual.
    """

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Fit on honest files."""
        honest = [row for row in train if not row["label"]]
        self.model = self._make(seed).fit(frequencies(sampled(honest, N_HONEST, seed)))

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return how unusual."""
        return -np.asarray(self.model.score_samples(frequencies(rows)), np.float64)


class Autoencoder:
    """A bottleneck net that reproduces what is usual; `score_samples` is minus the squared error."""

    def __init__(self, seed: int) -> None:
        """68 to 32 to 8 to 32 to 68, as small as the data asks for."""
        self.net = MLPRegressor(hidden_layer_sizes=(32, 8, 32), random_state=seed, max_iter=300, early_stopping=True)

    def fit(self, x: Floats) -> Autoencoder:
        """Fit."""
        self.mean, self.deviation = x.mean(0), x.std(0) + 1e-3
        scaled = (x - self.mean) / self.deviation
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it stops at max_iter: good enough
            self.net.fit(scaled, scaled)
        return self

    def score_samples(self, x: Floats) -> Floats:
        """Return minus the mean squared error of each row."""
        scaled = (x - self.mean) / self.deviation
        error: Floats = -((self.net.predict(scaled) - scaled) ** 2).mean(1)
        return error


def catboost(seed: int) -> Any:
    """Return CatBoost's classifier with its defaults, silent.

    Raises:
        ImportError: CatBoost is not installed (extra `judge`).
    """
    from catboost import CatBoostClassifier

    return CatBoostClassifier(random_seed=seed, verbose=False, allow_writing_files=False, thread_count=2)


def random_forest(seed: int) -> Any:
    """Return scikit-learn's random forest with its defaults."""
    return RandomForestClassifier(random_state=seed)


SAFEPICKLE: tuple[Callable[[], Supervised | Unsupervised], ...] = (
    partial(Supervised, "SafePickle RandomForest", random_forest),
    partial(Supervised, "SafePickle CatBoost", catboost),
    partial(Unsupervised, "SafePickle autoencoder", Autoencoder),
    partial(Unsupervised, "SafePickle LocalOutlierFactor", lambda seed: LocalOutlierFactor(novelty=True)),
    partial(Unsupervised, "SafePickle IsolationForest", lambda seed: IsolationForest(random_state=seed)),
    partial(Unsupervised, "SafePickle OneClassSVM", lambda seed: OneClassSVM(nu=0.05)),
)
"""Makers of the six."""
