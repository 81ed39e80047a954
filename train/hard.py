"""Hard examples: which files, and which slices of large honest ones, the net sees more often than others.

Most files are easy after a thousand steps. What the net last thought of a file decides how often it is drawn again. A
large honest file has thousands of slices, of which each step draws a few: without mining, the net hardly ever sees
the few that would cost the file its verdict.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from safepickle_dl.batch import SliceArrays, pad
from train.data import CorpusData, FileDataset
from train.logits import SharedLogits
from train.module import SequenceTraining, logits_by_length

BATCH_SLICES = 512
"""Slices of one pass (count)."""


class HardFiles(pl.Callback):
    """Notes how far the net was from the label of each file that it saw."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note it in the data set, which the sampler goes by."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if isinstance(data, CorpusData):
            off = (torch.sigmoid(outputs["highest"].float()) - batch["label"]).abs()
            data.training.difficulty[batch["index"].cpu().numpy()] = off.double().cpu().numpy()


class HardSlices(pl.Callback):
    """Mines at the end of some epochs: the slices of honest files that the net suspects most are always drawn."""

    def __init__(self, epochs: list[int], n: int = 4) -> None:
        """Configure.

        Args:
            epochs: at the end of which to mine (counted from 1).
            n: slices of each honest file that are kept (count).
        """
        self.epochs, self.n = epochs, n

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Score all slices of honest training files, each distinct one once."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.current_epoch + 1 in self.epochs and isinstance(data, CorpusData):
            assert isinstance(pl_module, SequenceTraining)
            mine(data.training, pl_module, self.n)


def mine(data: FileDataset, module: SequenceTraining, n: int) -> None:
    """Set `hard` of each honest file with more slices than a step draws: the `n` that score highest, one of a kind."""
    logits = SharedLogits(TrainingNet(module))
    was_training = module.training
    module.eval()
    for i, arrays in enumerate(data.arrays):
        if data.labels[i] == 0 and len(data.chosen[i]) > data.max_slices:
            scores = logits.each(arrays, data.chosen[i])
            data.hard[i] = data.chosen[i][np.argsort(-scores, kind="stable")[:n]]
    module.train(was_training)


class TrainingNet:
    """The net under training as a `SliceClassifier`."""

    def __init__(self, module: SequenceTraining) -> None:
        """Ask the net of a module, in whatever state it is."""
        self.module = module

    def logits(self, arrays: SliceArrays, chosen: np.ndarray) -> np.ndarray:
        """Return the logit of each chosen slice, (k,)."""
        found = [np.zeros(0, np.float32)]
        with torch.no_grad():
            for start in range(0, len(chosen), BATCH_SLICES):
                tokens = torch.from_numpy(pad(arrays, chosen[start : start + BATCH_SLICES])).to(self.module.device)
                found.append(logits_by_length(self.module.net, tokens).float().cpu().numpy())
        return np.concatenate(found)
