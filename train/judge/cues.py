"""The trivial-cue classifier: size, opcode count, protocol, streams and container, nothing of what the file does.

What it can tell apart, the data gives away; it shows how much of any other detector's success is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from train.judge.detector import Floats, Row, labels_of, weights_of


class TrivialCues:
    """Gradient-boosted trees on what any `ls` and a counter know."""

    name = "trivial cues"
    columns = ("size", "opcodes", "protocol", "n_streams", "container")
    points = None

    def fit(self, train: Sequence[Row], validation: Sequence[Row], seed: int) -> None:
        """Fit on all files."""
        self.containers = {name: i for i, name in enumerate(sorted({row["container"] for row in train}))}
        self.model = HistGradientBoostingClassifier(random_state=seed, categorical_features=[4])
        self.model.fit(self._cues(train), labels_of(train), sample_weight=weights_of(train))

    def scores(self, rows: Sequence[Row]) -> Floats:
        """Return the probability of malicious."""
        probabilities: Floats = self.model.predict_proba(self._cues(rows))[:, 1]
        return probabilities

    def _cues(self, rows: Sequence[Row]) -> Floats:
        return np.array(
            [
                [
                    np.log1p(row["size"]),
                    np.log1p(row["opcodes"]),
                    row["protocol"],
                    row["n_streams"],
                    self.containers.get(row["container"], len(self.containers)),
                ]
                for row in rows
            ],
            np.float64,
        ).reshape(len(rows), 5)


def cue_report(train: Sequence[Row], test: Sequence[Row], seed: int = 0) -> dict[str, float]:
    """Return the AUROC of trivial cues on other files: of made pairs alone, of real files alone, and of all.

    Each is fitted on the same kind of files that it is tested on. Near 0.5: the cue says nothing.
    """
    report = {}
    for name, origins in (("made", ("made",)), ("real", ("real",)), ("all", ("made", "real", "dump"))):
        ours = [row for row in train if row["origin"] in origins and row["group"] != "malicious-weak"]
        theirs = [row for row in test if row["origin"] in origins and row["group"] != "malicious-weak"]
        if len({row["label"] for row in ours}) < 2 or len({row["label"] for row in theirs}) < 2:
            continue
        cues = TrivialCues()
        cues.fit(ours, theirs, seed)
        report[name] = round(float(roc_auc_score(labels_of(theirs), cues.scores(theirs))), 4)
    return report
