"""What is judged: anything that gives each file a score, the higher the worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Row = Mapping[str, Any]
Floats = npt.NDArray[np.float64]

MIXTURE = {
    "malicious-strict": 12, "made-malicious": 12,
    "benign": 12, "benign-hard": 3, "fixture": 2, "made-benign": 6, "dump": 5, "dump-hard": 3,
}  # fmt: skip
"""How much each group of files weighs in training, whatever its size: as for the net (`configs/sequence.yaml`)."""


class Detector(Protocol):
    """Scores files by some columns of their rows."""

    name: str
    columns: tuple[str, ...]
    """The columns of a row that it reads."""
    points: Mapping[str, float] | None
    """Its own operating points, name to threshold, if it has no score to put a threshold on."""

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Learn from the rows of the training split; choices between variants may look at validation."""

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return (n,) the score of each row."""


def labels_of(rows: Sequence[Row]) -> Floats:
    """Return (n,) 1 for malicious, 0 for honest."""
    return np.array([row["label"] for row in rows], np.float64)


def is_ordinary(row: Row) -> bool:
    """Return whether a file is honest and one that people could meet: no twin, which is made to look like an attack."""
    return not row["label"] and row["group"] != "made-benign"


def weights_of(rows: Sequence[Row]) -> Floats:
    """Return (n,) the weight of each row, so that each group weighs what MIXTURE says; they add up to n."""
    counts = Counter(row["group"] for row in rows)
    weights = np.array([MIXTURE.get(row["group"], 0) / counts[row["group"]] for row in rows], np.float64)
    return weights * len(rows) / weights.sum()


def sampled(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    """Return `n` rows drawn by their weights, with replacement: for learners that take no weights or no crowds."""
    weights = weights_of(rows)
    chosen = np.random.default_rng(seed).choice(len(rows), n, p=weights / weights.sum())
    return [rows[i] for i in chosen]
