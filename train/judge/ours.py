"""safepickle-dl itself, on the slices of a row: what the scanner would score, without analysing the file again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from safepickle_dl.bundle import load_bundle, sigmoid
from safepickle_dl.ensemble import Ensemble
from train.data import arrays_of
from train.judge.detector import Floats, Row
from train.logits import SharedLogits

OURS = "safepickle-dl"


class SafepickleDL:
    """One bundle, or one of several that differ by their seed."""

    columns = ("tokens", "first", "channel", "grams")
    points = None

    def __init__(self, bundles: Sequence[Path | None], name: str = OURS) -> None:
        """`bundles` are already trained, one a seed; None is the one that ships with the package."""
        self.bundles = list(bundles)
        self.name = name

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Take the bundle number `seed`; there is nothing to learn here."""
        self.bundle = load_bundle(self.bundles[seed % len(self.bundles)])
        self.logits = SharedLogits(Ensemble(self.bundle))

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return the calibrated probability of each file, 0 for one without a call site."""
        return np.array([self._score(row) for row in rows], np.float64)

    def _score(self, row: Row) -> float:
        arrays = arrays_of(row)
        chosen = np.flatnonzero(arrays.channel == 0)
        if len(chosen) == 0:
            return 0.0
        return sigmoid(self.logits.highest(arrays, chosen))
