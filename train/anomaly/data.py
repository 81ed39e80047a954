"""Slices of honest training files, each distinct one once, no library drowning the others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from safepickle_dl.batch import SliceArrays, pad
from safepickle_dl.core import tokens as tk
from train.data import ALL_GROUPS, VALIDATION_SLICES, Bag, FileDataset, collate, source_weights
from train.logits import distinct_keys

Floats = npt.NDArray[np.float64]


class HonestSlices(Dataset[Bag]):
    """Distinct slices of the honest files of a split; each is a bag of its own."""

    def __init__(self, path: Path, mixture: Mapping[str, float]) -> None:
        """Read a Parquet file.

        Args:
            path: made by `python -m train.corpus build`.
            mixture: group of files to how much its slices weigh, all together.

        Raises:
            ValueError: there is no honest slice.
        """
        files = FileDataset(path, 1, groups=tuple(mixture))
        self.slices: list[tuple[SliceArrays, int]] = []
        groups, libraries = [], []
        known: set[bytes] = set()
        for i, arrays in enumerate(files.arrays):
            if files.labels[i]:
                continue
            for k, key in zip(files.chosen[i].tolist(), distinct_keys(arrays, files.chosen[i]), strict=True):
                if key not in known:
                    known.add(key)
                    self.slices.append((arrays, k))
                    groups.append(files.groups[i])
                    libraries.append(library_of(arrays, k))
        if not self.slices:
            raise ValueError(f"{path.name} has no honest slice of {', '.join(mixture)}")
        self.weights = balanced(groups, libraries, mixture)

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.slices)

    def __getitem__(self, index: int) -> Bag:
        """Return (1, t, f) tokens of a slice, that it is honest, and its index."""
        arrays, k = self.slices[index]
        return pad(arrays, np.array([k])), np.array([True]), 0.0, False, index


def library_of(arrays: SliceArrays, k: int) -> int:
    """Return the first word of the callee's module, as its id; 0 if it has none."""
    tokens = arrays.tokens[arrays.first[k] : arrays.first[k + 1]] & ((1 << tk.WORD_SHIFT) - 1)
    words = tokens[((tokens & ((1 << tk.ID_SHIFT) - 1)) == tk.MODULE) & (tokens >> tk.ID_SHIFT >= tk.FIRST_WORD)]
    return int(words[0] >> tk.ID_SHIFT) if len(words) else 0


def balanced(groups: list[str], libraries: list[int], mixture: Mapping[str, float]) -> Floats:
    """Return the weight of each slice: its group's, shared among its libraries by the root of their sizes."""
    weights = np.zeros(len(groups))
    names = np.array(groups)
    for group, share in mixture.items():
        members = np.flatnonzero(names == group)
        weights[members] = share * source_weights(np.array(libraries)[members])
    return weights


class NoveltyData(pl.LightningDataModule):
    """Honest slices to train on, all validation files to see what stands out from them."""

    def __init__(
        self,
        mixture: dict[str, float],
        folder: str = "data/corpus",
        batch_slices: int = 192,
        steps_per_epoch: int = 250,
        judged_groups: list[str] | None = None,
    ) -> None:
        """Configure.

        Args:
            mixture: group of honest files to how much its slices weigh.
            folder: with `train.parquet` and `validation.parquet`.
            batch_slices: slices of each step (count).
            steps_per_epoch: steps between two validations (count).
            judged_groups: groups that validation looks at; None: all with a clear label.
        """
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        """Read the Parquet files."""
        h: Any = self.hparams
        folder = Path(h.folder)
        self.training = HonestSlices(folder / "train.parquet", h.mixture)
        self.validation = FileDataset(
            folder / "validation.parquet", VALIDATION_SLICES, groups=h.judged_groups or ALL_GROUPS
        )

    def train_dataloader(self) -> DataLoader[Bag]:
        """Draw slices by weight."""
        h: Any = self.hparams
        sampler = WeightedRandomSampler(self.training.weights.tolist(), h.batch_slices * h.steps_per_epoch)
        return DataLoader(self.training, h.batch_slices, sampler=sampler, collate_fn=collate)

    def val_dataloader(self) -> DataLoader[Bag]:
        """Every validation file once."""
        return DataLoader(self.validation, 16, collate_fn=collate)
