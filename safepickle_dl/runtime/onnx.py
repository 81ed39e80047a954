"""The members on ONNX Runtime: the same answers for who has it already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from safepickle_dl.batch import SliceArrays, pad
from safepickle_dl.errors import BundleError
from safepickle_dl.features import features

BATCH_TOKENS = 8192
"""Tokens of one call of the net, padding included (count): bounds its memory, whatever the file."""

FloatArray = npt.NDArray[np.float32]


class OnnxClassifier:
    """Logits of slices, by any member: what its file takes (tokens or columns) says how they are read."""

    def __init__(self, path: Path) -> None:
        """Load an ONNX file.

        Raises:
            BundleError: ONNX Runtime cannot load it.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the nets are tiny: threads cost more than they bring
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise BundleError(f"{path.name}: {error}") from error
        (taken,), (given,) = self._session.get_inputs(), self._session.get_outputs()
        self._input, self._output = taken.name, given.name

    def logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> FloatArray:
        """Return the logit of each chosen slice, (b,)."""
        by_length = np.argsort(arrays.lengths[chosen], kind="stable")
        logits = np.empty(len(chosen), np.float32)
        done = 0
        while done < len(chosen):
            size = _batch_size(arrays.lengths[chosen[by_length[done:]]])
            part = by_length[done : done + size]
            read = features if self._input == "columns" else pad
            logits[part] = self._session.run([self._output], {self._input: read(arrays, chosen[part])})[0]
            done += size
        return logits


def _batch_size(lengths: npt.NDArray[np.int64]) -> int:
    """Return how many of the slices, sorted by length, fit into one batch (at least 1)."""
    padded = lengths * np.arange(1, len(lengths) + 1)
    return max(1, int(np.searchsorted(padded, BATCH_TOKENS, side="right")))
