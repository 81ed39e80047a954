"""The handcrafted member: gradient-boosted trees over the named columns of a slice; a file scores as its worst slice.

python -m train.handcrafted --data data/corpus --output runs/handcrafted
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.features import NAMES, features
from train.data import ALL_GROUPS, arrays_of, rows_of

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Files:
    """The call sites of many files. Legend: n files, s slices of all of them, d distinct slices, c columns."""

    columns: npt.NDArray[np.uint8]
    """(d, c)"""
    slice: Indices
    """(s,) which distinct slice it is."""
    file: Indices
    """(s,) whose it is."""
    payload: Mask
    """(s,) known to be an attack's."""
    group: npt.NDArray[np.str_]
    """(n,)"""
    malicious: Mask
    """(n,)"""

    def highest(self, values: Floats) -> Floats:
        """Return the highest of the distinct slices' values (d,) in each file, (n,)."""
        result = np.full(len(self.group), -np.inf)
        np.maximum.at(result, self.file, values[self.slice])
        return result


def read_files(path: Path, groups: Sequence[str] = ALL_GROUPS) -> Files:
    """Read one split of the corpus; files without a call site are left out."""
    numbers: dict[bytes, int] = {}
    columns, slices, sizes, payload, group, malicious = [], [], [], [], [], []
    for row in rows_of(path, groups):
        arrays = arrays_of(row)
        chosen = np.flatnonzero(arrays.channel == 0)
        if len(chosen) == 0:
            continue
        keys = _keys(arrays, chosen)
        new = {key: k for key, k in zip(keys, chosen, strict=True) if key not in numbers}
        numbers |= {key: len(numbers) + i for i, key in enumerate(new)}
        if new:
            columns.append(features(arrays, np.array(list(new.values()))).astype(np.uint8))
        slices.append(np.array([numbers[key] for key in keys]))
        sizes.append(len(chosen))
        payload.append(np.asarray(row["payload"], bool)[chosen])
        group.append(str(row["group"]))
        malicious.append(bool(row["label"]))
    return Files(
        columns=np.concatenate(columns),
        slice=np.concatenate(slices),
        file=np.repeat(np.arange(len(group)), sizes),
        payload=np.concatenate(payload),
        group=np.array(group),
        malicious=np.array(malicious),
    )


def _keys(arrays: SliceArrays, chosen: Indices) -> list[bytes]:
    """Return roles and ids of each slice."""
    tokens = (arrays.tokens & ((1 << tk.WORD_SHIFT) - 1)).astype(np.uint32)
    return [tokens[arrays.first[k] : arrays.first[k + 1]].tobytes() for k in chosen]
