"""The released scanners, each in an environment of its own (`python -m benchmarks.peers install`).

Nothing of theirs is imported. Their verdicts are their operating points: `flagged` is their own malicious level, `strict`
anything but clean. A file that one cannot scan is no detection, and counted apart.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers import scan
from train.judge.detector import Floats, Row

SCORES = {"malicious": 1.0, "suspicious": 0.5, "error": 0.0, "clean": 0.0}


class Peer:
    """One of them."""

    columns = ("data",)
    points = {"flagged": 0.75, "strict": 0.25}  # noqa: RUF012  (a constant of the class, as the protocol asks)

    def __init__(self, name: str, folder: Path) -> None:
        """`folder` has the environments."""
        self.name = name
        self.folder = folder
        self.errors: Counter[str] = Counter()

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Learn nothing."""

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Write the files to a temporary folder, scan them, and return the scores of their verdicts."""
        with tempfile.TemporaryDirectory(prefix="safepickle-judge-") as folder:
            paths = []
            for number, row in enumerate(rows):
                paths.append(Path(folder) / f"{number:06}{Path(row['file']).suffix or '.pkl'}")
                paths[-1].write_bytes(row["data"])
            results = scan(self.name, paths, self.folder)
        self.errors.update(result.verdict for result in results)
        return np.array([SCORES[result.verdict] for result in results], np.float64)
