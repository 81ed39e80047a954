"""How a training went: loss and validation figures of one or more runs, from their TensorBoard events to one picture.

python -m train.curves runs/sequence/version_0 --output docs/training-curves.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

PANELS = {
    "training loss": {"train/loss": "files and slices", "train/file_loss": "files alone"},
    "validation: average precision": {"val/real_ap": "real files and dumps", "val/made_ap": "made files"},
    "validation: recall at 1 %": {"val/real_recall": "real malicious files", "val/made_recall": "made attacks"},
    "validation: twins flagged at 1 %": {"val/twin_fpr": "twins"},
}
"""Title of each panel: the scalars it shows, and what they are called. A percent is one of the honest files."""


def curves(runs: Sequence[Path]) -> Figure:
    """Return one panel for each kind of figure: a colour a run, a line style a scalar.

    Args:
        runs: folders with event files.

    Raises:
        ValueError: a folder has no scalars.
    """
    figure, grid = plt.subplots(2, 2, figsize=(9, 6), sharex=True, layout="constrained")
    for i, run in enumerate(runs):
        events = EventAccumulator(str(run)).Reload()
        known = events.Tags()["scalars"]
        if not known:
            raise ValueError(f"{run} has no scalars")
        for axes, (title, scalars) in zip(grid.flat, PANELS.items(), strict=True):
            axes.set(title=title)
            for (scalar, label), style in zip(scalars.items(), ("-", "--"), strict=False):
                if scalar in known:
                    points = [(point.step, point.value) for point in events.Scalars(scalar)]
                    axes.plot(*zip(*points, strict=True), style, color=f"C{i}", label=label if i == 0 else None)
    for axes in grid.flat:
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    for axes in grid[-1]:
        axes.set(xlabel="step")
    return figure


def main() -> None:
    """Parse the command line and draw."""
    parser = argparse.ArgumentParser(prog="python -m train.curves", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="folders with event files")
    parser.add_argument("--output", type=Path, default=Path("docs/training-curves.png"))
    given = parser.parse_args()
    curves(given.runs).savefig(given.output, dpi=90)


if __name__ == "__main__":
    main()
