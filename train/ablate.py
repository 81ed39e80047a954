"""What each part of the sequence classifier is worth: the same training, each time with one thing changed.

    python -m train.ablate --config configs/ablation.yaml

All variants see the same data and seeds for the same number of steps, and are measured on the validation split alone.
Runs that `results.json` of the output folder already has are not repeated.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from jsonargparse import ArgumentParser
from torch import Tensor

from train.data import ALL_GROUPS, MADE_GROUPS, CorpusData, FileDataset
from train.ensemble import member_logits
from train.hard import HardSlices, TrainingNet
from train.judge.metrics import threshold_for
from train.module import SequenceTraining, figures
from train.variants import VARIANTS, Pool, Variant

Floats = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]


@dataclass
class AblationConfig:
    """What `configs/ablation.yaml` says."""

    variants: dict[str, list[int]]
    """Names of `train.variants.VARIANTS`, each with its seeds."""
    mixture: dict[str, int]
    """Group of files to how many of them each step sees (count)."""
    folder: str = "data/corpus"
    """Of the corpus."""
    output: str = "runs/ablation"
    """Folder for `results.json`."""
    report: str | None = None
    """Markdown file for people; None: only into `output`."""
    model: dict[str, Any] = field(default_factory=dict)
    """Options of `SequenceTraining`."""
    max_slices: int = 8
    """Slices drawn from one file of a step (count)."""
    steps_per_epoch: int = 150
    """Steps (count); mining is at the end of the first epoch."""
    max_epochs: int = 2
    """Epochs (count)."""
    decay: float = 0.99
    """Of the running mean of the weights."""
    precision: str = "bf16-mixed"
    """Of the trainer."""
    judged_groups: list[str] | None = None
    """Groups of validation files; None: all with a clear label."""

    def settings(self) -> dict[str, Any]:
        """Return what makes results comparable."""
        return {k: v for k, v in asdict(self).items() if k not in ("variants", "folder", "output", "report")}


@lru_cache(1)
def read(folder: Path, mixture: tuple[str, ...], judged: tuple[str, ...], channels: tuple[int, ...]) -> Any:
    """Return the training and the validation files as a net of these channels sees them, read once."""
    return (
        FileDataset(folder / "train.parquet", 0, groups=mixture, channels=channels),
        FileDataset(folder / "validation.parquet", 0, groups=judged, channels=channels),
    )


class SharedData(CorpusData):
    """The corpus, read once for many runs."""

    def __init__(self, config: AblationConfig, variant: Variant, seed: int) -> None:
        """Configure for one run."""
        mixture = {group: n for group, n in config.mixture.items() if group not in variant.without}
        super().__init__(mixture, config.folder, config.max_slices, config.steps_per_epoch, seed)
        judged = tuple(config.judged_groups or ALL_GROUPS)
        self.training, self.validation = read(Path(config.folder), tuple(config.mixture), judged, variant.channels)
        self.training.max_slices = config.max_slices
        self.training.random = np.random.default_rng(seed)
        self.training.hard = [np.zeros(0, np.int64) for _ in self.training.labels]

    def setup(self, stage: str) -> None:
        """Do nothing: it is read."""


class StepTime(pl.Callback):
    """CPU time of a step: forward, backward and optimizer, without reading and without other processes' time."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds, self.steps, self._start = 0.0, 0, 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        """Start the clock."""
        self._start = time.process_time()

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop the clock."""
        self.seconds += time.process_time() - self._start
        self.steps += 1


def train(config: AblationConfig, variant: Variant, seed: int) -> tuple[SequenceTraining, SharedData, float]:
    """Return a trained variant, the data it saw, and the CPU time of a step (seconds)."""
    data = SharedData(config, variant, seed)
    pl.seed_everything(seed, verbose=False)
    module = variant.module(**config.model)
    if variant.net is not None:
        module.net = variant.net(module.net)  # type: ignore[assignment]
    clock = StepTime()
    callbacks: list[pl.Callback] = [clock]
    if variant.averaged:
        callbacks.append(pl.callbacks.EMAWeightAveraging(decay=config.decay))
    if variant.mined:
        callbacks.append(HardSlices([1]))
    trainer = pl.Trainer(
        max_epochs=config.max_epochs,
        accelerator="cpu",
        precision=variant.precision or config.precision,  # type: ignore[arg-type]
        gradient_clip_val=1.0,
        limit_val_batches=0,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    dropout: AbstractContextManager[Any] = nullcontext()
    if not variant.name_dropout:
        dropout = patch("train.data.NAME_DROPOUT", (0.0, 0.0, 0.0))
    with dropout:
        trainer.fit(module, datamodule=data)
    return module.eval(), data, clock.seconds / clock.steps


def measure(module: SequenceTraining, data: SharedData, pool: Pool) -> dict[str, float]:
    """Return the figures on all slices of the validation files."""
    files = data.validation
    known = member_logits([TrainingNet(module)], files)
    bags = [torch.from_numpy(known.logits[chosen, 0]) for chosen in known.slices]
    return figures_of_bags(bags, np.array(files.labels), np.isin(files.groups, MADE_GROUPS), pool)


def figures_of_bags(bags: Sequence[Tensor], labels: Floats, made: Mask, pool: Pool) -> dict[str, float]:
    """Return the figures of files, also after each malicious one was joined to a large honest one.

    The host is the honest file with the most slices of those that pass.

    Args:
        bags: logits of the slices of each file.
        labels: (n,) 1 where malicious.
        made: (n,) whether a file is made.
        pool: of a file's slices.
    """

    def pooled(bags: Sequence[Tensor]) -> Floats:
        file = torch.repeat_interleave(torch.arange(len(bags)), torch.tensor([len(bag) for bag in bags]))
        return pool(torch.cat(list(bags)), file, len(bags)).numpy()

    scores = pooled(bags)
    honest = (labels == 0) & ~made if ((labels == 0) & ~made).any() else labels == 0
    threshold = threshold_for(scores[honest], 0.01)
    host = max((bags[i] for i in np.flatnonzero((labels == 0) & (scores < threshold))), key=len)
    joined = pooled([torch.cat([bag, host]) for bag, label in zip(bags, labels, strict=True) if label == 1])
    return figures(scores, labels, made) | {
        "recall": float((scores[labels == 1] >= threshold).mean()),
        "injected_recall": float((joined >= threshold).mean()),
    }


def as_report(config: AblationConfig, runs: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return the table."""
    columns = {
        "real AP": ("real_ap", 3), "made AP": ("made_ap", 3), "real recall": ("real_recall", 2),
        "made recall": ("made_recall", 2), "twins flagged": ("twin_fpr", 3), "recall": ("recall", 2),
        "injected": ("injected_recall", 2), "ms a step": ("step_ms", 0),
    }  # fmt: skip
    lines = [
        "# Ablations of the sequence classifier",
        "",
        "Written by `python -m train.ablate --config configs/ablation.yaml`; not edited.",
        "",
        f"Each row is a training of {config.steps_per_epoch * config.max_epochs} steps of "
        f"{sum(config.mixture.values())} files that differs from `full` in one thing, measured on the validation "
        "split: average precision among real files and dumps, and among made files; recall where 1 % of the honest "
        "files that are not twins pass the threshold; twins flagged there; recall of all malicious files, and again "
        "after each was joined to the slices of the largest honest file that passes. "
        "CPU time of a step on one thread. More than one seed: the mean, and the range.",
        "",
        "| variant | what differs | seeds | " + " | ".join(columns) + " |",
        "|---|---|--:|" + "--:|" * len(columns),
    ]
    for name, variant in VARIANTS.items():
        results = list(runs.get(name, {}).values())
        if results:
            cells = [_cell([result[key] for result in results if key in result], n) for key, n in columns.values()]
            lines.append(f"| {name} | {variant.says} | {len(results)} | " + " | ".join(cells) + " |")
    missing = [f"{name} ({seed})" for name, seeds in config.variants.items() for seed in seeds
               if str(seed) not in runs.get(name, {})]  # fmt: skip
    if missing:
        lines += ["", f"Not run yet (seed): {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _cell(values: list[float], digits: int) -> str:
    if not values:
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ablate(config: AblationConfig) -> dict[str, dict[str, dict[str, float]]]:
    """Train and measure what is not yet in `results.json`; after each run, write it and the report.

    Returns:
        variant to seed to figures.

    Raises:
        ValueError: a variant is not known.
    """
    unknown = set(config.variants) - set(VARIANTS)
    if unknown:
        raise ValueError(f"no variant is called {', '.join(sorted(unknown))}")
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "results.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    runs: dict[str, dict[str, dict[str, float]]] = known["runs"] if known.get("settings") == config.settings() else {}
    report = Path(config.report or output / "report.md")
    for name, seed in ((name, seed) for name, seeds in config.variants.items() for seed in seeds):
        if str(seed) not in runs.get(name, {}):
            module, data, seconds = train(config, VARIANTS[name], seed)
            result = measure(module, data, VARIANTS[name].pool) | {"step_ms": 1000 * seconds}
            runs.setdefault(name, {})[str(seed)] = {key: round(value, 5) for key, value in result.items()}
            done = {"settings": config.settings(), "runs": runs}
            path.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")
        report.write_text(as_report(config, runs), encoding="utf-8")
    return runs


def main() -> None:
    """Parse the command line and run."""
    parser = ArgumentParser(prog="python -m train.ablate", description=__doc__)
    parser.add_argument("--config", action="config", help="a YAML with the options below")
    parser.add_class_arguments(AblationConfig)
    arguments = parser.parse_args()
    arguments.pop("config")
    ablate(AblationConfig(**arguments.as_dict()))


if __name__ == "__main__":
    main()
