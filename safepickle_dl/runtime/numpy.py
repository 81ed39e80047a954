"""The sequence classifier on numpy: the forward pass of `models.sequence`, each distinct piece of a slice once.

What a convolution gives at a token depends on the window of tokens that it reaches, and the slices of a file are alike:
five sixths of the tokens and half of the windows of thirteen are repeated. So each layer works on its distinct windows
alone, known exactly by the numbers of the windows of the layer below, and only pooling looks at every token. Legend: n
tokens, k slices, w words, d channels, u distinct windows.
"""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.errors import BundleError

BATCH_TOKENS = 8192
"""Of one pass (count): what is repeated is found among them; more are slower to sort."""
BATCH_WINDOWS = 512
"""Of one multiplication (count): what it works on fits into the processor's cache."""
EPSILON = 1e-5
"""Of the layer norms."""
MAX_KEY = 2**63 - 1
"""The numbers of a window make one integer; where they exceed this, those so far are numbered anew."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


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

    def logits(self, arrays: SliceArrays, chosen: Ints) -> Floats:
        """Return the logit of each chosen slice, (k,)."""
        words = self._gram[arrays.grams].sum(1)  # (w, d)
        lengths = arrays.lengths[chosen]
        ends = np.cumsum(lengths)
        logits = np.empty(len(chosen), np.float32)
        done = 0
        while done < len(chosen):
            tokens = ends[done - 1] if done else 0
            stop = max(done + 1, int(np.searchsorted(ends, tokens + BATCH_TOKENS, side="right")))
            logits[done:stop] = self._run(arrays, arrays.first[chosen[done:stop]], lengths[done:stop], words)
            done = stop
        return logits

    def _run(self, arrays: SliceArrays, first: Ints, lengths: Ints, words: Floats) -> Floats:
        """Return the logits of the slices that begin at `first`, (k,)."""
        bounds = np.cumsum(lengths) - lengths  # (k,)
        index = np.arange(lengths.sum())
        tokens = arrays.tokens[index + np.repeat(first - bounds, lengths)]  # (n,)
        # Slices lie end to end, with as many zeros around each as the convolutions reach.
        place = index + np.repeat(self._gap * np.arange(1, len(lengths) + 1), lengths)  # (n,)
        numbers = np.zeros(len(tokens) + self._gap * (len(lengths) + 1), np.int64)
        distinct, numbers[place] = numbered(tokens)
        x = self._embedded(tokens[distinct], words)
        for block in self._blocks:
            windows, numbers[place] = _windows(numbers, place, block.reach)
            x = block.run(x, windows)
        x = _normed(x, *self._norm)[numbers[place]]
        highest = np.maximum.reduceat(x, bounds)  # (k, d)
        mean = np.add.reduceat(x, bounds) / lengths[:, None].astype(np.float32)
        hidden = gelu(np.concatenate([highest, mean], 1) @ self._hidden[0] + self._hidden[1])
        logits: Floats = (hidden @ self._out[0] + self._out[1])[:, 0]
        return logits

    def _embedded(self, tokens: Ints, words: Floats) -> Floats:
        """Return the embeddings of tokens behind that of a gap, which is zero, (u + 1, d)."""
        x = np.zeros((len(tokens) + 1, words.shape[1]), np.float32)
        np.take(words, tokens >> tk.WORD_SHIFT, axis=0, out=x[1:])
        x[1:] += self._role[tokens & ((1 << tk.ID_SHIFT) - 1)]
        x[1:] += self._id[(tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)]
        return x


def numbered(keys: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Return where each distinct key stands (u,), in their order, and the number of each key (n,), counted from 1.

    As `np.unique`, which imports numpy.ma.
    """
    order = np.argsort(keys)
    ordered = keys[order]
    is_new = np.ones(len(keys), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    numbers = np.empty(len(keys), np.int64)
    numbers[order] = np.cumsum(is_new)
    return order[is_new], numbers


def _windows(numbers: Ints, place: Ints, reach: int) -> tuple[Ints, Ints]:
    """Return the distinct windows behind an empty one, (u + 1, taps), and the number of the window of each token (n,).

    Args:
        numbers: what stands at each place, 0 in gaps.
        place: (n,) of each token.
        reach: places of a window on either side of a token (count).
    """
    taps = np.arange(-reach, reach + 1)
    base = int(numbers.max()) + 1
    keys = numbers[place + taps[0]]
    for tap in taps[1:]:
        if keys.max() >= MAX_KEY // base:
            _, keys = numbered(keys)
        keys = keys * base + numbers[place + tap]
    distinct, above = numbered(keys)
    windows = np.zeros((len(distinct) + 1, len(taps)), np.int64)
    windows[1:] = numbers[place[distinct][:, None] + taps]
    return windows, above


class _Block:
    """x + GLU(conv(norm(x)))."""

    def __init__(self, weights: dict[str, Floats], prefix: str) -> None:
        kernel, bias = weights[f"{prefix}conv.weight"], weights[f"{prefix}conv.bias"]  # (2 d, d, taps), (2 d,)
        _, d, taps = kernel.shape
        self.reach = taps // 2
        self.value, self.gate = (
            np.ascontiguousarray(half.transpose(2, 1, 0)).reshape(taps * d, d) for half in (kernel[:d], -kernel[d:])
        )
        self.value_bias, self.gate_bias = bias[:d], -bias[d:]
        self.norm = (weights[f"{prefix}norm.weight"], weights[f"{prefix}norm.bias"])

    def run(self, x: Floats, windows: Ints) -> Floats:
        """Return (u + 1, d) of windows (u + 1, taps) of rows of `x`; row 0 of each array is a gap, which is zero."""
        h = _normed(x, *self.norm)
        h[0] = 0
        result = np.empty((len(windows), x.shape[1]), np.float32)
        for start in range(0, len(windows), BATCH_WINDOWS):
            part = windows[start : start + BATCH_WINDOWS]
            columns = h[part].reshape(len(part), -1)  # (u, taps d)
            value, gate = columns @ self.value, columns @ self.gate
            value += self.value_bias
            gate += self.gate_bias
            np.exp(gate, out=gate)
            gate += 1
            value /= gate
            np.add(value, x[part[:, self.reach]], out=result[start : start + BATCH_WINDOWS])
        result[0] = 0
        return result


def _normed(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """Return the layer norm of each row."""
    centred = x - x @ np.full((x.shape[1], 1), 1 / x.shape[1], np.float32)  # faster than mean()
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
