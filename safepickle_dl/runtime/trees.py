"""The handcrafted member on numpy: boosted trees over the columns of `features`, all trees at once.

The file holds the trees as flat arrays. Nothing is walked down: each comparison that a slice passes says which leaves
it cannot reach, one bit a leaf, and the leftmost one left is its own. Legend: m nodes, t trees, k slices, c columns,
q comparisons.

Source: Lucchese et al., QuickScorer: a fast algorithm to rank documents with additive ensembles of regression trees,
2015.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from safepickle_dl import features as columns
from safepickle_dl.batch import SliceArrays
from safepickle_dl.errors import BundleError
from safepickle_dl.runtime.numpy import Floats, numbered, read_safetensors

BATCH_SLICES = 128
"""Slices of one pass (count): what it works on fits into the processor's cache."""
MAX_LEAVES = 32
"""Of a tree (count)."""

Nodes = npt.NDArray[np.intp]


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
        levels = self._levels(path)
        self.depth = len(levels) - 1
        self._prepare(levels, path)

    def _levels(self, path: Path) -> list[Nodes]:
        """Return the nodes at each distance from the roots.

        Raises:
            BundleError: a node leads out of the arrays or back, or to where another one leads.
        """
        m, nodes = len(self.left), np.arange(len(self.left))
        leads_on = self.left > nodes
        reached = np.concatenate([self.root, self.left[leads_on], self.left[leads_on] + 1])
        if (
            not len(self.feature) == len(self.threshold) == len(self.value) == m
            or (self.left < nodes).any()
            or ((reached < 0) | (reached >= m)).any()
            or np.bincount(reached).max() > 1
            or not np.isfinite(self.threshold[leads_on]).all()
            or ((self.feature < 0) | (self.feature >= len(columns.NAMES))).any()
        ):
            raise BundleError(f"{path.name}: these are no trees")
        levels = [self.root]
        while len(parents := levels[-1][leads_on[levels[-1]]]):
            levels.append(np.concatenate([self.left[parents], self.left[parents] + 1]))
        return levels

    def _prepare(self, levels: list[Nodes], path: Path) -> None:
        """Number the leaves of each tree from left to right, and collect what each comparison excludes.

        Raises:
            BundleError: a tree has too many leaves.
        """
        m, n_trees = len(self.left), len(self.root)
        leads_on = self.left > np.arange(m)
        n_leaves, begin, tree = np.ones(m, np.int64), np.zeros(m, np.int64), np.zeros(m, np.intp)
        tree[self.root] = np.arange(n_trees)
        parents = [level[leads_on[level]] for level in levels]
        for at in reversed(parents):
            n_leaves[at] = n_leaves[self.left[at]] + n_leaves[self.left[at] + 1]
        if n_leaves.max() > MAX_LEAVES:
            raise BundleError(f"{path.name}: a tree has more than {MAX_LEAVES} leaves")
        for at in parents:
            left = self.left[at]
            tree[left] = tree[left + 1] = tree[at]
            begin[left], begin[left + 1] = begin[at], begin[at] + n_leaves[left]
        self._leaf_value = np.zeros((n_trees, MAX_LEAVES), np.float32)
        leaves = np.concatenate([level[~leads_on[level]] for level in levels])
        self._leaf_value[tree[leaves], begin[leaves]] = self.value[leaves]

        inner = np.concatenate(parents)
        left = self.left[inner]
        pairs = self.feature[inner] + 1j * self.threshold[inner]  # complex numbers sort by column, then by threshold
        distinct, comparison = numbered(pairs)
        pairs = pairs[distinct]
        # The first comparison is always passed and excludes nothing, so that every slice passes one.
        self._column = np.concatenate([[0], pairs.real.astype(np.intp)])  # (q,)
        self._above = np.concatenate([[-np.inf], pairs.imag]).astype(np.float32)  # (q,)
        self._kept = np.full((len(self._above), n_trees), (1 << MAX_LEAVES) - 1, np.uint32)
        mask = ((1 << n_leaves[left]) - 1 << begin[left]).astype(np.uint32)
        np.bitwise_and.at(self._kept, (comparison, tree[inner]), ~mask)
        # Who passes a comparison passes all below it of the same column: only the last one passed has to be looked at.
        self._goes_on = np.append(self._column[1:] == self._column[:-1], False)
        self._goes_on[0] = False
        for i in np.flatnonzero(self._goes_on):
            self._kept[i + 1] &= self._kept[i]

    def logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> Floats:
        """Return the logit of each chosen slice, (k,)."""
        return self.predict(columns.features(arrays, chosen))

    def predict(self, x: Floats) -> Floats:
        """Return the logit of each row of columns, (k,) of (k, c)."""
        logits = np.empty(len(x), np.float32)
        for start in range(0, len(x), BATCH_SLICES):
            passed = x[start : start + BATCH_SLICES, self._column] > self._above  # (k, q)
            is_last = passed.copy()
            is_last[:, :-1] &= ~(passed[:, 1:] & self._goes_on[:-1])
            row, comparison = np.nonzero(is_last)
            begin = np.searchsorted(row, np.arange(len(passed)))
            left = np.bitwise_and.reduceat(self._kept[comparison], begin, axis=0)  # (k, t)
            _, leaf = np.frexp((left & -left).astype(np.float32))  # the lowest bit, counted from 1
            values = self._leaf_value[np.arange(left.shape[1]), leaf - 1]
            logits[start : start + BATCH_SLICES] = values.sum(1, dtype=np.float64) + self.base
        return logits
