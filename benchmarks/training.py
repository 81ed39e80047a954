"""How fast the sequence classifier trains: accelerator, precision and workers side by side, in one run.

python -m benchmarks.training [--data data/corpus] [--steps 300] [--output docs/training-speed.md]

The settings are those of `configs/sequence.yaml`, and a net of twice the width and a layer more beside them. Times are
of whole steps, data included, after the first tenth of them. Without a GPU the rows of the CPU are all there are.
"""

from __future__ import annotations

import argparse
import os
import platform
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import yaml
from torch import Tensor

from safepickle_dl.batch import N_FIELDS
from train.data import CorpusData
from train.module import SequenceTraining

CONFIG = Path(__file__).parent.parent / "configs" / "sequence.yaml"
WIDE = {"d_model": 128, "n_layers": 3}
CPU_STEPS = 30
"""Steps that are enough where each takes a third of a second (count)."""
SAMPLE_SECONDS = 0.05
"""Between two looks at the GPU's utilisation."""


@dataclass(frozen=True)
class Setting:
    """One row."""

    accelerator: str
    precision: str
    workers: int
    model: dict[str, int] = field(default_factory=dict)


class Clock(pl.Callback):
    """Counts what the steps after the first tenth held, and how long they took."""

    def __init__(self, steps: int) -> None:
        """Count nothing yet."""
        self.warm_up = steps // 10
        self.steps = self.files = self.slices = self.tokens = 0
        self.start = self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: dict[str, Tensor], batch_idx: int
    ) -> None:
        """Start the clock, or count a step."""
        if batch_idx + 1 < self.warm_up:
            return
        if batch["tokens"].is_cuda:
            torch.cuda.synchronize()
        if batch_idx + 1 == self.warm_up:
            self.start = time.perf_counter()
            return
        self.seconds = time.perf_counter() - self.start
        self.steps += 1
        self.files += len(batch["label"])
        self.slices += len(batch["tokens"])
        self.tokens += batch["tokens"].numel() // N_FIELDS


@contextmanager
def utilisation(of_gpu: bool) -> Iterator[list[int]]:
    """Give a list that is filled with the GPU's utilisation (%), as its driver counts it, while the block runs."""
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            seen.append(torch.cuda.utilization())

    thread = threading.Thread(target=watch, daemon=True)
    if of_gpu:
        thread.start()
    try:
        yield seen
    finally:
        done.set()


def measure(setting: Setting, config: dict[str, Any], data: CorpusData, steps: int) -> dict[str, float]:
    """Train some steps and return what a second held, and what it took."""
    gpu = setting.accelerator == "gpu"
    steps = steps if gpu else min(steps, CPU_STEPS)
    pl.seed_everything(0, verbose=False)
    data.hparams["workers"] = setting.workers
    clock = Clock(steps)
    trainer = pl.Trainer(
        max_epochs=1,
        limit_train_batches=steps,
        limit_val_batches=0,
        accelerator=setting.accelerator,
        devices=1,
        precision=setting.precision,  # type: ignore[arg-type]
        gradient_clip_val=1.0,
        use_distributed_sampler=False,
        callbacks=[clock, pl.callbacks.EMAWeightAveraging(decay=0.998)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    with utilisation(gpu) as seen:
        trainer.fit(SequenceTraining(**(config["model"]["init_args"] | setting.model)), datamodule=data)
    warm = seen[len(seen) // 3 :]
    return {
        "ms": 1000 * clock.seconds / clock.steps,
        "files": clock.files / clock.seconds,
        "slices": clock.slices / clock.seconds,
        "tokens": clock.tokens / clock.seconds,
        "utilisation": sum(warm) / len(warm) if warm else float("nan"),
        "memory": torch.cuda.max_memory_allocated() / 2**20 if gpu else float("nan"),
    }


def settings() -> Iterator[Setting]:
    """Yield the rows, the CPU's first."""
    yield from (Setting("cpu", precision, 0) for precision in ("32-true", "bf16-mixed"))
    if torch.cuda.is_available():
        yield from (Setting("gpu", precision, workers) for precision in ("32-true", "bf16-mixed") for workers in (0, 4))
        yield from (Setting("gpu", precision, 4, WIDE) for precision in ("32-true", "bf16-mixed"))


def report(config: dict[str, Any], data: CorpusData, steps: int) -> Iterator[str]:
    """Yield the lines of the document as they become known."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    init: dict[str, Any] = config["model"]["init_args"]
    yield "# Training speed\n\nWritten by `python -m benchmarks.training`; not edited.\n"
    yield (
        f"{device}; {platform.machine()}, {os.cpu_count()} CPU cores, {torch.get_num_threads()} threads; "
        f"torch {torch.__version__}. {sum(config['data']['init_args']['mixture'].values())} files a step, as in "
        "`configs/sequence.yaml`; tokens are counted with padding, data is read by the training's own process or by "
        "workers beside it. Utilisation is the share of time in which a kernel ran, as the driver counts it. The ratio "
        "is to the first row.\n"
    )
    heads = "device,precision,workers,net,ms a step,files/s,slices/s,tokens/s,ratio,utilisation (%),GPU memory (MiB)"
    yield "| " + heads.replace(",", " | ") + " |\n|---|---|--:|---|" + "--:|" * 7
    first = 0.0
    for setting in settings():
        found = measure(setting, config, data, steps)
        first = first or found["files"]
        net = init | setting.model
        cells = [
            setting.accelerator,
            setting.precision,
            str(setting.workers),
            f"d {net['d_model']}, {net['n_layers']} layers",
            f"{found['ms']:.1f}",
            *(f"{found[name]:,.0f}" for name in ("files", "slices", "tokens")),
            f"{found['files'] / first:.1f}",
            *(f"{found[name]:.0f}" for name in ("utilisation", "memory")),
        ]
        yield "| " + " | ".join("-" if cell == "nan" else cell for cell in cells) + " |"


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--steps", type=int, default=300, help=f"on a GPU; on a CPU {CPU_STEPS} at most")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    options = config["data"]["init_args"] | {"folder": str(given.data), "steps_per_epoch": given.steps}
    data = CorpusData(**options)
    data.setup("fit")
    data.setup = lambda stage: None  # type: ignore[method-assign]  # it is read once
    lines = []
    for line in report(config, data, given.steps):
        print(line, flush=True)
        lines.append(line)
        if given.output:
            given.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
