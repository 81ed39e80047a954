"""The autoencoder on numpy: how new each slice is, and how unusual that is among honest files.

The forward pass of `models.autoencoder`. Legend: k slices, n tokens, w words, g trigrams, p parts, v symbols,
s symbols that stand in slices.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.errors import BundleError
from safepickle_dl.runtime.numpy import Floats, gelu, read_safetensors

BATCH_SLICES = 128
"""Slices of one pass (count): their bags fit into the processor's cache."""
CALLEE, ARGUMENTS, IMPORTS, STATE = range(4)
"""Parts of a slice: what is called, the values that it is called with, imports in arguments or state, state."""
PART_OF_ROLE = np.array([CALLEE, CALLEE, CALLEE, CALLEE, ARGUMENTS, ARGUMENTS, IMPORTS, IMPORTS, STATE, CALLEE])
N_PARTS = 4
N_SCORED = 2
"""Callee and arguments count. The others help to foresee them: state is as varied as data is, and does not run."""

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


class NoveltyScorer:
    """Novelty of slices."""

    def __init__(self, path: Path) -> None:
        """Map the weights.

        Raises:
            BundleError: they cannot be read, or are those of another net.
        """
        weights = read_safetensors(path)
        try:
            self._symbol, self._bias = weights["symbol"], weights["bias"][:N_SCORED]
            self._encoder, self._decoder = (
                [(weights[f"{name}.{i}.weight"].T, weights[f"{name}.{i}.bias"]) for i in (0, 2)]
                for name in ("encoder", "decoder")
            )
            self.knots, self.levels = weights["knots"], weights["levels"]
        except KeyError as error:
            raise BundleError(f"{path.name}: no tensor {error}") from error
        self._n_parts = len(weights["bias"])
        self._n_symbols = len(self._symbol)

    def scores(self, arrays: SliceArrays, chosen: Ints) -> Floats:
        """Return how new each chosen slice is, (k,), in nats."""
        grams = np.where(
            arrays.grams > 0, tk.FIRST_WORD + arrays.grams % (self._n_symbols - tk.FIRST_WORD), 0
        )  # (w, g)
        scores = np.empty(len(chosen), np.float32)
        for start in range(0, len(chosen), BATCH_SLICES):
            part = chosen[start : start + BATCH_SLICES]
            scores[start : start + len(part)] = self._losses(len(part), *self._cells(arrays, part, grams))
        return scores

    def logits(self, arrays: SliceArrays, chosen: Ints) -> Floats:
        """Return `scores`: as a member of an ensemble, whose weight makes logits of them."""
        return self.scores(arrays, chosen)

    def percentile(self, raw: Floats) -> Floats:
        """Return the share of honest validation files that are less new than each score, 0 to 1; it never falls."""
        return np.asarray(np.interp(raw, self.knots, self.levels), np.float32)

    def _cells(self, arrays: SliceArrays, chosen: Ints, grams: Ints) -> tuple[Ints, Doubles]:
        """Return where in (k, p, v) each symbol of the chosen slices stands, and its share of its part, (s,)."""
        lengths = arrays.lengths[chosen]
        ends = np.cumsum(lengths)
        tokens = arrays.tokens[np.arange(ends[-1]) + np.repeat(arrays.first[chosen] - ends + lengths, lengths)]  # (n,)
        row = np.repeat(np.arange(len(chosen)) * self._n_parts, lengths)
        row += PART_OF_ROLE[tokens & ((1 << tk.ID_SHIFT) - 1)]
        ids = (tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
        is_word = ids >= tk.FIRST_WORD
        words = grams[tokens[is_word] >> tk.WORD_SHIFT]  # (words among n, g)
        some = words > 0
        n_some = some.sum(1)
        rows = np.concatenate([row[~is_word], np.repeat(row[is_word], n_some)])
        weights = np.concatenate([np.ones(len(row) - len(words)), np.repeat(1 / np.maximum(n_some, 1), n_some)])
        shares = weights / np.bincount(rows, weights)[rows]
        return rows * self._n_symbols + np.concatenate([ids[~is_word], words[some]]), shares

    def _losses(self, n: int, cells: Ints, shares: Doubles) -> Floats:
        """Return what is lost of the parts that count, (k,).

        Args:
            n: slices (k).
            cells: what `_cells` returns, (s,).
            shares: likewise.
        """
        v = self._n_symbols
        bags = np.bincount(cells, shares, n * self._n_parts * v).astype(np.float32)
        h: Floats = (bags.reshape(-1, v) @ self._symbol).reshape(n, -1)
        for layers in (self._encoder, self._decoder):
            h = gelu(h @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1]
        back = np.ascontiguousarray(h.reshape(n, self._n_parts, -1)[:, :N_SCORED])
        foreseen = back.reshape(-1, back.shape[-1]) @ self._symbol.T  # flat: numpy multiplies stacks slowly
        foreseen = foreseen.reshape(n, N_SCORED, v)
        foreseen += self._bias
        foreseen -= foreseen.max(-1, keepdims=True)
        rows, symbol = np.divmod(cells, v)
        k, part = np.divmod(rows, self._n_parts)
        scored = part < N_SCORED
        k, part, symbol = k[scored], part[scored], symbol[scored]
        log_share = np.log(bags[cells[scored]])
        log_share -= foreseen[k, part, symbol]
        log_share += np.log(np.exp(foreseen, out=foreseen).sum(-1))[k, part]
        return np.bincount(k, shares[scored] * log_share, n).astype(np.float32)
