"""A training checkpoint to a bundle: ONNX and safetensors, calibration and thresholds from validation, model card.

python -m train.export --checkpoint runs/sequence/version_0/checkpoints/best.ckpt --output checkpoints/safepickle-1
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression

from safepickle_dl import __version__
from safepickle_dl.batch import N_FIELDS, pad
from safepickle_dl.bundle import write_sums
from safepickle_dl.core import tokens as tk
from safepickle_dl.models.sequence import SequenceClassifier
from safepickle_dl.runtime.numpy import NumpyClassifier
from safepickle_dl.runtime.onnx import OnnxClassifier
from train.data import ALL_GROUPS, MADE_GROUPS, FileDataset
from train.judge.metrics import threshold_for
from train.logits import SharedLogits
from train.module import SequenceTraining

MALICIOUS_FPR = 0.01
SUSPICIOUS_FPR = 0.03
PARITY_FILES, PARITY_SLICES = 200, 64
"""Validation files, and slices of each, that the runtimes are compared on (count)."""
PARITY = 1e-4
"""Largest difference between a logit of torch and of ONNX Runtime that is accepted."""

Floats = npt.NDArray[np.float64]


def load_net(checkpoint: Path) -> SequenceTraining:
    """Read a Lightning checkpoint, weights only: nothing in it is executed."""
    module = SequenceTraining.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)
    return module.eval()


def write_onnx(net: SequenceClassifier, path: Path) -> None:
    """Export a net to ONNX: `tokens` (b, t, f) int32 to `logit` (b,) float32, any b and t."""
    example = torch.zeros(2, 8, N_FIELDS, dtype=torch.int32)
    example[..., 0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            (example,),
            dynamo=True,
            input_names=["tokens"],
            output_names=["logit"],
            dynamic_shapes=({0: torch.export.Dim("b"), 1: torch.export.Dim("t")},),
            verbose=False,
        )
    model = program.model_proto
    strip_paths(model)
    onnx.save(model, str(path))


def strip_paths(model: onnx.ModelProto) -> None:
    """Remove what an exporter notes about the machine that it ran on (stack traces with file names)."""
    del model.metadata_props[:]
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del model.graph.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


def highest_logits(classifier: NumpyClassifier, data: FileDataset) -> Floats:
    """Return the highest logit of each file, (n,)."""
    logits = SharedLogits(classifier)
    return np.array([logits.highest(data.arrays[i], data.chosen[i]) for i in range(len(data))], dtype=np.float64)


def calibrate(logits: Floats, labels: Floats) -> tuple[float, float]:
    """Return slope and intercept of Platt's logistic calibration, both classes weighted alike."""
    model = LogisticRegression(class_weight="balanced").fit(logits[:, None], labels)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def check_parity(net: SequenceClassifier, classifier: OnnxClassifier, data: FileDataset) -> float:
    """Return the largest difference between the runtimes over a sample of a data set.

    Raises:
        RuntimeError: it is above PARITY.
    """
    worst = 0.0
    for i in range(0, len(data), max(1, len(data) // PARITY_FILES)):
        chosen = data.chosen[i][:PARITY_SLICES]
        with torch.no_grad():
            ours = net(torch.from_numpy(pad(data.arrays[i], chosen))).numpy()
        worst = max(worst, float(np.abs(ours - classifier.logits(data.arrays[i], chosen)).max()))
    if worst > PARITY:
        raise RuntimeError(f"torch and ONNX Runtime differ by {worst}, more than {PARITY}")
    return worst


def export(
    checkpoint: Path, folder: Path, output: Path, name: str, version: str, groups: Sequence[str] = ALL_GROUPS
) -> dict[str, Any]:
    """Write a bundle and return its configuration.

    It is calibrated on the validation files of `groups`. The thresholds are for the honest ones that people could meet:
    the twins of attacks are left out, unless there are no others.
    """
    output.mkdir(parents=True, exist_ok=True)
    module = load_net(checkpoint)
    write_onnx(module.net, output / "sequence.onnx")
    save_file(module.net.state_dict(), str(output / "sequence.safetensors"))
    classifier = OnnxClassifier(output / "sequence.onnx")
    validation = FileDataset(folder / "validation.parquet", 1 << 20, groups=groups)
    worst = check_parity(module.net, classifier, validation)
    logits = highest_logits(NumpyClassifier(output / "sequence.safetensors"), validation)
    labels = np.array(validation.labels)
    made = np.isin(validation.groups, MADE_GROUPS)
    honest = (labels == 0) & ~made if ((labels == 0) & ~made).any() else labels == 0
    slope, intercept = calibrate(logits, labels)
    probabilities = 1 / (1 + np.exp(-(slope * logits + intercept)))
    thresholds = {
        verdict: {"fpr": fpr, "probability": round(threshold_for(probabilities[honest], fpr), 6)}
        for verdict, fpr in (("malicious", MALICIOUS_FPR), ("suspicious", SUSPICIOUS_FPR))
    }
    config = {
        "name": name,
        "version": version,
        "package": __version__,
        "tokenizer": tk.VERSION,
        "member": "sequence",
        "architecture": module.config.to_dict(),
        "calibration": {"slope": slope, "intercept": intercept},
        "thresholds": thresholds,
        "validation_files": {"benign": int(honest.sum()), "malicious": int((labels == 1).sum())},
        "parity": worst,
    }
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_sums(output)
    return config


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--output", type=Path, default=Path("checkpoints/safepickle-1"))
    parser.add_argument("--name", default="safepickle")
    parser.add_argument("--version", default="1.1.0")
    arguments = parser.parse_args()
    config = export(arguments.checkpoint, arguments.data, arguments.output, arguments.name, arguments.version)
    print(json.dumps(config, indent=2))


if __name__ == "__main__":
    main()
