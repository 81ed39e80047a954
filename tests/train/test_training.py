"""The whole training path on made files: corpus, fit, export, scan. And the pieces of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import DataLoader

from safepickle_dl.batch import N_FIELDS, pad
from safepickle_dl.core import tokens as tk
from safepickle_dl.models.sequence import SequenceClassifier, SequenceConfig
from safepickle_dl.scanner import Scanner
from train.__main__ import main
from train.ablate import AblationConfig
from train.corpus.config import CorpusConfig
from train.data import (
    MADE_GROUPS,
    CorpusData,
    FileDataset,
    MixtureSampler,
    collate,
    draw_anew,
    drop_names,
    source_weights,
)
from train.evaluate import JudgeConfig
from train.export import export
from train.hard import HardFiles, mine
from train.module import SequenceTraining, highest_per_file, logits_by_length, suspects
from train.variants import VARIANTS

CONFIGS = Path(__file__).parent.parent.parent / "configs"


def test_a_payload_is_always_drawn(corpus: Path) -> None:
    data = FileDataset(corpus / "train.parquet", 6, seed=0, groups=["made-malicious"])
    hosted = [i for i in range(len(data)) if 0 < len(data.payload[i]) < 6 < len(data.chosen[i])]
    assert len(hosted) > 10
    for i in hosted:
        batch, honest, label, _, index = data[i]
        payload = pad(data.arrays[i], data.payload[i])
        assert label == 1.0 and len(batch) == 6 and index == i
        assert honest.tolist() == [False] * len(payload) + [True] * (6 - len(payload))
        assert (batch[: len(payload), : payload.shape[1], 0] == payload[..., 0]).all()  # names may be masked, roles not


def test_every_slice_of_a_twin_is_honest(corpus: Path) -> None:
    data = FileDataset(corpus / "train.parquet", 6, seed=0, groups=["made-benign"])
    assert any(len(payload) for payload in data.payload)
    assert all(data[i][1].all() for i in range(len(data)))


def test_smoke_configuration(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns():  # Lightning's advice on worker counts, and torch's own deprecations
        cli = main(["fit", "-c", str(CONFIGS / "smoke.yaml"), "--data.folder", str(corpus)])
    assert cli.trainer.global_step == 40
    assert cli.trainer.callback_metrics["val/auroc"] > 0.6
    events = list(tmp_path.glob("runs/smoke/version_0/events.out.tfevents.*"))
    checkpoint = tmp_path / "runs/smoke/version_0/checkpoints/last.ckpt"
    assert events and checkpoint.is_file()
    config = export(checkpoint, corpus, tmp_path / "bundle", "smoke", "1", groups=MADE_GROUPS)
    assert config["parity"] < 1e-4
    scanner = Scanner(tmp_path / "bundle")
    assert scanner.model_version == "smoke 1"
    assert json.loads((tmp_path / "bundle" / "config.json").read_text()) == config
    score = scanner.scan_bytes(b"cos\nsystem\n(S'echo'\ntR.").score
    assert score > scanner.scan_bytes(b"]q\x00(K\x01K\x02e.").score == 0


def test_two_processes_train_one_net(corpus: Path, tmp_path: Path) -> None:
    options = {
        "trainer.devices": 2,
        "trainer.strategy": "ddp",
        "trainer.max_epochs": 1,
        "trainer.logger.init_args.save_dir": tmp_path,
        "data.folder": corpus,
        "data.workers": 1,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "train", "fit", "-c", str(CONFIGS / "smoke.yaml"), *flags]
    done = subprocess.run(command, cwd=CONFIGS.parent, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "smoke/version_0/checkpoints/last.ckpt").is_file()


def test_each_process_and_each_worker_draws_for_itself(corpus: Path) -> None:
    drawn = []
    for rank in (0, 1):
        data = CorpusData({"made-malicious": 4}, str(corpus), steps_per_epoch=2, judged_groups=list(MADE_GROUPS))
        data.trainer = SimpleNamespace(global_rank=rank)  # type: ignore[assignment]
        data.setup("fit")
        drawn.append(torch.cat([batch["index"] for batch in data.train_dataloader()]).tolist())
    assert drawn[0] != drawn[1]
    one = max(range(len(data.training)), key=lambda i: len(data.training.chosen[i]) - len(data.training.payload[i]))
    data.training.max_slices = len(data.training.payload[one]) + 3
    loader = DataLoader(data.training, sampler=[one] * 8, collate_fn=collate, num_workers=2, worker_init_fn=draw_anew)
    assert len({batch["tokens"].numpy().tobytes() for batch in loader}) > 4  # of two that draw the same, 4 at most


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_config_says_its_command_and_parses(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# ") and "python -m train" in text.split("\n\n")[0][:600]
    options = yaml.safe_load(text)
    if set(options) == {"data"}:  # what changes in another one
        CorpusData(**options["data"]["init_args"])
    elif "trainer" in options:
        assert set(options) >= {"model", "data", "seed_everything"}
    elif "variants" in options:
        assert set(AblationConfig(**options).variants) <= set(VARIANTS)
    elif "report" in options:
        JudgeConfig(**options)
    else:
        CorpusConfig(**options)


def test_make_model_runs_what_there_is() -> None:
    target = (CONFIGS.parent / "Makefile").read_text().partition("\nmodel:\n")[2].partition("\n\n")[0]
    modules = re.findall(r"python -m (\S+)", target)
    assert modules[0] == "train.corpus" and modules.index("train") < modules.index("train.export")
    assert modules.index("train.export") < modules.index("train.evaluate") < modules.index("train.card")
    assert all(find_spec(module) for module in modules)
    assert all((CONFIGS.parent / path).is_file() for path in re.findall(r"configs/\S+", target))


def bag(*ids: int, role: int = tk.NAME) -> np.ndarray:
    tokens = np.zeros((len(ids), 3, N_FIELDS), np.int32)
    tokens[:, :2, 0] = role
    tokens[:, 0, 1] = tk.GLOBAL
    tokens[:, 1, 1] = ids
    tokens[:, 1, 2] = tk.FIRST_GRAM
    return tokens


def test_collate_keeps_files_apart() -> None:
    both = (bag(700, 701), np.array([False, True]), 1.0, True, 7), (bag(702), np.array([True]), 0.0, False, 4)
    batch = collate(list(both))
    assert batch["tokens"].shape == (3, 3, N_FIELDS)
    assert batch["file"].tolist() == [0, 0, 1] and batch["honest"].tolist() == [False, True, True]
    assert batch["label"].tolist() == [1.0, 0.0] and batch["made"].tolist() == [True, False]
    assert batch["index"].tolist() == [7, 4]


def test_highest_per_file() -> None:
    highest = highest_per_file(torch.tensor([1.0, 3.0, -2.0]), torch.tensor([0, 0, 1]), 2)
    assert highest.tolist() == [3.0, -2.0]


def test_the_host_of_an_attack_is_not_to_blame() -> None:
    logits, honest = torch.tensor([-1.0, 5.0, 2.0]), torch.tensor([False, True, True])
    assert suspects(logits, honest, torch.tensor([1.0, 1.0, 0.0])).tolist() == [-1.0, -torch.inf, 2.0]


def test_logits_by_length_keep_their_order() -> None:
    torch.manual_seed(0)
    net = SequenceClassifier(SequenceConfig(d_model=8, n_layers=1)).eval()
    tokens = torch.zeros(7, 12, N_FIELDS, dtype=torch.int32)
    for i, length in enumerate((3, 12, 1, 7, 7, 2, 9)):
        tokens[i, :length, 0] = tk.ARGUMENT
        tokens[i, :length, 1] = torch.arange(length) + 700 + i
    torch.testing.assert_close(logits_by_length(net, tokens), net(tokens), atol=1e-5, rtol=1e-4)


def test_padding_does_not_change_a_logit() -> None:
    torch.manual_seed(0)
    net = SequenceClassifier(SequenceConfig(d_model=8, n_layers=2)).eval()
    tokens = torch.from_numpy(bag(700, 701))
    padded = torch.cat([tokens, torch.zeros(2, 5, N_FIELDS, dtype=torch.int32)], dim=1)
    torch.testing.assert_close(net(tokens), net(padded))


def test_drop_names_masks_words_only() -> None:
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        batch = drop_names(bag(700, 701), random)
        assert (batch[:, 0, 1] == tk.GLOBAL).all()
        seen.add(int(batch[0, 1, 1]))
        assert (batch[0, 1, 2:] == 0).all() == (batch[0, 1, 1] == tk.MASKED)
        arguments = drop_names(bag(700, role=tk.ARGUMENT), random)
        assert arguments[0, 1, 1] == 700
    assert seen == {700, tk.MASKED}


def test_mixture_is_kept() -> None:
    groups = ["a"] * 3 + ["b"] * 50 + ["c"] * 5
    sources = ["x"] * len(groups)
    sampler = MixtureSampler(groups, sources, {"a": 2, "b": 5}, 10, seed=0)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 10
    for batch in batches:
        drawn = [groups[i] for i in batch]
        assert (drawn.count("a"), drawn.count("b"), drawn.count("c")) == (2, 5, 0)
    assert list(MixtureSampler(groups, sources, {"a": 2, "b": 5}, 10, seed=0)) == batches
    with pytest.raises(ValueError, match="no training file is of group d"):
        MixtureSampler(groups, sources, {"d": 1}, 1, seed=0)


def test_a_source_with_many_files_does_not_drown_the_others() -> None:
    sources = ["large"] * 100 + ["small"]
    drawn = np.concatenate(list(MixtureSampler(["a"] * 101, sources, {"a": 10}, 200, seed=0)))
    assert (drawn == 100).mean() == pytest.approx(1 / 11, abs=0.02)  # by the roots of 100 and of 1
    np.testing.assert_allclose(source_weights(sources), [1 / 110] * 100 + [1 / 11])


def test_half_of_the_draws_go_by_difficulty() -> None:
    difficulty = np.ones(100)
    sampler = MixtureSampler(["a"] * 100, ["x"] * 100, {"a": 10}, 300, 0, difficulty)
    difficulty[:] = 0.01
    difficulty[3] = 0.99
    drawn = np.concatenate(list(sampler))
    assert (drawn == 3).mean() == pytest.approx(0.005 + 0.5 * 0.99 / (0.99 + 99 * 0.01), abs=0.03)
    assert len(set(drawn.tolist())) == 100


def test_a_file_is_as_difficult_as_the_net_was_wrong(corpus: Path) -> None:
    data = CorpusData({"made-malicious": 1, "made-benign": 1}, str(corpus), judged_groups=list(MADE_GROUPS))
    data.setup("fit")
    batch = {"index": torch.tensor([5, 2]), "label": torch.tensor([1.0, 0.0])}
    outputs = {"highest": torch.logit(torch.tensor([0.9, 0.2]))}
    HardFiles().on_train_batch_end(SimpleNamespace(datamodule=data), None, outputs, batch, 0)  # type: ignore[arg-type]
    assert data.training.difficulty[[5, 2, 0]] == pytest.approx([0.1, 0.2, 1.0])
    assert next(iter(data.train_dataloader().batch_sampler.difficulty[[5]])) == pytest.approx(0.1)  # type: ignore[union-attr]


def test_hard_slices_of_honest_files_are_always_drawn(corpus: Path) -> None:
    data = FileDataset(corpus / "train.parquet", 3, seed=0, groups=MADE_GROUPS)
    torch.manual_seed(0)
    module = SequenceTraining(d_model=8, n_layers=1)
    mine(data, module, 2)
    large = [i for i in range(len(data)) if len(data.chosen[i]) > 3]
    assert {len(data.hard[i]) for i in large if data.labels[i] == 0} == {2}
    assert all(len(data.hard[i]) == 0 for i in range(len(data)) if data.labels[i] == 1 or i not in large)
    assert module.training
    i = next(i for i in large if data.labels[i] == 0 and len(data.payload[i]) == 0)
    with torch.no_grad():
        logits = module.eval().net(torch.from_numpy(pad(data.arrays[i], data.chosen[i])))
    assert data.chosen[i][int(logits.argmax())] == data.hard[i][0]
    for _ in range(5):
        first = data[i][0][0]
        hardest = pad(data.arrays[i], data.hard[i][:1])[0]
        assert (first[: len(hardest), 0] == hardest[:, 0]).all() and not first[len(hardest) :].any()
