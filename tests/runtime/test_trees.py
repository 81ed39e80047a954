from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core.slices import Slices
from safepickle_dl.errors import BundleError
from safepickle_dl.features import DIGEST, NAMES
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.runtime import trees as runtime
from safepickle_dl.runtime.trees import TreeClassifier
from tests.assemble import PAYLOAD, run

SYSTEM = NAMES.index("name: command")
TOKENS = NAMES.index("tokens")

STUMPS: dict[str, list[float]] = {
    # a tree of three leaves and a tree that is one leaf
    "feature": [SYSTEM, 0, TOKENS, 0, 0, 0],
    "threshold": [0.5, np.inf, 10.5, np.inf, np.inf, np.inf],
    "left": [1, 1, 3, 3, 4, 5],
    "value": [0, -1, 0, 2, 4, 0.25],
    "root": [0, 5],
    "base": [0.5],
    "digest": [DIGEST],
    "n_columns": [len(NAMES)],
}


def write(path: Path, **changes: list[float]) -> Path:
    save_file({name: np.array(values, np.float32) for name, values in (STUMPS | changes).items()}, path)
    return path


def test_a_slice_goes_down_by_hand(tmp_path: Path) -> None:
    classifier = TreeClassifier(write(tmp_path / "t.safetensors"))
    assert classifier.depth == 2
    x = np.zeros((4, len(NAMES)), np.float32)
    x[1:, SYSTEM] = 1
    x[:, TOKENS] = [90, 10, 11, 12]
    np.testing.assert_array_equal(classifier.predict(x), [-0.25, 2.75, 4.75, 4.75])


def test_logits_of_slices_whatever_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = TreeClassifier(write(tmp_path / "t.safetensors"))
    slices = Slices(DEFAULT_LIMITS.max_tokens)
    slices.add_machine(run(PAYLOAD[:-1] + b"0cnumpy\ndtype\n(S'f8'\ntR."), 0)
    arrays = SliceArrays.of(slices)
    chosen = np.flatnonzero(arrays.channel == 0)
    together = classifier.logits(arrays, chosen)
    assert sorted(together.tolist()) == [-0.25, 2.75]
    monkeypatch.setattr(runtime, "BATCH_SLICES", 1)
    np.testing.assert_array_equal(classifier.logits(arrays, chosen[::-1]), together[::-1])
    assert classifier.logits(arrays, chosen[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"digest": [DIGEST ^ 1]}, "other columns"),
        ({"n_columns": [1]}, "other columns"),
        ({"left": [1, 1, 5, 3, 4, 5]}, "no trees"),  # the right child of node 2 is outside
        ({"left": [1, 0, 3, 3, 4, 5]}, "no trees"),  # a way back
        ({"feature": [len(NAMES), 0, 0, 0, 0, 0]}, "no trees"),
        ({"root": [0, 6]}, "no trees"),
        ({"value": [0, 0]}, "no trees"),
        ({"root": [0, 0]}, "no trees"),
        ({"root": [0, 3]}, "no trees"),  # a root inside of a tree
    ],
)
def test_broken_trees_are_refused(tmp_path: Path, changes: dict[str, list[float]], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        TreeClassifier(write(tmp_path / "t.safetensors", **changes))


def test_leaves_are_those_that_a_walk_comes_to(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    trees: dict[str, list[float]] = {name: [] for name in ("feature", "threshold", "left", "value", "root")}
    for n_leaves in (1, 2, 7, 32, 32):
        trees["root"].append(len(trees["left"]))
        leaves = [_leaf(trees, random)]
        while len(leaves) < n_leaves:
            at = leaves.pop(random.integers(len(leaves)))
            trees["feature"][at], trees["threshold"][at] = random.integers(4), random.integers(5) + 0.5
            trees["left"][at] = len(trees["left"])
            leaves += [_leaf(trees, random), _leaf(trees, random)]
    classifier = TreeClassifier(write(tmp_path / "t.safetensors", **trees))
    x = np.zeros((200, len(NAMES)), np.float32)
    x[:, :4] = random.integers(0, 7, (200, 4))
    expected = []
    for row in x:
        total = 0.5
        for root in trees["root"]:
            at = int(root)
            while trees["left"][at] != at:
                at = int(trees["left"][at]) + int(row[int(trees["feature"][at])] > trees["threshold"][at])
            total += trees["value"][at]
        expected.append(total)
    np.testing.assert_allclose(classifier.predict(x), expected, rtol=1e-5)
    assert len(set(expected)) > 20


def _leaf(trees: dict[str, list[float]], random: np.random.Generator) -> int:
    at = len(trees["left"])
    for name, value in (("feature", 0), ("threshold", np.inf), ("left", at), ("value", random.normal())):
        trees[name].append(value)
    return at


def test_a_tree_of_too_many_leaves_is_refused(tmp_path: Path) -> None:
    n = 2 * runtime.MAX_LEAVES + 1
    left = [i + 1 if i % 2 == 0 and i < n - 1 else i for i in range(n)]  # each right child leads on
    trees = {name: [0.0] * n for name in ("feature", "threshold", "value")}
    with pytest.raises(BundleError, match="more than 32 leaves"):
        TreeClassifier(write(tmp_path / "t.safetensors", left=left, root=[0], **trees))


def test_another_net_is_refused(tmp_path: Path) -> None:
    save_file({"role.weight": np.zeros(1, np.float32)}, tmp_path / "x.safetensors")
    with pytest.raises(BundleError, match="no tensor 'digest'"):
        TreeClassifier(tmp_path / "x.safetensors")
