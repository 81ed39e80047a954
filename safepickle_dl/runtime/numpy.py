"""The sequence classifier on numpy: the forward pass of `models.sequence`, slices laid end to end.

Between two slices stand as many zeros as the convolutions reach, so nothing is padded to the longest slice; trigrams
are summed once for each word. Legend: n rows (tokens and gaps), k slices, w words, d channels.
"""

from __future__ import annotations

import json
import mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.errors import BundleError

BATCH_ROWS = 2048
"""Rows of one pass (count): what it works on fits into the processor's cache."""
EPSILON = 1e-5
"""Of the layer norms."""

Floats = npt.NDArray[np.float32]


def read_safetensors(path: Path) -> dict[str, Floats]:
    """Return the tensors of a safetensors file, as views of the mapped file.

    Raises:
        BundleError: it is no safetensors file of 32-bit floats.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        begin = 8 + int.from_bytes(data[:8], "little")
        tensors = {}
        for name, entry in json.loads(data[8:begin]).items():
            if name != "__metadata__":
                if entry["dtype"] != "F32":
                    raise ValueError(f"{name} is {entry['dtype']}")
                lo, hi = entry["data_offsets"]
                tensors[name] = np.frombuffer(data, np.float32, (hi - lo) // 4, begin + lo).reshape(entry["shape"])
        return tensors
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path.name}: {error}") from error


class NumpyClassifier:
    """Logits of slices."""

    def __init__(self, path: Path) -> None:
        """Map the weights.

        Raises:
            BundleError: they cannot be read, or are those of another net.
        """
        weights = read_safetensors(path)
        try:
            self._role, self._id, self._gram = (weights[f"{name}.weight"] for name in ("role", "id", "gram"))
            n_blocks = sum(name.endswith(".conv.weight") for name in weights)
            self._blocks = [_Block(weights, f"blocks.{i}.") for i in range(n_blocks)]
            self._norm = (weights["norm.weight"], weights["norm.bias"])
            self._hidden = (weights["head.0.weight"].T, weights["head.0.bias"])
            self._out = (weights["head.3.weight"].T, weights["head.3.bias"])
        except KeyError as error:
            raise BundleError(f"{path.name}: no tensor {error}") from error
        self._gap = max(block.reach for block in self._blocks)

    def logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> Floats:
        """Return the logit of each chosen slice, (k,)."""
        words = self._gram[arrays.grams].sum(1)  # (w, d)
        lengths = arrays.lengths[chosen]
        ends = np.cumsum(lengths + self._gap)
        logits = np.empty(len(chosen), np.float32)
        done = 0
        while done < len(chosen):
            rows = ends[done - 1] if done else 0
            stop = max(done + 1, int(np.searchsorted(ends, rows + BATCH_ROWS, side="right")))
            logits[done:stop] = self._run(arrays, arrays.first[chosen[done:stop]], lengths[done:stop], words)
            done = stop
        return logits

    def _run(
        self, arrays: SliceArrays, first: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], words: Floats
    ) -> Floats:
        """Return the logits of the slices that begin at `first`, (k,)."""
        gap = self._gap
        starts = gap + np.cumsum(lengths + gap) - lengths - gap  # (k,) rows
        n = int(starts[-1] + lengths[-1]) + gap
        index = np.repeat(first - starts, lengths + gap)  # (n - gap,) with the gap behind each slice
        in_slice = np.repeat(
            np.tile([True, False], len(lengths)), np.stack([lengths, np.full_like(lengths, gap)], 1).ravel()
        )
        rows = np.flatnonzero(in_slice) + gap
        tokens = arrays.tokens[rows + index[rows - gap]]
        x = np.zeros((n, self._role.shape[1]), np.float32)  # (n, d)
        x[rows] = (
            self._role[tokens & ((1 << tk.ID_SHIFT) - 1)]
            + self._id[(tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)]
            + words[tokens >> tk.WORD_SHIFT]
        )
        is_gap = np.ones(n, bool)
        is_gap[rows] = False
        for block in self._blocks:
            block.add_to(x, is_gap)
        x = _normed(x, *self._norm)[rows]
        bounds = np.cumsum(lengths) - lengths
        highest = np.maximum.reduceat(x, bounds)  # (k, d)
        mean = np.add.reduceat(x, bounds) / lengths[:, None].astype(np.float32)
        hidden = gelu(np.concatenate([highest, mean], 1) @ self._hidden[0] + self._hidden[1])
        logits: Floats = (hidden @ self._out[0] + self._out[1])[:, 0]
        return logits


class _Block:
    """x + GLU(conv(norm(x)))."""

    def __init__(self, weights: dict[str, Floats], prefix: str) -> None:
        kernel = weights[f"{prefix}conv.weight"]  # (2 d, d, taps)
        self.reach = kernel.shape[2] // 2
        self.taps = [np.ascontiguousarray(kernel[:, :, i].T) for i in range(kernel.shape[2])]
        self.bias = weights[f"{prefix}conv.bias"]
        self.norm = (weights[f"{prefix}norm.weight"], weights[f"{prefix}norm.bias"])

    def add_to(self, x: Floats, is_gap: npt.NDArray[np.bool_]) -> None:
        """Add the block's output to `x`, (n, d), in place; gaps stay zero."""
        h = _normed(x, *self.norm)
        h[is_gap] = 0
        n = len(x) - 2 * self.reach
        sums = h[:n] @ self.taps[0]
        for i in range(1, len(self.taps)):
            sums += h[i : i + n] @ self.taps[i]
        sums += self.bias
        d = x.shape[1]
        gate = sums[:, d:]
        np.negative(gate, out=gate)
        np.exp(gate, out=gate)
        gate += 1
        inner = slice(self.reach, len(x) - self.reach)
        x[inner] += sums[:, :d] / gate
        x[is_gap] = 0


def _normed(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Return the layer norm of each row."""
    centred = x - x.mean(1, keepdims=True)
    variance = np.einsum("nd,nd->n", centred, centred) / np.float32(x.shape[1])
    centred *= (1 / np.sqrt(variance + np.float32(EPSILON)))[:, None]
    centred *= weight
    centred += bias
    result: Floats = centred
    return result


def gelu(x: Floats) -> Floats:
    """Return x * P(normal <= x), by Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    z = np.abs(x) * np.float32(2**-0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    half = np.float32(0.5) * tail * np.exp(-z * z)  # P(normal > |x|)
    result: Floats = x * np.where(x > 0, 1 - half, half)
    return result
