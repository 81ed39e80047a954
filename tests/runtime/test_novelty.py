"""Novelty on numpy is that of torch, eager and scripted; its percentile never falls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from safepickle_dl.batch import SliceArrays, pad
from safepickle_dl.core.slices import Slices
from safepickle_dl.errors import BundleError
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.models.autoencoder import N_SCORED, PART_OF_ROLE, Autoencoder, AutoencoderConfig
from safepickle_dl.runtime import novelty
from safepickle_dl.runtime.novelty import NoveltyScorer
from tests.assemble import run
from tests.golden.regenerate import PICKLES


@pytest.fixture(scope="module")
def arrays() -> SliceArrays:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for number, data in enumerate(PICKLES.values()):
        slices.add_machine(run(data), number)
    return SliceArrays.of(slices)


@pytest.fixture(scope="module")
def net() -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(AutoencoderConfig(n_grams=200, d_model=8, d_hidden=12, d_code=4)).eval()


@pytest.fixture(scope="module")
def path(net: Autoencoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("novelty") / "anomaly.safetensors"
    table = {"knots": torch.tensor([1.0, 2.0, 4.0]), "levels": torch.tensor([0.1, 0.5, 0.99])}
    save_file({name: tensor.contiguous() for name, tensor in net.state_dict().items()} | table, str(path))
    return path


def test_scores_are_those_of_torch(arrays: SliceArrays, net: Autoencoder, path: Path) -> None:
    chosen = np.arange(len(arrays.channel))
    ours = NoveltyScorer(path).scores(arrays, chosen)
    tokens = torch.from_numpy(pad(arrays, chosen))
    with torch.no_grad():
        np.testing.assert_allclose(ours, net(tokens).numpy(), atol=1e-4)
        with pytest.warns(DeprecationWarning):
            scripted = torch.jit.script(net)
        np.testing.assert_allclose(ours, scripted(tokens).numpy(), atol=1e-4)
    assert ours.std() > 0.1 and (ours >= 0).all()


def test_scores_do_not_depend_on_the_batch(arrays: SliceArrays, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = NoveltyScorer(path)
    chosen = np.arange(len(arrays.channel))
    together = scorer.scores(arrays, chosen)
    monkeypatch.setattr(novelty, "BATCH_SLICES", 3)
    np.testing.assert_allclose(scorer.scores(arrays, chosen[::-1]), together[::-1], atol=1e-5)
    assert scorer.scores(arrays, chosen[:0]).shape == (0,)


def test_parts_are_those_of_the_net() -> None:
    assert novelty.PART_OF_ROLE.tolist() == list(PART_OF_ROLE) and novelty.N_SCORED == N_SCORED


def test_percentile_never_falls(path: Path) -> None:
    scorer = NoveltyScorer(path)
    np.testing.assert_allclose(
        scorer.percentile(np.array([1.0, 1.5, 3.0, 9.0], np.float32)), [0.1, 0.3, 0.745, 0.99], atol=1e-6
    )
    assert (np.diff(scorer.percentile(np.linspace(-5, 50, 300, dtype=np.float32))) >= 0).all()


def test_another_net_is_refused(tmp_path: Path) -> None:
    header = b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(BundleError, match="no tensor 'symbol'"):
        NoveltyScorer(path)
