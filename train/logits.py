"""Logits of many files that share slices: each distinct slice is classified once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.ensemble import SliceClassifier

MAX_KNOWN = 2_000_000
"""Slices that are remembered (count)."""


class SharedLogits:
    """A classifier that remembers what it has seen; its answers are the same."""

    def __init__(self, classifier: SliceClassifier) -> None:
        """Remember nothing yet."""
        self.classifier = classifier
        self._known: dict[bytes, float] = {}

    def highest(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> float:
        """Return the highest logit of the chosen slices, of which there is at least one."""
        return float(self.each(arrays, chosen).max())

    def each(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return the logit of each chosen slice, (k,)."""
        keys = distinct_keys(arrays, chosen)
        new = [i for i, key in enumerate(keys) if key not in self._known]
        if len(self._known) > MAX_KNOWN:
            self._known.clear()
            new = list(range(len(keys)))
        if new:
            logits = self.classifier.logits(arrays, chosen[new])
            self._known.update((keys[i], float(logit)) for i, logit in zip(new, logits, strict=True))
        return np.array([self._known[key] for key in keys], np.float64)


def distinct_keys(arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> list[bytes]:
    """Return what the net reads of each slice, short."""
    words = np.array([hash(row.tobytes()) for row in arrays.grams], np.int64)
    whole = np.stack([arrays.tokens & ((1 << tk.WORD_SHIFT) - 1), words[arrays.tokens >> tk.WORD_SHIFT]], axis=1)
    return [whole[arrays.first[k] : arrays.first[k + 1]].tobytes() for k in chosen]
