from __future__ import annotations

import numpy as np

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.bundle import load_bundle
from safepickle_dl.runtime.numpy import NumpyClassifier
from train.logits import SharedLogits

FILES = [
    b"cos\nsystem\n(S'echo'\ntR.",
    b"(cos\nsystem\n(S'echo'\ntRcnumpy\ndtype\n(S'f8'\ntRt.",
    b"cnumpy\ndtype\n(S'f8'\ntR.",
    b"cos\nsystem\n(S'echo other'\ntR.",
]


def test_shared_logits_are_those_of_the_classifier() -> None:
    classifier = NumpyClassifier(load_bundle().weights_of("sequence"))
    calls = 0

    class Counting:
        def logits(self, arrays: SliceArrays, chosen: np.ndarray) -> np.ndarray:
            nonlocal calls
            calls += len(chosen)
            return classifier.logits(arrays, chosen)

    shared = SharedLogits(Counting())  # type: ignore[arg-type]
    for data in FILES * 2:
        arrays = SliceArrays.of(analyse(data).slices)
        chosen = np.flatnonzero(arrays.channel == 0)
        np.testing.assert_allclose(shared.highest(arrays, chosen), classifier.logits(arrays, chosen).max(), atol=1e-5)
    assert calls == 3
