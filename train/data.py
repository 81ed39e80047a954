"""Parquet to batches of files: each file is a bag of slices under one label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytorch_lightning as pl
import torch
from datasets import load_dataset
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from safepickle_dl.batch import N_FIELDS, SliceArrays, pad
from safepickle_dl.core import tokens as tk

JUDGED_GROUPS = ("benign", "benign-hard", "fixture", "malicious-strict")
"""Real files with a clear label. Weak malicious ones (bare references, canaries, broken exploits) are left out."""
MADE_GROUPS = ("made-benign", "made-malicious")
ALL_GROUPS = (*JUDGED_GROUPS, *MADE_GROUPS, "dump", "dump-hard")
COLUMNS = ["file", "label", "group", "owner", "library", "tokens", "first", "channel", "grams", "payload"]

VALIDATION_SLICES = 32
"""Slices of one file that are looked at between epochs (count); calibration and the judge look at all."""

Bag = tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], float, bool, int]
"""Tokens of slices (k, t, f), which of them are known to be honest (k,), the file's label, whether it is made, and its
index in the data set. Dumps count as real."""


def arrays_of(row: Mapping[str, Any]) -> SliceArrays:
    """Return the slices of a row of the corpus."""
    return SliceArrays(
        tokens=np.asarray(row["tokens"], np.int64),
        first=np.asarray(row["first"], np.int64),
        channel=np.asarray(row["channel"], np.int64),
        grams=np.asarray(row["grams"], np.int64).reshape(-1, tk.N_GRAMS),
    )


def rows_of(path: Path, groups: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file that are of these groups, lists as numpy arrays."""
    table = load_dataset("parquet", data_files=str(path), split="train", columns=COLUMNS)
    for batch in table.with_format("arrow").iter(1000):
        columns = {name: _values(batch[name].combine_chunks()) for name in COLUMNS}
        for i, group in enumerate(columns["group"]):
            if group in groups:
                yield {name: column[i] for name, column in columns.items()}


def source_of(row: Mapping[str, Any]) -> str:
    """Return the owner of a real file, the library of a dump, the gadget of a made attack."""
    return str(row["owner"] or row["library"])


def _values(column: pa.Array) -> Sequence[Any]:
    if not isinstance(column, pa.ListArray):
        return column.to_pylist()  # type: ignore[no-any-return]
    flat, edges = column.values.to_numpy(zero_copy_only=False), column.offsets.to_numpy()
    return [flat[start:end] for start, end in pairwise(edges)]


class FileDataset(Dataset[Bag]):
    """Files of one split, sliced."""

    def __init__(
        self,
        path: Path | Sequence[Path],
        max_slices: int,
        seed: int | Sequence[int] | None = None,
        groups: Sequence[str] = JUDGED_GROUPS,
        channels: tuple[int, ...] = (0,),
    ) -> None:
        """Read Parquet files.

        Args:
            path: one or several, made by `python -m train.corpus build`.
            max_slices: slices that are drawn from a larger file each time (count).
            seed: of the drawing and of augmentation; None: take the payload's and the first others, drop nothing.
            groups: the groups of files that are read.
            channels: which channels the net sees.
        """
        self.arrays: list[SliceArrays] = []
        self.labels: list[float] = []
        self.groups: list[str] = []
        self.sources: list[str] = []
        self.files: list[str] = []
        self.chosen: list[npt.NDArray[np.int64]] = []
        self.payload: list[npt.NDArray[np.int64]] = []
        self.hard: list[npt.NDArray[np.int64]] = []
        paths = [path] if isinstance(path, Path) else path
        for row in chain.from_iterable(rows_of(one, groups) for one in paths):
            arrays = arrays_of(row)
            chosen = np.flatnonzero(np.isin(arrays.channel, channels))
            if len(chosen) == 0:
                continue
            self.arrays.append(arrays)
            self.chosen.append(chosen)
            self.payload.append(chosen[np.asarray(row["payload"], bool)[chosen]])
            self.hard.append(np.zeros(0, np.int64))
            self.labels.append(float(row["label"]))
            self.groups.append(str(row["group"]))
            self.sources.append(source_of(row))
            self.files.append(str(row["file"]))
        self.difficulty = np.ones(len(self.labels))
        """How far the net was from each label when it last saw the file (0 to 1); 1 where it has not been asked."""
        self.max_slices = max_slices
        self.random = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        """Return the number of files that have at least one slice."""
        return len(self.labels)

    def __getitem__(self, index: int) -> Bag:
        """Return the tokens of the file's slices, which of them are honest, its label, whether it is made, its index.

        What is known to be the payload is always among them: without it the label would be wrong. So are the slices of
        an honest file that were found to be hard.
        """
        chosen = self.chosen[index]
        label = self.labels[index]
        if len(chosen) > self.max_slices:
            payload = np.setdiff1d(self.payload[index], self.hard[index], assume_unique=True)
            always = np.concatenate([self.hard[index], payload])[: self.max_slices]
            others = np.setdiff1d(chosen, always, assume_unique=True)
            n_others = min(self.max_slices - len(always), len(others))
            drawn = others[:n_others] if self.random is None else self.random.choice(others, n_others, replace=False)
            chosen = np.concatenate([always, drawn])
        batch = pad(self.arrays[index], chosen)
        if self.random is not None:
            batch = drop_names(batch, self.random)
        payload = self.payload[index]
        knows_host = label == 1 and len(payload) > 0
        honest = ~np.isin(chosen, payload) if knows_host else np.full(len(chosen), label == 0)
        return batch, honest, label, self.groups[index] in MADE_GROUPS, index


def honest_files(data: FileDataset) -> npt.NDArray[np.bool_]:
    """Return which files are honest and such as people could meet (n,): no twins, unless there are no others."""
    honest = np.array(data.labels) == 0
    met = honest & ~np.isin(data.groups, MADE_GROUPS)
    return met if met.any() else honest


def source_weights(sources: Sequence[str] | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the weight of each file (n,), sum 1: its source weighs by the root of its number of files, shared by them.

    So one with many files does not drown the others, and one with a single file does not weigh as much as a library.

    Args:
        sources: owner, library or gadget of each file, (n,).
    """
    _, which, counts = np.unique(np.asarray(sources), return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[which])
    return np.asarray(weights / weights.sum(), np.float64)


NAME_DROPOUT = (0.15, 0.1, 0.1)
"""How often all slices of a file lose their names altogether, their modules, their attributes (probability)."""


def drop_names(batch: npt.NDArray[np.int32], random: np.random.Generator) -> npt.NDArray[np.int32]:
    """Mask module or attribute words in all slices of a file, so that the net must use arguments and shape too.

    Args:
        batch: (k, t, f); changed in place.
        random: decides.
    """
    draw = random.random()
    both, module, name = np.cumsum(NAME_DROPOUT)
    roles: tuple[int, ...]
    if draw < both:
        roles = (tk.MODULE, tk.NAME, tk.ARGUMENT_MODULE, tk.ARGUMENT_NAME)
    elif draw < module:
        roles = (tk.MODULE, tk.ARGUMENT_MODULE)
    elif draw < name:
        roles = (tk.NAME, tk.ARGUMENT_NAME)
    else:
        return batch
    hit = np.isin(batch[..., 0], roles) & (batch[..., 1] >= tk.FIRST_WORD)
    batch[hit, 1] = tk.MASKED
    batch[hit, 2:] = 0
    return batch


def collate(bags: list[Bag]) -> dict[str, Tensor]:
    """Stack bags: `tokens` (s, t, f) of all slices, `file` and `honest` (s,) of each, `label`, `made`, `index` (n,)."""
    t = max(bag.shape[1] for bag, *_ in bags)
    tokens = np.zeros((sum(len(bag) for bag, *_ in bags), t, N_FIELDS), np.int32)
    at = 0
    for bag, *_ in bags:
        tokens[at : at + len(bag), : bag.shape[1]] = bag
        at += len(bag)
    sizes = torch.tensor([len(bag) for bag, *_ in bags])
    return {
        "tokens": torch.from_numpy(tokens),
        "file": torch.repeat_interleave(torch.arange(len(bags)), sizes),
        "honest": torch.from_numpy(np.concatenate([honest for _, honest, *_ in bags])),
        "label": torch.tensor([label for _, _, label, _, _ in bags]),
        "made": torch.tensor([made for *_, made, _ in bags]),
        "index": torch.tensor([index for *_, index in bags]),
    }


class MixtureSampler(Sampler[list[int]]):
    """Draws each batch with a fixed number of files of each group, so that plenty of one cannot drown another.

    Within a group each owner, library or gadget is drawn by the root of its number of files; half of the draws go by
    the difficulty of each file as well, as it is at that time.
    """

    def __init__(
        self,
        groups: Sequence[str],
        sources: Sequence[str],
        mixture: Mapping[str, int],
        n_batches: int,
        seed: int | Sequence[int],
        difficulty: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Configure.

        Args:
            groups: the group of each file.
            sources: the owner, library or gadget of each file.
            mixture: group to its files in each batch (count).
            n_batches: batches of one epoch (count).
            seed: of everything drawn; each epoch goes on from the last.
            difficulty: of each file (n,), at least one of a group above 0; it may change. None: all are alike.

        Raises:
            ValueError: a group of the mixture has no file.
        """
        names = np.asarray(groups)
        self.pools = {group: np.flatnonzero(names == group) for group in mixture}
        missing = [group for group, pool in self.pools.items() if len(pool) == 0]
        if missing:
            raise ValueError(f"no training file is of group {', '.join(missing)}")
        self.shares = {group: source_weights(np.asarray(sources)[pool]) for group, pool in self.pools.items()}
        self.mixture = dict(mixture)
        self.n_batches = n_batches
        self.random = np.random.default_rng(seed)
        self.difficulty = np.ones(len(groups)) if difficulty is None else difficulty

    def __len__(self) -> int:
        """Return the batches of one epoch."""
        return self.n_batches

    def __iter__(self) -> Iterator[list[int]]:
        """Yield batches of indices."""
        for _ in range(self.n_batches):
            yield np.concatenate([self._draw(group, n) for group, n in self.mixture.items()]).tolist()

    def _draw(self, group: str, n: int) -> npt.NDArray[np.int64]:
        """Return n files of a group: `choice` with chances, without its checks of each one."""
        shares, pool = self.shares[group], self.pools[group]
        hard = shares * self.difficulty[pool]
        edges = (shares + hard / hard.sum()).cumsum()
        return pool[(edges / edges[-1]).searchsorted(self.random.random(n), side="right")]


def draw_anew(worker: int) -> None:
    """Give a worker's copy of the data set a generator of its own; without it all draw the same."""
    found: Any = get_worker_info()
    found.dataset.random = np.random.default_rng(found.seed)


class CorpusData(pl.LightningDataModule):
    """The three splits that `python -m train.corpus build` wrote."""

    def __init__(
        self,
        mixture: dict[str, int],
        folder: str = "data/corpus",
        max_slices: int = 12,
        steps_per_epoch: int = 100,
        seed: int = 0,
        contexts: bool = False,
        judged_groups: list[str] | None = None,
        more: list[str] | None = None,
        workers: int = 0,
    ) -> None:
        """Configure.

        Args:
            mixture: group of files to how many of them each step sees (count).
            folder: with `train.parquet` and `validation.parquet`.
            max_slices: slices drawn from one file of a step (count).
            steps_per_epoch: steps between two validations (count).
            seed: of everything that is drawn.
            contexts: whether the net sees the opcode contexts (the second channel) too.
            judged_groups: groups that validation looks at; None: all with a clear label.
            more: other Parquet files of training rows, such as `python -m train.adversarial` writes.
            workers: processes that make batches beside the training (count); a GPU waits for one alone.
        """
        super().__init__()
        self.save_hyperparameters()
        self.channels = (0, 1) if contexts else (0,)

    @property
    def seed(self) -> list[int]:
        """Of what this process draws: each of several GPUs sees a whole mixture of its own in each step."""
        h: Any = self.hparams
        return [h.seed, self.trainer.global_rank if self.trainer else 0]

    def setup(self, stage: str) -> None:
        """Read the Parquet files."""
        h: Any = self.hparams
        folder = Path(h.folder)
        paths = [folder / "train.parquet", *map(Path, h.more or [])]
        self.training = FileDataset(paths, h.max_slices, self.seed, tuple(h.mixture), channels=self.channels)
        self.validation = FileDataset(
            folder / "validation.parquet",
            VALIDATION_SLICES,
            groups=h.judged_groups or ALL_GROUPS,
            channels=self.channels,
        )

    def train_dataloader(self) -> DataLoader[Bag]:
        """Draw batches after the mixture."""
        h: Any = self.hparams
        of = self.training
        sampler = MixtureSampler(of.groups, of.sources, h.mixture, h.steps_per_epoch, self.seed, of.difficulty)
        return DataLoader(
            of, batch_sampler=sampler, collate_fn=collate, num_workers=h.workers, worker_init_fn=draw_anew
        )

    def val_dataloader(self) -> DataLoader[Bag]:
        """Every validation file once."""
        h: Any = self.hparams
        return DataLoader(self.validation, 16, collate_fn=collate, num_workers=h.workers)
