"""Training of the autoencoder: what it reads, how slices weigh, and the whole path on made files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from safepickle_dl.batch import pad
from safepickle_dl.runtime.novelty import NoveltyScorer
from train.__main__ import main
from train.anomaly import NoveltyTraining
from train.anomaly.__main__ import export, highest_scores, percentiles
from train.anomaly.compare import compare
from train.anomaly.data import HonestSlices, balanced
from train.data import MADE_GROUPS, FileDataset
from train.logits import distinct_keys

CONFIGS = Path(__file__).parents[2] / "configs"


def test_no_malicious_slice_and_none_twice(corpus: Path) -> None:
    data = HonestSlices(corpus / "train.parquet", {"made-benign": 1, "made-malicious": 1})
    keys = [distinct_keys(arrays, np.array([k]))[0] for arrays, k in data.slices]
    assert len(set(keys)) == len(keys) == len(data) > 100
    files = FileDataset(corpus / "train.parquet", 1, groups=MADE_GROUPS)
    honest = {
        key
        for i, arrays in enumerate(files.arrays)
        if files.labels[i] == 0
        for key in distinct_keys(arrays, files.chosen[i])
    }
    assert set(keys) == honest
    with pytest.raises(ValueError, match="no honest slice of made-malicious"):
        HonestSlices(corpus / "train.parquet", {"made-malicious": 1})


def test_a_library_does_not_drown_the_others() -> None:
    weights = balanced(["a"] * 101 + ["b"], [7] * 100 + [8, 7], {"a": 3, "b": 1})
    assert weights[:101].sum() == pytest.approx(3) and weights[101] == pytest.approx(1)
    assert weights[100] == pytest.approx(10 * weights[0])


def test_percentiles_rise_and_are_denser_at_the_top() -> None:
    knots, levels = percentiles(np.r_[np.zeros(50), np.arange(950) + 1.0])
    assert (np.diff(knots) > 0).all() and (np.diff(levels) > 0).all()
    assert len(knots) <= 64 and levels[0] <= 0.051 and levels[-1] == 1000 / 1001
    assert np.interp(900, knots, levels) == pytest.approx(0.949, abs=0.01)
    assert (levels > 0.9).sum() > len(levels) / 2
    assert percentiles(np.array([2.0, 2.0]))[0].tolist() == [2.0]


@pytest.fixture(scope="module")
def exported(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anomaly")
    flags = ["--data.init_args.folder", str(corpus), "--data.init_args.judged_groups", "[made-benign,made-malicious]"]
    flags += ["--data.init_args.mixture", "{made-benign: 1}", "--data.init_args.steps_per_epoch", "10"]
    flags += [
        "--data.init_args.batch_slices",
        "32",
        "--model.init_args.d_model",
        "8",
        "--model.init_args.n_grams",
        "64",
    ]
    flags += ["--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    flags += ["--trainer.logger.init_args.save_dir", str(folder), "--trainer.log_every_n_steps", "5"]
    with pytest.warns():  # Lightning's advice on worker counts, and torch's own deprecations
        cli = main(["fit", "-c", str(CONFIGS / "autoencoder.yaml"), *flags])
    assert cli.trainer.global_step == 20 and isinstance(cli.model, NoveltyTraining)
    assert 0 <= cli.trainer.callback_metrics["val/auroc"] <= 1
    checkpoint = folder / "anomaly" / "version_0" / "checkpoints" / "last.ckpt"
    return export(checkpoint, corpus, folder / "exported", groups=MADE_GROUPS)


def test_from_configuration_to_percentiles(exported: Path, corpus: Path) -> None:
    scorer = NoveltyScorer(exported)
    data = FileDataset(corpus / "validation.parquet", 1 << 20, groups=MADE_GROUPS)
    scores = highest_scores(scorer, data)
    honest = scores[np.array(data.labels) == 0]
    assert scorer.percentile(np.median(honest)) == pytest.approx(0.5, abs=0.05)
    assert scorer.percentile(honest.max()) == pytest.approx(1, abs=0.05)
    session = onnxruntime.InferenceSession(str(exported.with_suffix(".onnx")), providers=["CPUExecutionProvider"])
    for i in range(3):
        chosen = data.chosen[i][:9]
        there = session.run(["novelty"], {"tokens": pad(data.arrays[i], chosen)})[0]
        np.testing.assert_allclose(scorer.scores(data.arrays[i], chosen), there, atol=1e-4)


def test_comparison(exported: Path, corpus: Path) -> None:
    result = compare(corpus, [exported], None, {"made-benign": 1}, n_fitted=200, seeds=1, groups=MADE_GROUPS)
    assert set(result["methods"]) == {"autoencoder", "LocalOutlierFactor", "IsolationForest", "OneClassSVM"}
    for figures in result["methods"].values():
        assert 0 <= figures["recall at 1 %"]["mean"] <= figures["recall at 5 %"]["mean"] <= 1
        assert 0 < figures["auroc"]["mean"] < 1
    assert torch.is_grad_enabled()
