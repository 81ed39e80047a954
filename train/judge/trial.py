"""One detector before the judge: fitted, thresholds from validation, then every test set and every attack."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from train.data import source_of, source_weights
from train.judge.detector import Detector, Floats, Row, is_ordinary, labels_of
from train.judge.metrics import FPRS, share, spread, summary, threshold_for
from train.judge.sets import FileSet


@dataclass
class Attacked:
    """Samples before and after one attack, those that the attack does not fit left out."""

    name: str
    samples: list[int]
    """Which samples."""
    rows: list[Row | None]
    """What became of each; None: nothing in it is found to be a pickle, which counts as a miss."""


@dataclass
class Trial:
    """What one detector did with one seed."""

    thresholds: dict[str, float]
    validation: Floats
    test: Floats
    clean: Floats
    """Scores of the samples of the attacks, before them."""
    attacked: dict[str, Floats] = field(default_factory=dict)
    seconds_per_file: float = 0.0
    """To score a file of the test split once it is analysed (of peers: to scan it)."""


def run_trial(
    detector: Detector,
    seed: int,
    splits: Mapping[str, Sequence[Row]],
    samples: Sequence[Row],
    attacked: Sequence[Attacked],
) -> Trial:
    """Fit a detector and score everything. Thresholds let a share of the ordinary honest validation files through.

    Each owner and library counts by the root of its number of files: the question is what one never seen before does.

    Args:
        detector: anew for each seed.
        seed: of its fit.
        splits: `train`, `validation` and `test` to their rows.
        samples: rows of the unattacked samples.
        attacked: what became of them.
    """
    detector.fit(splits["train"], splits["validation"], seed)
    validation = detector.scores(splits["validation"])
    start = time.perf_counter()
    test = detector.scores(splits["test"])
    seconds = (time.perf_counter() - start) / max(1, len(test))
    rows = splits["validation"]
    honest = [i for i, row in enumerate(rows) if is_ordinary(row)] or np.flatnonzero(labels_of(rows) == 0).tolist()
    weights = source_weights([source_of(rows[i]) for i in honest])
    thresholds = dict(
        detector.points or {name: threshold_for(validation[honest], fpr, weights) for name, fpr in FPRS.items()}
    )
    trial = Trial(thresholds, validation, test, detector.scores(samples), seconds_per_file=seconds)
    for attack in attacked:
        is_found = np.array([row is not None for row in attack.rows], bool)
        scores = np.full(len(attack.rows), -np.inf)
        if is_found.any():
            scores[is_found] = detector.scores([row for row in attack.rows if row is not None])
        trial.attacked[attack.name] = scores
    return trial


def results_of(
    trials: Sequence[Trial],
    sets: Sequence[FileSet],
    test: Sequence[Row],
    attacked: Sequence[Attacked],
    calibrated: bool,
) -> dict[str, Any]:
    """Return the figures of one detector: of its first seed, and mean and spread over all of them."""
    labels = labels_of(test)
    result: dict[str, Any] = {"sets": {}, "attacks": {}, "seconds_per_file": trials[0].seconds_per_file}
    for chosen in sets:
        each = [summary(trial.test[chosen.rows], labels[chosen.rows], trial.thresholds, calibrated) for trial in trials]
        result["sets"][chosen.name] = each[0] | {"over_seeds": _over_seeds(each)}
    for attack in attacked:
        result["attacks"][attack.name] = {
            point: _attack_summary(trials, attack, point) for point in trials[0].thresholds
        }
    return result


def _over_seeds(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: spread([one[key] for one in each])
        for key in ("auroc", "average_precision", "brier", "ece")
        if key in each[0]
    }
    for point in each[0]["points"]:
        found[point] = {
            key: spread([one["points"][point][key]["share"] for one in each])
            for key in ("recall", "fpr")
            if each[0]["points"][point][key]["share"] is not None
        } | {"f1": spread([one["points"][point]["f1"] for one in each])}
    return found


def _attack_summary(trials: Sequence[Trial], attack: Attacked, point: str) -> dict[str, Any]:
    """Return clean and attacked recall at one threshold, and how many detections the attack costs."""
    shares = []
    for trial in trials:
        before = trial.clean[attack.samples] >= trial.thresholds[point]
        after = trial.attacked[attack.name] >= trial.thresholds[point]
        shares.append((before, after))
    before, after = shares[0]
    return {
        "clean": share(int(before.sum()), len(before)),
        "attacked": share(int(after.sum()), len(after)),
        "lost": int((before & ~after).sum()),
        "lost_over_seeds": spread([float((b & ~a).mean()) if len(b) else 0.0 for b, a in shares]),
    }
