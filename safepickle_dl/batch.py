"""Slices to padded arrays: the one place where tokens become what the nets read. Training imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safepickle_dl.core import tokens as tk
from safepickle_dl.core.slices import Slices

N_FIELDS = 2 + tk.N_GRAMS
"""Ints of one token as the nets read it: role, id, trigrams."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SliceArrays:
    """The distinct slices of one file, ragged.

    Legend: n tokens in all, k slices, w words.
    """

    tokens: IntArray
    """(n,) as `core.tokens` packs them."""
    first: IntArray
    """(k + 1,) slice i is `tokens[first[i]:first[i + 1]]`."""
    channel: IntArray
    """(k,) 0: call site, 1: opcode context."""
    grams: IntArray
    """(w, N_GRAMS) trigrams of each word."""

    @classmethod
    def of(cls, slices: Slices, start: int = 0) -> SliceArrays:
        """Copy the arrays out of a `Slices`, from slice `start` on."""
        words = slices.words
        first = _to_array(slices.first, start, slices.count + 1)
        return cls(
            tokens=_to_array(slices.tokens, int(first[0]), int(first[-1])),
            first=first - first[0],
            channel=_to_array(slices.channel, start, slices.count),
            grams=_to_array(words.grams, 0, words.n_words * tk.N_GRAMS).reshape(-1, tk.N_GRAMS),
        )

    @property
    def lengths(self) -> IntArray:
        """(k,) Tokens of each slice."""
        lengths: IntArray = np.diff(self.first)
        return lengths


def _to_array(buffer: Sequence[int], start: int, end: int) -> IntArray:
    return np.asarray(memoryview(buffer)[start:end], dtype=np.int64).copy()  # type: ignore[arg-type]


def pad(arrays: SliceArrays, chosen: IntArray) -> npt.NDArray[np.int32]:
    """Return the chosen slices, padded with zeros to the longest.

    Args:
        arrays: the slices of one file.
        chosen: (b,) indices of slices.

    Returns:
        (b, t, N_FIELDS) role, id and trigrams of each token.
    """
    lengths = arrays.lengths[chosen]
    t = int(lengths.max(initial=1))
    filled = np.arange(t) < lengths[:, None]  # (b, t)
    index = (arrays.first[chosen][:, None] + np.arange(t))[filled]
    tokens = arrays.tokens[index]
    batch = np.zeros((len(chosen), t, N_FIELDS), dtype=np.int32)
    batch[filled, 0] = tokens & ((1 << tk.ID_SHIFT) - 1)
    batch[filled, 1] = (tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
    batch[filled, 2:] = arrays.grams[tokens >> tk.WORD_SHIFT]
    return batch
