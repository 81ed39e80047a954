"""`python -m train.corpus.dumps --output data/dumps`: dump with whatever libraries are installed."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def main() -> None:
    """Parse the command line and dump."""
    parser = argparse.ArgumentParser(prog="python -m train.corpus.dumps", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the files and manifest.jsonl")
    parser.add_argument("--seed", type=int, default=0, help="of every random choice")
    parser.add_argument("--library", action="append", default=[], help="only this one (repeatable)")
    parser.add_argument("--share", type=float, default=1.0, help="share of the items to make, 0 to 1")
    parser.add_argument(
        "--rounds", type=int, default=2, help="how often each recipe runs, with other choices each time"
    )
    parser.add_argument(
        "--found", type=int, default=40, help="objects of each installed distribution to make without a recipe, at most"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that make these")
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # tiny fits: threads only get in each other's way
    os.environ.setdefault("MPLBACKEND", "agg")
    from train.corpus.dumps.runner import run

    result = run(
        arguments.output,
        arguments.seed,
        arguments.library,
        arguments.share,
        arguments.rounds,
        arguments.found,
        arguments.workers,
    )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
