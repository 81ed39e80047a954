"""Trained members to a bundle: ONNX and safetensors; weights, calibration and thresholds from validation files.

python -m train.export --checkpoint runs/sequence/version_0/checkpoints/last.ckpt --output checkpoints/safepickle-1
"""

from __future__ import annotations

import argparse
import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save_file

from safepickle_dl import __version__
from safepickle_dl.batch import N_FIELDS, pad
from safepickle_dl.bundle import sigmoid, write_sums
from safepickle_dl.core import tokens as tk
from safepickle_dl.ensemble import MAKERS
from safepickle_dl.models.sequence import SequenceClassifier
from safepickle_dl.runtime.onnx import OnnxClassifier
from train.data import ALL_GROUPS, FileDataset, honest_files, source_weights
from train.ensemble import calibrate, fit_weights, member_logits, thresholds
from train.module import SequenceTraining

DEFAULT_FPR = 0.005
"""Share of honest files that may be called malicious where the user states none."""
PARITY_FILES, PARITY_SLICES = 200, 64
"""Validation files, and slices of each, that the runtimes are compared on (count)."""
PARITY = 1e-4
"""Largest difference between a logit of torch and of ONNX Runtime that is accepted."""


def load_net(checkpoint: Path) -> SequenceTraining:
    """Read a Lightning checkpoint, weights only: nothing in it is executed."""
    module = SequenceTraining.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)
    return module.eval()


def write_onnx(net: torch.nn.Module, path: Path, output: str = "logit") -> None:
    """Export a net over tokens to ONNX: `tokens` (b, t, f) int32 to `output` (b,) float32, any b and t."""
    example = torch.zeros(2, 8, N_FIELDS, dtype=torch.int32)
    example[..., 0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            (example,),
            dynamo=True,
            input_names=["tokens"],
            output_names=[output],
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
    checkpoint: Path,
    folder: Path,
    output: Path,
    name: str,
    version: str,
    groups: Sequence[str] = ALL_GROUPS,
    others: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Write a bundle and return its configuration.

    Everything is calibrated on the validation files of `groups`. The thresholds are for the honest ones that people
    could meet: the twins of attacks are left out, unless there are no others; owners and libraries
    weigh by the root of their numbers of files.

    Args:
        checkpoint: of the sequence classifier.
        folder: of the corpus.
        output: of the bundle; made if it is not there.
        name: of the bundle.
        version: of the bundle.
        groups: of validation files.
        others: member to the folder with its `<member>.safetensors` and `<member>.onnx`.

    Raises:
        RuntimeError: torch and ONNX Runtime disagree.
    """
    output.mkdir(parents=True, exist_ok=True)
    module = load_net(checkpoint)
    write_onnx(module.net, output / "sequence.onnx")
    save_file(module.net.state_dict(), str(output / "sequence.safetensors"))
    for member, source in (others or {}).items():
        for suffix in ("safetensors", "onnx"):
            shutil.copyfile(source / f"{member}.{suffix}", output / f"{member}.{suffix}")
    validation = FileDataset(folder / "validation.parquet", 1 << 20, groups=groups)
    worst = check_parity(module.net, OnnxClassifier(output / "sequence.onnx"), validation)
    names = ["sequence", *(others or {})]
    logits = member_logits([MAKERS[member](output / f"{member}.safetensors") for member in names], validation)
    labels = np.array(validation.labels)
    honest = honest_files(validation)
    weights, intercept = fit_weights(logits, labels)
    members = {}
    for i, member in enumerate(names):
        slope, own_intercept = calibrate(logits.highest(np.eye(len(names))[i])[0], labels)
        members[member] = {"weight": float(weights[i]), "slope": slope, "intercept": own_intercept}
    sources = source_weights(np.array(validation.sources)[honest].tolist())
    found = thresholds(logits.highest(weights)[0][honest] + intercept, sources)
    config = {
        "name": name,
        "version": version,
        "package": __version__,
        "tokenizer": tk.VERSION,
        "architecture": module.config.to_dict(),
        "members": members,
        "intercept": intercept,
        "thresholds": {f"{rate:g}": round(sigmoid(logit), 6) for rate, logit in found.items()},
        "fpr": DEFAULT_FPR,
        "validation_files": {"benign": int(honest.sum()), "malicious": int((labels == 1).sum())},
        "parity": worst,
    }
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_sums(output)
    return config


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="of the sequence classifier")
    parser.add_argument("--handcrafted", type=Path, help="folder that `python -m train.handcrafted` wrote")
    parser.add_argument("--anomaly", type=Path, help="folder that `python -m train.anomaly` wrote")
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--output", type=Path, default=Path("checkpoints/safepickle-1"))
    parser.add_argument("--name", default="safepickle")
    parser.add_argument("--version", default="2.7.0")
    given = parser.parse_args()
    others = {name: path for name, path in (("handcrafted", given.handcrafted), ("anomaly", given.anomaly)) if path}
    config = export(given.checkpoint, given.data, given.output, given.name, given.version, others=others)
    print(json.dumps(config, indent=2))


if __name__ == "__main__":
    main()
