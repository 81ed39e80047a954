"""Names beside files: each training step also asks the net what some callables of other people's libraries are.

A net that sees a hundred thousand files still meets few names that are called, and almost all of these are gadgets.
What `python -m train.corpus.gadgets.mine --callees` found out about the others (what kind each is, which sinks its
parameters reach) is a second task for the same layers. It is no part of the score.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from safepickle_dl.batch import SliceArrays, pad
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import Budget
from safepickle_dl.stream import read_stream
from train.corpus.gadgets.callees import LABELS


class Callees:
    """Callables, as slices that call them with nothing, drawn from at random."""

    def __init__(self, path: Path, n: int, seed: int) -> None:
        """Read a table of which `python -m train.corpus build` left what trains.

        Args:
            path: the table.
            n: callables of one draw; half of them reach a sink (count).
            seed: of the drawing.

        Raises:
            FileNotFoundError: there is none.
            ValueError: no callable reaches a sink, or all do.
        """
        rows = pq.read_table(path, columns=["module", "name", "labels"]).to_pylist()
        self.arrays, self.place = slices_of((row["module"], row["name"]) for row in rows)
        self.labels = np.array([[label in row["labels"] for label in LABELS] for row in rows], np.float32)
        reaching = self.labels.sum(1) > 1
        self.pools = [np.flatnonzero(pool & (self.place >= 0)) for pool in (reaching, ~reaching)]
        if not all(map(len, self.pools)):
            raise ValueError(f"{path}: has to hold callables that reach a sink, and others")
        self.n = n
        self.random = np.random.default_rng(seed)

    def draw(self) -> dict[str, Tensor]:
        """Return `callees` (n, t, f), the slice of a call of each, and `callee_labels` (n, len(LABELS)), 0 or 1."""
        chosen = np.concatenate([self.random.choice(pool, self.n // 2) for pool in self.pools])
        tokens = pad(self.arrays, self.place[chosen])
        return {"callees": torch.from_numpy(tokens), "callee_labels": torch.from_numpy(self.labels[chosen])}


def slices_of(names: Iterable[tuple[str, str]]) -> tuple[SliceArrays, np.ndarray]:
    """Return the slices of calls of (module, name), and which of them is that of each name, (n,).

    It is -1 for a name that looks like an earlier one, since numbers are read as such.
    """
    slices, place = Slices(sys.maxsize), []
    for module, name in names:
        texts = b"".join(b"X" + struct.pack("<I", len(text)) + text for text in (module.encode(), name.encode()))
        data = b"\x80\x04" + texts + b"\x93)R."
        first_new = slices.count
        slices.add_machine(read_stream("", data, 0, len(data), Budget()).machine, 0)
        place.append(next((k for k in range(first_new, slices.count) if slices.channel[k] == 0), -1))
    return SliceArrays.of(slices), np.array(place, np.int64)
