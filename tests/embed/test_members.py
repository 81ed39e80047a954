"""The members in torch, scripted, say what their numpy runtimes say."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core.slices import Slices
from safepickle_dl.features import features
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.runtime.trees import TreeClassifier
from tests.assemble import run
from tests.golden.regenerate import PICKLES
from tests.runtime.test_trees import write

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def arrays() -> SliceArrays:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for i, data in enumerate(PICKLES.values()):
        slices.add_machine(run(data), i)
    return SliceArrays.of(slices)


def scripted(module: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.script", DeprecationWarning)
        return torch.jit.script(module)


def test_columns_and_trees(arrays: SliceArrays, tmp_path: Path) -> None:
    from safepickle_dl.models.handcrafted import Handcrafted

    trees = TreeClassifier(write(tmp_path / "t.safetensors"))
    chosen = np.flatnonzero(arrays.channel == 0)
    lengths = arrays.lengths[chosen]
    tokens = np.concatenate([arrays.tokens[arrays.first[k] : arrays.first[k + 1]] for k in chosen])
    slice_of = torch.from_numpy(np.repeat(np.arange(len(chosen)), lengths))
    module = Handcrafted(trees).eval()
    families = module.word_families(torch.from_numpy(arrays.grams))
    columns = module.columns(torch.from_numpy(tokens), slice_of, len(chosen), families)
    expected = features(arrays, chosen)
    np.testing.assert_array_equal(columns.numpy(), expected)
    assert expected.any(0).sum() > 60  # the pickles show many of the columns
    logits = scripted(module)(torch.from_numpy(tokens), slice_of, len(chosen), families)
    np.testing.assert_allclose(logits.numpy(), trees.logits(arrays, chosen), atol=1e-6)
    assert len(set(logits.tolist())) > 1
