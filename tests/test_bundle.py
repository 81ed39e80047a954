"""A bundle is what its hashes say, or it is refused in one line."""

from __future__ import annotations

import json
import math
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from safepickle_dl.bundle import DEFAULT_BUNDLE, bundle_version, load_bundle, write_sums
from safepickle_dl.core import tokens as tk
from safepickle_dl.errors import BundleError
from safepickle_dl.paths import checkpoints_dir
from safepickle_dl.scanner import Scanner


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoints_dir() / DEFAULT_BUNDLE, tmp_path / "bundle"))


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    write_sums(folder)


def test_the_shipped_bundle_loads() -> None:
    bundle = load_bundle()
    assert bundle.version == bundle_version()
    assert {0.001, 0.01} <= set(bundle.thresholds) and bundle.fpr == 0.005
    for member in bundle.members.values():
        assert member.probability(-math.inf) == 0
        assert member.probability(1.0) > member.probability(0.5) > member.probability(-800.0) >= 0


def test_a_smaller_rate_asks_for_more() -> None:
    bundle = load_bundle()
    points = [bundle.operating_point(rate) for rate in bundle.thresholds]
    assert bundle.operating_point() == bundle.operating_point(bundle.fpr)
    assert all(0 < point.suspicious <= point.malicious < 1 for point in points)
    for stricter, looser in pairwise(points):
        assert stricter.malicious >= looser.malicious and stricter.suspicious >= looser.suspicious
    assert points[0].suspicious < points[0].malicious
    with pytest.raises(BundleError, match=r"no threshold for a rate of 0\.02, only for 0\.001, "):
        bundle.operating_point(0.02)


def test_the_shipped_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in checkpoints_dir().rglob("*") if path.is_file()) < 15e6


def test_nothing_shipped_is_a_pickle_and_no_path_is_in_it() -> None:
    for path in (checkpoints_dir() / DEFAULT_BUNDLE).iterdir():
        data = path.read_bytes()
        assert data[:1] != b"\x80" and data[:2] != b"PK", path.name
        assert b"/home/" not in data and b"/tmp/" not in data and b"site-packages" not in data, path.name


def load_all(folder: Path) -> None:
    bundle = load_bundle(folder)
    for member in bundle.members:
        bundle.onnx_of(member)


@pytest.mark.parametrize("name", ["sequence.onnx", "config.json", "sequence.safetensors", "handcrafted.onnx"])
def test_an_altered_file_is_refused(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=rf"{name} is not the file|config\.json"):
        load_all(copy)


@pytest.mark.parametrize("name", ["anomaly.safetensors", "sequence.onnx"])
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: No such file"):
        load_all(copy)


def test_scanning_does_not_wait_for_files_that_it_does_not_read(copy: Path) -> None:
    (copy / "sequence.onnx").write_bytes(b"")
    assert load_bundle(copy).version


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    for load in (load_bundle, bundle_version):
        with pytest.raises(BundleError, match=r"config\.json: No such file"):
            load(tmp_path / "none")


def test_another_tokenizer_is_refused(copy: Path) -> None:
    change_config(copy, tokenizer=tk.VERSION + 1)
    with pytest.raises(BundleError, match=f"made for tokenizer {tk.VERSION + 1}, this is {tk.VERSION}"):
        load_bundle(copy)


@pytest.mark.parametrize(
    "values",
    [
        {"members": {"sequence": {"weight": 1, "slope": -1, "intercept": 0}}},
        {"members": {"sequence": {"weight": -1, "slope": 1, "intercept": 0}}},
        {"members": {"sequence": {"weight": 1, "slope": "x", "intercept": 0}}},
        {"members": {"handcrafted": {"weight": 1, "slope": 1, "intercept": 0}}},
        {"members": None},
        {"thresholds": {}},
        {"thresholds": [0.01]},
        {"thresholds": {"0.001": 0.5, "0.01": 0.9}},
        {"fpr": 0.5},
        {"intercept": None},
    ],
)
def test_a_broken_config_is_refused(copy: Path, values: dict[str, object]) -> None:
    change_config(copy, **values)
    with pytest.raises(BundleError, match=r"config\.json"):
        load_bundle(copy)


def test_config_that_is_no_json_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text("[")
    for load in (load_bundle, bundle_version):
        with pytest.raises(BundleError, match="not JSON"):
            load(copy)


def test_sums_may_not_name_files_elsewhere(copy: Path) -> None:
    with (copy / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  ../config.json\n")
    with pytest.raises(BundleError, match="outside"):
        load_bundle(copy)


@pytest.mark.parametrize("data", [b"", b"no model", b"\2" + bytes(7) + b"{}", b"\2" + bytes(7) + b"[]", b"\xff" * 16])
def test_weights_that_are_none_are_refused(copy: Path, data: bytes) -> None:
    (copy / "sequence.safetensors").write_bytes(data)
    write_sums(copy)
    with pytest.raises(BundleError, match=r"sequence\.safetensors"):
        Scanner(copy)
