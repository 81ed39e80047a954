"""The members on numpy give what they give on ONNX Runtime, whatever the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from safepickle_dl.batch import SliceArrays
from safepickle_dl.bundle import load_bundle
from safepickle_dl.core.slices import Slices
from safepickle_dl.ensemble import MAKERS
from safepickle_dl.errors import BundleError
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.runtime import numpy as runtime
from safepickle_dl.runtime.onnx import OnnxClassifier
from tests.assemble import run
from tests.golden.regenerate import PICKLES


@pytest.fixture(scope="module")
def arrays() -> SliceArrays:
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    for number, data in enumerate(PICKLES.values()):
        slices.add_machine(run(data), number)
    return SliceArrays.of(slices)


@pytest.mark.parametrize("name", list(load_bundle().members))
def test_logits_are_those_of_onnx_runtime(name: str, arrays: SliceArrays) -> None:
    bundle, chosen = load_bundle(), np.flatnonzero(arrays.channel == 0)
    ours = MAKERS[name](bundle.weights_of(name)).logits(arrays, chosen)
    np.testing.assert_allclose(ours, OnnxClassifier(bundle.onnx_of(name)).logits(arrays, chosen), atol=1e-4)
    assert ours.std() > 1


def test_logits_do_not_depend_on_the_batch(arrays: SliceArrays, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = runtime.NumpyClassifier(load_bundle().weights_of("sequence"))
    chosen = np.arange(len(arrays.channel))
    together = classifier.logits(arrays, chosen)
    monkeypatch.setattr(runtime, "BATCH_TOKENS", 1)
    np.testing.assert_allclose(classifier.logits(arrays, chosen[::-1]), together[::-1], atol=1e-4)
    assert classifier.logits(arrays, chosen[:0]).shape == (0,)


def test_windows_that_exceed_an_integer_are_the_same(arrays: SliceArrays, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = runtime.NumpyClassifier(load_bundle().weights_of("sequence"))
    chosen = np.arange(len(arrays.channel))
    expected = classifier.logits(arrays, chosen)
    monkeypatch.setattr(runtime, "MAX_KEY", len(arrays.tokens) ** 2)  # two numbers fit into a key
    np.testing.assert_array_equal(classifier.logits(arrays, chosen), expected)


def test_distinct_windows_stand_for_all() -> None:
    numbers, place = np.array([0, 0, 1, 2, 1, 2, 3, 0, 0]), np.arange(2, 7)
    windows, above = runtime._windows(numbers, place, 1)
    np.testing.assert_array_equal(windows[above], [[0, 1, 2], [1, 2, 1], [2, 1, 2], [1, 2, 3], [2, 3, 0]])
    windows, above = runtime._windows(np.array([0, 1, 1, 1, 1, 0]), np.arange(1, 5), 1)
    assert windows.tolist() == [[0, 0, 0], [0, 1, 1], [1, 1, 0], [1, 1, 1]]
    assert above.tolist() == [1, 3, 3, 2]


def test_a_file_of_another_type_is_refused(tmp_path: Path) -> None:
    header = b'{"x": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2))
    with pytest.raises(BundleError, match="x is F16"):
        runtime.read_safetensors(path)


def test_another_net_is_refused(tmp_path: Path) -> None:
    header = b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(BundleError, match=r"no tensor 'role\.weight'"):
        runtime.NumpyClassifier(path)
