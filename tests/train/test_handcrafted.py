"""Scikit-learn, our own walk and ONNX Runtime agree on trees; training finds what tells attacks from honest files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier

from safepickle_dl.features import NAMES
from safepickle_dl.runtime.trees import TreeClassifier
from train.handcrafted import Files, figures, file_weights, read_files, train, train_slices
from train.trees import flat_trees, write_onnx, write_trees

COMMAND, URL, TOKENS = (NAMES.index(name) for name in ("name: command", "value: scheme", "tokens"))


def test_all_forms_of_the_trees_agree(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = (random.random((2000, len(NAMES))) < 0.2).astype(np.float32)
    x[:, TOKENS] = random.integers(1, 97, len(x))
    y = (x[:, COMMAND] + x[:, URL] > 0) ^ (x[:, TOKENS] > 40)
    model = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8).fit(x, y)
    trees = flat_trees(model)
    write_trees(trees, tmp_path / "t.safetensors")
    write_onnx(trees, tmp_path / "t.onnx")
    expected = model.decision_function(x)
    assert expected.std() > 1
    np.testing.assert_allclose(TreeClassifier(tmp_path / "t.safetensors").predict(x), expected, atol=1e-4)
    session = onnxruntime.InferenceSession(str(tmp_path / "t.onnx"), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["logit"], {"columns": x})[0], expected, atol=1e-4)


def some_files(n: int) -> Files:
    """Attacks of two slices (one of which honest files have too), real ones, and honest files with their one slice."""
    columns = np.zeros((3, len(NAMES)), np.uint8)
    columns[1, COMMAND] = columns[2, URL] = 1
    group = np.repeat(["made-malicious", "malicious-strict", "benign"], n)
    return Files(
        columns=columns,
        slice=np.concatenate([np.tile([0, 1], n), np.tile([0, 2], n), np.zeros(n, int)]),
        file=np.concatenate([np.repeat(np.arange(2 * n), 2), np.arange(2 * n, 3 * n)]),
        payload=np.concatenate([np.ones(2 * n, bool), np.zeros(3 * n, bool)]),
        group=group,
        source=np.full(3 * n, "somebody"),
        malicious=group != "benign",
    )


def test_groups_weigh_as_the_mixture_says() -> None:
    weights = file_weights(some_files(5), {"benign": 3, "malicious-strict": 1})
    np.testing.assert_allclose(weights, np.repeat([0, 0.2, 0.6], 5))


def test_a_slice_that_honest_files_have_is_no_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.handcrafted.LEAST_ROWS", 1)
    files = some_files(5)
    model = train_slices(files, {"benign": 1, "made-malicious": 1, "malicious-strict": 1}, seed=0)
    honest, made, real = model.decision_function(files.columns.astype(np.float32))
    assert honest < 0 < min(made, real)
    assert files.highest(np.array([honest, made, real])).tolist() == [made] * 5 + [real] * 5 + [honest] * 5


def test_figures_by_hand() -> None:
    files = some_files(5)
    scores = np.array([3.0] * 5 + [0, 3, 3, 3, 3] + [1.0] * 5)
    found = figures(files, scores)
    assert set(found) == {"real malicious, honest", "made attacks, honest", "all"}  # no twins here
    assert found["made attacks, honest"]["recall at 1 %"] == 1
    assert found["real malicious, honest"]["recall at 1 %"] == 0.8


def test_the_command_on_a_small_corpus(corpus: Path, tmp_path: Path) -> None:
    config = Path(__file__).parents[2] / "configs/smoke.yaml"
    mixture = yaml.safe_load(config.read_text(encoding="utf-8"))["data"]["init_args"]["mixture"]
    report = train(corpus, tmp_path, mixture, seed=0, compare=True)
    assert json.loads((tmp_path / "handcrafted.json").read_text(encoding="utf-8")) == report
    assert report["slices"]["all"]["auroc"] > 0.7
    assert {entry["column"] for entry in report["importances"]} <= set(NAMES)
    assert (tmp_path / "handcrafted.safetensors").stat().st_size < 500_000
    validation = read_files(corpus / "validation.parquet")
    logits = TreeClassifier(tmp_path / "handcrafted.safetensors").predict(validation.columns.astype(np.float32))
    assert figures(validation, validation.highest(logits.astype(np.float64))) == report["slices"]
