"""The inputs of benchmarks.core: made, not found, so that everything in them is safe. Standard library alone."""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPCODES_PER_RECORD = 37
"""Of `mixed`, about (count)."""


def mixed(n_opcodes: int) -> list[dict[str, Any]]:
    """Return records of text, numbers and containers that pickle to about `n_opcodes` instructions."""
    random_ = random.Random(0)
    return [
        {
            "id": i,
            "name": f"item-{i}",
            "score": random_.random(),
            "tags": [f"tag{random_.randrange(1000)}" for _ in range(4)],
            "shape": (i % 7, i % 5, i % 3),
            "flags": {"seen": True, "parent": None, "weight": random_.randrange(1 << 20)},
        }
        for i in range(max(1, n_opcodes // OPCODES_PER_RECORD))
    ]


def blobs() -> list[bytes]:
    """Return 25 byte strings of 4 MB."""
    return [random.Random(i).randbytes(4_000_000) for i in range(25)]


def small(i: int) -> dict[str, Any]:
    """Return what one small file holds: 30 to 330 instructions."""
    return {f"key{k}": [i, k, f"value{k}", k / 7] for k in range(i % 40 + 2)}


def small_files(n: int) -> list[bytes]:
    """Return `n` small pickles."""
    return [pickle.dumps(small(i), protocol=4) for i in range(n)]


def joblib_file(path: Path) -> None:
    """Write estimator-like data with joblib: nested dicts and 60 arrays between them, 50 MB."""
    import joblib
    import numpy as np

    random_ = np.random.default_rng(0)
    joblib.dump(
        {f"tree{i}": {"values": random_.random((104_000,)), "names": mixed(2000)} for i in range(60)}, path, compress=0
    )


@dataclass(frozen=True)
class Input:
    """One input."""

    description: str
    pickles: Callable[[], list[bytes]] | None
    """Returns the content of its files; None for the file that only joblib can write."""


def _mixed(n_opcodes: int) -> Callable[[], list[bytes]]:
    return lambda: [pickle.dumps(mixed(n_opcodes), protocol=4)]


INPUTS: dict[str, Input] = {
    "mixed_1k": Input("10^3 small opcodes", _mixed(1_000)),
    "mixed_10k": Input("10^4 small opcodes", _mixed(10_000)),
    "mixed_100k": Input("10^5 small opcodes", _mixed(100_000)),
    "mixed_1m": Input("10^6 small opcodes", _mixed(1_000_000)),
    "mixed_3m": Input("(a) 3 million small opcodes", _mixed(3_000_000)),
    "mixed_10m": Input("10^7 small opcodes", _mixed(10_000_000)),
    "blobs": Input("(b) 100 MB of large byte arguments", lambda: [pickle.dumps(blobs(), protocol=4)]),
    "joblib": Input("(c) joblib, 50 MB, 60 arrays", None),
    "small": Input("(d) 2,000 small files", lambda: small_files(2000)),
}


def write_input(name: str, folder: Path) -> None:
    """Write the files of an input.

    Raises:
        ImportError: a library for it is missing.
    """
    pickles = INPUTS[name].pickles
    if pickles is None:
        joblib_file(folder / "0.joblib")
        return
    for i, data in enumerate(pickles()):
        (folder / f"{i}.pkl").write_bytes(data)


if __name__ == "__main__":
    write_input(sys.argv[1], Path(sys.argv[2]))
