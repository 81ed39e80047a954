"""Model bundles: a folder of `checkpoints/` with weights and everything needed to use them, verified on load.

config.json     names, versions, architecture, calibration, thresholds
metrics.json    what the judge measured
sequence.safetensors  the weights;  sequence.onnx  the same net for other runtimes
README.md       the model card
SHA256SUMS      of all of the above
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safepickle_dl.core import tokens as tk
from safepickle_dl.errors import BundleError
from safepickle_dl.paths import checkpoints_dir

DEFAULT_BUNDLE = "safepickle-1"
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle."""

    path: Path
    version: str
    """Name and version, as `--version` and reports show it."""
    slope: float
    """Of the calibration: probability = sigmoid(slope * highest logit + intercept); positive."""
    intercept: float
    malicious: float
    """Probability from which a file is malicious."""
    suspicious: float
    """Probability from which a file is suspicious; at most `malicious`."""

    def probability(self, logit: float) -> float:
        """Return the calibrated probability of a highest logit (-inf: no slice at all)."""
        x = self.slope * logit + self.intercept
        return 1 / (1 + math.exp(-x)) if x > -700 else 0.0

    @property
    def weights(self) -> Path:
        """Return the path of the sequence classifier's weights."""
        return self.path / "sequence.safetensors"

    @property
    def onnx(self) -> Path:
        """Return the path of the sequence classifier for ONNX Runtime."""
        return self.path / "sequence.onnx"


def load_bundle(path: str | os.PathLike[str] | None = None) -> Bundle:
    """Verify a bundle and return it.

    Args:
        path: its folder; None for the one that ships with the package.

    Raises:
        BundleError: it is missing, a file is missing or altered, or it is for another tokenizer.
    """
    folder = Path(path) if path is not None else checkpoints_dir() / DEFAULT_BUNDLE
    config = _read_config(folder)
    for name, digest in _read_sums(folder).items():
        try:
            actual = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(f"model bundle {folder}: {name}: {error.strerror or error}") from error
        if actual != digest:
            raise BundleError(f"model bundle {folder}: {name} is not the file that {SUMS} names")
    try:
        if config["tokenizer"] != tk.VERSION:
            raise BundleError(f"model bundle {folder}: made for tokenizer {config['tokenizer']}, this is {tk.VERSION}")
        bundle = Bundle(
            path=folder,
            version=_version(config),
            slope=float(config["calibration"]["slope"]),
            intercept=float(config["calibration"]["intercept"]),
            malicious=float(config["thresholds"]["malicious"]["probability"]),
            suspicious=float(config["thresholds"]["suspicious"]["probability"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"model bundle {folder}: config.json: {type(error).__name__}: {error}") from error
    if not (bundle.slope > 0 and 0 < bundle.suspicious <= bundle.malicious <= 1):
        raise BundleError(f"model bundle {folder}: config.json: calibration or thresholds are out of order")
    return bundle


def bundle_version(path: str | os.PathLike[str] | None = None) -> str:
    """Return a bundle's name and version without verifying its weights.

    Raises:
        BundleError: it is missing or its `config.json` is broken.
    """
    folder = Path(path) if path is not None else checkpoints_dir() / DEFAULT_BUNDLE
    try:
        return _version(_read_config(folder))
    except (KeyError, TypeError) as error:
        raise BundleError(f"model bundle {folder}: config.json: {type(error).__name__}: {error}") from error


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS for every other file of a bundle, in the format of `sha256sum`."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def _version(config: dict[str, Any]) -> str:
    return f"{config['name']} {config['version']}"


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"model bundle {folder}: config.json: {error.strerror or error}") from error
    except ValueError as error:
        raise BundleError(f"model bundle {folder}: config.json is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise BundleError(f"model bundle {folder}: config.json is not a JSON object")
    return config


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BundleError(f"model bundle {folder}: {SUMS}: {error}") from error
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in ("config.json", "sequence.safetensors"):
        if name not in sums:
            raise BundleError(f"model bundle {folder}: {SUMS} does not list {name}")
    if any("/" in name or os.sep in name or not name for name in sums):
        raise BundleError(f"model bundle {folder}: {SUMS} names a file outside of it")
    return sums
