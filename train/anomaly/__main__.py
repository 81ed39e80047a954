"""A trained autoencoder to `anomaly.safetensors` (with its percentiles) and `anomaly.onnx`.

python -m train.anomaly --checkpoint runs/anomaly/version_0/checkpoints/last.ckpt --output data/anomaly
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from safepickle_dl.runtime.novelty import NoveltyScorer
from train.anomaly.module import NoveltyTraining
from train.data import ALL_GROUPS, FileDataset, honest_files
from train.export import write_onnx
from train.logits import SharedLogits

N_KNOTS = 64
"""Of the table of percentiles (count)."""

Floats = npt.NDArray[np.float64]


def percentiles(honest: Floats) -> tuple[Floats, Floats]:
    """Return knots (q,), strictly rising, and the share of honest files below each (q,): denser towards the top.

    Args:
        honest: (n,) novelty of honest files, n at least 1.
    """
    n = len(honest)
    ranked = np.sort(honest)
    rest = np.geomspace(n, 1, N_KNOTS)  # files at or above the knot
    ranks = np.unique(np.round(n - rest).astype(int))
    knots, last = np.unique(ranked[ranks][::-1], return_index=True)  # of equal ones the highest rank
    return knots, (ranks[::-1][last] + 1) / (n + 1)


def highest_scores(scorer: NoveltyScorer, data: FileDataset) -> Floats:
    """Return the novelty of each file, (n,): that of its newest slice."""
    scores = SharedLogits(scorer)
    return np.array([scores.highest(arrays, k) for arrays, k in zip(data.arrays, data.chosen, strict=True)])


def export(checkpoint: Path, folder: Path, output: Path, groups: Sequence[str] = ALL_GROUPS) -> Path:
    """Write both files and return the path of the weights; percentiles are of the validation files of `groups`."""
    output.mkdir(parents=True, exist_ok=True)
    net = NoveltyTraining.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True).eval().net
    write_onnx(net, output / "anomaly.onnx", "novelty")
    data = FileDataset(folder / "validation.parquet", 1 << 20, groups=groups)
    tensors = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    with tempfile.TemporaryDirectory() as scratch:  # the table is of the scores that the table's own file gives
        bare = Path(scratch) / "bare.safetensors"
        save_file(tensors | {"knots": torch.zeros(1), "levels": torch.zeros(1)}, str(bare))
        scores = highest_scores(NoveltyScorer(bare), data)
    table = zip(("knots", "levels"), percentiles(scores[honest_files(data)]), strict=True)
    path = output / "anomaly.safetensors"
    save_file(tensors | {name: torch.from_numpy(values.astype(np.float32)) for name, values in table}, str(path))
    return path


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m train.anomaly", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--output", type=Path, default=Path("data/anomaly"))
    given = parser.parse_args()
    print(export(given.checkpoint, given.data, given.output))


if __name__ == "__main__":
    main()
