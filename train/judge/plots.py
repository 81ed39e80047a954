"""Pictures of the judge: PNG files and the same figures in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve
from torch.utils.tensorboard import SummaryWriter

from train.judge.detector import Row, labels_of
from train.judge.metrics import ECE_BINS
from train.judge.trial import Trial

OURS = "safepickle-dl"
LOWEST_FPR = 3e-4
"""Left end of the ROC plot (share): below it there are too few honest files to say anything."""


def write_plots(
    trials: Mapping[str, Sequence[Trial]], splits: Mapping[str, Sequence[Row]], metrics: Mapping[str, Any], output: Path
) -> None:
    """Write `roc.png`, `reliability.png`, `scores.png`, `techniques.png` and a TensorBoard log of them."""
    labels = labels_of(splits["test"])
    figures = {
        "roc": roc(trials, labels),
        "reliability": reliability(trials[OURS][0], labels),
        "scores": histograms(trials[OURS][0], splits["test"]),
        "techniques": techniques(metrics["techniques"]),
    }
    writer = SummaryWriter(str(output / "tensorboard"))
    for name, figure in figures.items():
        figure.savefig(output / f"{name}.png", dpi=110)
        writer.add_figure(name, figure)
        plt.close(figure)
    for name, result in metrics["detectors"].items():
        for chosen, figures_of_set in result["sets"].items():
            for key in ("auroc", "average_precision", "ece"):
                if key in figures_of_set:
                    writer.add_scalar(f"{chosen}/{key}/{name}".replace(" ", "_"), figures_of_set[key])
    writer.close()


def roc(trials: Mapping[str, Sequence[Trial]], labels: Any) -> Figure:
    """Return the ROC at low false-positive rates over the whole test split, first seed."""
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, each in trials.items():
        fpr, recall, _ = roc_curve(labels, each[0].test)
        axes.plot(np.maximum(fpr, LOWEST_FPR), recall, label=name, linewidth=2.5 if name == OURS else 1)
    axes.set(xscale="log", xlim=(LOWEST_FPR, 1), ylim=(0, 1.02), xlabel="false-positive rate", ylabel="recall")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def reliability(trial: Trial, labels: Any) -> Figure:
    """Return how often files with a score are malicious, both classes weighted alike."""
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    weights = np.where(labels == 1, 0.5 / max(1, labels.sum()), 0.5 / max(1, (1 - labels).sum()))
    bins = np.minimum((trial.test * ECE_BINS).astype(int), ECE_BINS - 1)
    points = [
        (np.average(trial.test[bins == b], weights=weights[bins == b]),
         np.average(labels[bins == b], weights=weights[bins == b]), weights[bins == b].sum())
        for b in range(ECE_BINS) if (bins == b).any()
    ]  # fmt: skip
    x, y, size = np.array(points).T
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.scatter(x, y, s=20 + 400 * size)
    axes.set(xlabel="score", ylabel="share of malicious files", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    return figure


def histograms(trial: Trial, test: Sequence[Row]) -> Figure:
    """Return the distribution of scores in each group of files."""
    groups = sorted({row["group"] for row in test})
    figure, axes = plt.subplots(len(groups), figsize=(7, 1.3 * len(groups)), sharex=True, layout="constrained")
    for axis, group in zip(np.atleast_1d(axes), groups, strict=True):
        axis.hist(trial.test[[row["group"] == group for row in test]], bins=np.linspace(0, 1, 51), log=True)
        axis.set_title(group, fontsize=9, loc="left")
        for threshold in trial.thresholds.values():
            axis.axvline(threshold, color="red", linewidth=0.8)
    return figure


def techniques(table: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return recall at the 1 % threshold for each technique, ours beside the best of the others."""
    names = list(table)
    figure, axes = plt.subplots(figsize=(8, 1 + 0.35 * len(names)), layout="constrained")
    for offset, detector in ((0.2, OURS), (-0.2, "n-grams")):
        rates = [(table[name].get(detector) or {"share": 0})["share"] or 0 for name in names]
        axes.barh(np.arange(len(names)) + offset, rates, height=0.38, label=detector)
    axes.set_yticks(np.arange(len(names)), names, fontsize=8)
    axes.set(xlim=(0, 1), xlabel="recall at the 1 % threshold")
    axes.legend(fontsize=8)
    return figure
