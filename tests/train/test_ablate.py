"""Ablations: each variant hides what it says and nothing else; a run on made files gives a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import train.ablate
from safepickle_dl.batch import N_FIELDS
from safepickle_dl.core import tokens as tk
from safepickle_dl.models.sequence import SequenceClassifier, SequenceConfig
from train.ablate import AblationConfig, SharedData, ablate, figures_of_bags
from train.data import ALL_GROUPS, MADE_GROUPS
from train.module import highest_per_file
from train.variants import (
    VARIANTS,
    Masked,
    Transformer,
    WithoutArguments,
    WithoutIds,
    WithoutNames,
    WithoutTrigrams,
    mean_per_file,
)

WORD = tk.FIRST_WORD + 7


def slice_of(*tokens: tuple[int, int]) -> torch.Tensor:
    """Return one slice of (role, id) tokens, words with a trigram: (1, t, f)."""
    result = torch.zeros(1, len(tokens), N_FIELDS, dtype=torch.int32)
    for i, (role, word) in enumerate(tokens):
        result[0, i, 0], result[0, i, 1] = role, word
        result[0, i, 2] = tk.FIRST_GRAM + i if word >= tk.FIRST_WORD else 0
    return result


CALL = slice_of(
    (tk.SITE, tk.CALL), (tk.MODULE, WORD), (tk.NAME, WORD), (tk.ARGUMENT, tk.TEXT), (tk.ARGUMENT, WORD),
    (tk.ARGUMENT_NAME, WORD), (tk.STATE, WORD),
)  # fmt: skip


@pytest.mark.parametrize(
    ("mask", "hidden"), [(WithoutNames, {1, 2, 5}), (WithoutArguments, {4, 6})], ids=["names", "arguments"]
)
def test_words_of_some_roles_are_masked(mask: type[Masked], hidden: set[int]) -> None:
    seen = mask(nn.Identity()).hide(CALL)
    for i in range(CALL.shape[1]):
        if i in hidden:
            assert seen[0, i].tolist() == [CALL[0, i, 0], tk.MASKED] + [0] * tk.N_GRAMS
        else:
            assert (seen[0, i] == CALL[0, i]).all()


def test_words_lose_ids_or_trigrams() -> None:
    words = CALL[0, :, 1] >= tk.FIRST_WORD
    ids, trigrams = WithoutIds(nn.Identity()).hide(CALL)[0], WithoutTrigrams(nn.Identity()).hide(CALL)[0]
    assert (ids[words, 1] == tk.MASKED).all() and (ids[~words, 1] == CALL[0, ~words, 1]).all()
    assert (ids[:, 2:] == CALL[0, :, 2:]).all() and (ids[:, 0] == CALL[0, :, 0]).all()
    assert not trigrams[:, 2:].any() and (trigrams[:, :2] == CALL[0, :, :2]).all()


def test_the_transformer_is_as_large_and_ignores_padding() -> None:
    torch.manual_seed(0)
    net = SequenceClassifier(SequenceConfig())
    n_parameters = sum(p.numel() for p in net.blocks.parameters())
    other = Transformer(net).eval()
    assert sum(p.numel() for p in net.blocks.parameters()) == pytest.approx(n_parameters, rel=0.02)
    padded = torch.cat([CALL, torch.zeros(1, 5, N_FIELDS, dtype=torch.int32)], 1)
    torch.testing.assert_close(other(CALL), other(padded))
    assert (other(CALL) - other(CALL.flip(1))).abs() > 1e-4


def test_mean_per_file() -> None:
    mean = mean_per_file(torch.tensor([1.0, 3.0, -2.0]), torch.tensor([0, 0, 1]), 2)
    assert mean.tolist() == [2.0, -2.0]


def smoke(corpus: Path, output: Path, **options: Any) -> AblationConfig:
    return AblationConfig(
        mixture=dict.fromkeys(MADE_GROUPS, 8),
        folder=str(corpus),
        output=str(output),
        model={"d_model": 16, "n_layers": 1, "kernel": 3, "dropout": 0.0, "learning_rate": 5e-3},
        judged_groups=list(MADE_GROUPS),
        steps_per_epoch=10,
        **{"variants": {"full": [0]}, "precision": "32-true"} | options,
    )


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_run_gives_a_table(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["full", "without names", "without averaging", "without name dropout", "with mining", "mean pooling"]
    config = smoke(corpus, tmp_path, variants={name: [0] for name in names} | {"full": [0, 1]})
    runs = ablate(config)
    assert list(runs) == names and list(runs["full"]) == ["0", "1"]
    assert all(
        0 <= result["made_ap"] <= 1 and result["step_ms"] > 0 for run in runs.values() for result in run.values()
    )
    assert runs["full"]["0"]["injected_recall"] >= runs["full"]["0"]["recall"]
    assert len({result["made_ap"] for run in runs.values() for result in run.values()}) > 4  # they are different nets
    table = (tmp_path / "report.md").read_text().splitlines()
    rows = [line for line in table if line.startswith("| ") and not line.startswith("| variant")]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == [name for name in VARIANTS if name in names]
    monkeypatch.setattr(train.ablate, "train", None)
    assert ablate(config) == runs  # nothing is trained again


def test_unknown_variants_are_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no variant is called without sense"):
        ablate(smoke(corpus, tmp_path, variants={"without sense": [0]}))


def test_injection_costs_the_mean_and_not_the_maximum() -> None:
    large, small, attack = torch.full((9,), -2.0), torch.tensor([-1.0]), torch.tensor([3.0, 1.0])
    bags, labels, made = [large, small, attack], np.array([0.0, 0.0, 1.0]), np.zeros(3, bool)
    highest, mean = (figures_of_bags(bags, labels, made, pool) for pool in (highest_per_file, mean_per_file))
    assert highest["recall"] == mean["recall"] == highest["injected_recall"] == 1
    assert mean["injected_recall"] == 0
    assert highest["real_ap"] == mean["real_ap"] == 1 and "made_ap" not in highest


def test_groups_are_left_out(corpus: Path, tmp_path: Path) -> None:
    data = SharedData(smoke(corpus, tmp_path), VARIANTS["without twins"], 0)
    assert data.hparams["mixture"] == {"made-malicious": 8}
    drawn = next(iter(data.train_dataloader()))
    assert drawn["label"].tolist() == [1.0] * 8
    assert set(VARIANTS["without made files"].without) < set(ALL_GROUPS)
    first = SharedData(smoke(corpus, tmp_path), VARIANTS["full"], 0).training.random.random()
    again = SharedData(smoke(corpus, tmp_path), VARIANTS["full"], 0).training.random.random()
    assert np.isclose(first, again)
