"""Ragged slices to padded arrays, and the same logits whatever the batch."""

from __future__ import annotations

import numpy as np
import pytest

from safepickle_dl.batch import N_FIELDS, SliceArrays, pad
from safepickle_dl.bundle import load_bundle
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.runtime import onnx
from tests.assemble import run

PICKLES = [
    b"cos\nsystem\n(S'echo'\ntR.",
    b"ccollections\nOrderedDict\n)R(S'a'\nI1\nS'bb'\nI2\nu.",
    b"cbuiltins\nlen\n.",
]


@pytest.fixture
def arrays() -> SliceArrays:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for number, data in enumerate(PICKLES):
        slices.add_machine(run(data), number)
    return SliceArrays.of(slices)


def test_shapes(arrays: SliceArrays) -> None:
    k = len(arrays.channel)
    assert arrays.first.shape == (k + 1,)
    assert arrays.lengths.sum() == len(arrays.tokens)
    assert arrays.grams.shape[1] == tk.N_GRAMS


def test_pad_puts_every_field_in_its_place(arrays: SliceArrays) -> None:
    chosen = np.array([2, 0])
    batch = pad(arrays, chosen)
    assert batch.shape == (2, arrays.lengths[chosen].max(), N_FIELDS)
    assert batch.dtype == np.int32
    for row, k in zip(batch, chosen, strict=True):
        tokens = arrays.tokens[arrays.first[k] : arrays.first[k + 1]]
        n = len(tokens)
        assert (row[:n, 0] == tokens & 0xFF).all()
        assert (row[:n, 1] == (tokens >> 8) & 0xFFFF).all()
        assert (row[:n, 2:] == arrays.grams[tokens >> 24]).all()
        assert (row[n:] == 0).all() and (row[:n, 0] > 0).all()


def test_ids_are_in_range(arrays: SliceArrays) -> None:
    batch = pad(arrays, np.arange(len(arrays.channel)))
    assert batch[..., 0].max() < tk.N_ROLES
    assert batch[..., 1].max() < tk.N_IDS
    assert batch[..., 2:].max() < tk.N_GRAM_IDS


def test_logits_do_not_depend_on_the_batch(arrays: SliceArrays, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = onnx.OnnxClassifier(load_bundle().onnx_of("sequence"))
    chosen = np.arange(len(arrays.channel))
    together = classifier.logits(arrays, chosen)
    alone = np.array([classifier.logits(arrays, np.array([k]))[0] for k in chosen])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    monkeypatch.setattr(onnx, "BATCH_TOKENS", 1)
    np.testing.assert_allclose(classifier.logits(arrays, chosen[::-1]), alone[::-1], atol=1e-4)
    assert classifier.logits(arrays, chosen[:0]).shape == (0,)
