"""Model bundles: a folder of `checkpoints/` with weights and everything needed to use them, verified on load.

config.json     names, versions, architectures, calibrations and weights of the members, thresholds
metrics.json    what the judge measured
<member>.safetensors  the weights of a member;  <member>.onnx  the same for other runtimes
README.md       the model card
SHA256SUMS      of all of the above
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safepickle_dl.core import tokens as tk
from safepickle_dl.errors import BundleError
from safepickle_dl.paths import checkpoints_dir

DEFAULT_BUNDLE = "safepickle-1"
SUMS = "SHA256SUMS"
ONNX = ".onnx"
MEMBERS = ("sequence", "handcrafted", "anomaly")
"""What an ensemble may hold; the first is always there."""
LOOSER = 2
"""How many times the share of honest files that may be malicious may at least be suspicious."""


@dataclass(frozen=True, slots=True)
class Member:
    """How a member counts: its own probability is sigmoid(slope * logit + intercept)."""

    weight: float
    """Of its logit in the ensemble's; at least 0."""
    slope: float
    """Positive."""
    intercept: float

    def probability(self, logit: float) -> float:
        """Return the member's own calibrated probability of a highest logit (-inf: no slice at all)."""
        return sigmoid(self.slope * logit + self.intercept)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """From which probability on a file gets a verdict."""

    malicious: float
    suspicious: float
    """At most `malicious`."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle."""

    path: Path
    version: str
    """Name and version, as `--version` and reports show it."""
    members: Mapping[str, Member]
    intercept: float
    """Of the ensemble: its logit is this and the weighted logits of its members."""
    thresholds: Mapping[float, float]
    """Share of honest validation files that may pass (ascending) to probability (descending)."""
    fpr: float
    """The share that is used where none is asked for; one of `thresholds`."""

    def operating_point(self, fpr: float | None = None) -> OperatingPoint:
        """Return the thresholds of a stated false-positive rate.

        Args:
            fpr: share of honest files that may be called malicious, one of `thresholds`; None: the bundle's own choice.
                Suspicious is what the next rate lets through that is at least LOOSER times as large.

        Raises:
            BundleError: the bundle knows no threshold for it.
        """
        wanted = self.fpr if fpr is None else fpr
        if wanted not in self.thresholds:
            known = ", ".join(f"{rate:g}" for rate in self.thresholds)
            raise BundleError(f"model bundle {self.path}: no threshold for a rate of {wanted:g}, only for {known}")
        looser = [rate for rate in self.thresholds if rate >= LOOSER * wanted] or [max(self.thresholds)]
        return OperatingPoint(self.thresholds[wanted], min(self.thresholds[wanted], self.thresholds[looser[0]]))

    def weights_of(self, member: str) -> Path:
        """Return the path of a member's weights."""
        return self.path / f"{member}.safetensors"

    def onnx_of(self, member: str) -> Path:
        """Return the path of a member for ONNX Runtime, verified.

        Raises:
            BundleError: it is missing or altered.
        """
        name = f"{member}{ONNX}"
        _verify(self.path, name, _read_sums(self.path).get(name, ""))
        return self.path / name


def sigmoid(logit: float) -> float:
    """Return the probability of a logit."""
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def load_bundle(path: str | os.PathLike[str] | None = None) -> Bundle:
    """Verify a bundle and return it; what scanning does not read (ONNX) is verified once it is asked for.

    Args:
        path: its folder; None for the one that ships with the package.

    Raises:
        BundleError: it is missing, a file is missing or altered, or it is for another tokenizer.
    """
    folder = Path(path) if path is not None else checkpoints_dir() / DEFAULT_BUNDLE
    config = _read_config(folder)
    for name, digest in _read_sums(folder).items():
        if not name.endswith(ONNX):
            _verify(folder, name, digest)
    try:
        if config["tokenizer"] != tk.VERSION:
            raise BundleError(f"model bundle {folder}: made for tokenizer {config['tokenizer']}, this is {tk.VERSION}")
        bundle = Bundle(
            path=folder,
            version=_version(config),
            members={name: _member(config["members"][name]) for name in MEMBERS if name in config["members"]},
            intercept=float(config["intercept"]),
            thresholds={float(rate): float(p) for rate, p in sorted(config["thresholds"].items(), key=_rate)},
            fpr=float(config["fpr"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"model bundle {folder}: config.json: {type(error).__name__}: {error}") from error
    if not _is_sound(bundle):
        raise BundleError(f"model bundle {folder}: config.json: calibration or thresholds are out of order")
    return bundle


def _verify(folder: Path, name: str, digest: str) -> None:
    try:
        actual = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"model bundle {folder}: {name}: {error.strerror or error}") from error
    if actual != digest:
        raise BundleError(f"model bundle {folder}: {name} is not the file that {SUMS} names")


def _member(entry: dict[str, Any]) -> Member:
    return Member(float(entry["weight"]), float(entry["slope"]), float(entry["intercept"]))


def _rate(item: tuple[str, Any]) -> float:
    return float(item[0])


def _is_sound(bundle: Bundle) -> bool:
    """Return whether a higher logit is never a lower score, and a smaller rate never a lower threshold."""
    thresholds = list(bundle.thresholds.values())
    return (
        MEMBERS[0] in bundle.members
        and all(member.slope > 0 and member.weight >= 0 for member in bundle.members.values())
        and any(member.weight > 0 for member in bundle.members.values())
        and bundle.fpr in bundle.thresholds
        and all(0 < p <= 1 for p in thresholds)
        and thresholds == sorted(thresholds, reverse=True)
    )


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
