"""The handcrafted member on numpy: boosted trees over the columns of `features`, all trees walked down at once.

The file holds the trees as flat arrays. Legend: m nodes, t trees, k slices, c columns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from safepickle_dl import features as columns
from safepickle_dl.batch import SliceArrays
from safepickle_dl.errors import BundleError
from safepickle_dl.runtime.numpy import Floats, read_safetensors

BATCH_SLICES = 128
"""Slices of one pass (count): what it works on fits into the processor's cache."""


class TreeClassifier:
    """Logits of slices.

    From node i, a slice goes on to `left[i]` if its column `feature[i]` is at most `threshold[i]`, else to the node
    behind that; a leaf leads to itself and has a `value`.
    """

    def __init__(self, path: Path) -> None:
        """Read the trees.

        Raises:
            BundleError: they cannot be read, or are for other columns.
        """
        tensors = read_safetensors(path)
        try:
            digest, n_columns = (int(tensors[name][0]) for name in ("digest", "n_columns"))
            self.feature, self.left, self.root = (tensors[name].astype(np.intp) for name in ("feature", "left", "root"))
            self.threshold, self.value = tensors["threshold"], tensors["value"]
            self.base = float(tensors["base"][0])
        except KeyError as error:
            raise BundleError(f"{path.name}: no tensor {error}") from error
        if (digest, n_columns) != (columns.DIGEST, len(columns.NAMES)):
            raise BundleError(f"{path.name}: made for other columns than this version computes")
        self.depth = self._measure(path)

    def _measure(self, path: Path) -> int:
        """Return how many steps it is to the deepest leaf.

        Raises:
            BundleError: a node leads out of the arrays or back.
        """
        m, nodes = len(self.left), np.arange(len(self.left))
        leads_on = self.left > nodes
        if (
            not len(self.feature) == len(self.threshold) == len(self.value) == m
            or (self.left < nodes).any()
            or (self.left[leads_on] + 1 >= m).any()
            or ((self.feature < 0) | (self.feature >= len(columns.NAMES))).any()
            or ((self.root < 0) | (self.root >= m)).any()
        ):
            raise BundleError(f"{path.name}: these are no trees")
        level, depth = self.root[leads_on[self.root]], 0
        while len(level):
            children = np.concatenate([self.left[level], self.left[level] + 1])
            level = np.unique(children[leads_on[children]])
            depth += 1
        return depth

    def logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> Floats:
        """Return the logit of each chosen slice, (k,)."""
        return self.predict(columns.features(arrays, chosen))

    def predict(self, x: Floats) -> Floats:
        """Return the logit of each row of columns, (k,) of (k, c)."""
        logits = np.empty(len(x), np.float32)
        for start in range(0, len(x), BATCH_SLICES):
            part = x[start : start + BATCH_SLICES]
            row = np.arange(len(part))[:, None] * x.shape[1]
            node = np.broadcast_to(self.root, (len(part), len(self.root)))
            flat = np.ascontiguousarray(part).ravel()
            for _ in range(self.depth):
                node = self.left[node] + (flat[row + self.feature[node]] > self.threshold[node])
            logits[start : start + BATCH_SLICES] = self.value[node].sum(1, dtype=np.float64) + self.base
        return logits
