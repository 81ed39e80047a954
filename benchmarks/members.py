"""What the members of the ensemble cost: CPU time for 100 distinct slices, on one thread, over honest files.

python -m benchmarks.members [--corpus ../shared/corpus] [--files 300]

Without a corpus the sample files are taken, which say little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.bundle import load_bundle
from safepickle_dl.ensemble import Ensemble
from safepickle_dl.reader import read_path

MAX_SLICES = 1000
"""Of one file (count): a few large files shall not be all that counts."""
EXAMPLES = Path(__file__).parent.parent / "examples"


def files(corpus: Path, n: int) -> Iterator[Path]:
    """Yield honest files, spread over the corpus."""
    paths = sorted((corpus / "benign").iterdir()) if (corpus / "benign").is_dir() else sorted(EXAMPLES.glob("benign*"))
    yield from paths[:: max(1, len(paths) // n)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.members", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--files", type=int, default=300)
    arguments = parser.parse_args()
    ensemble = Ensemble(load_bundle())
    seconds: dict[str, list[float]] = {name: [] for name in ensemble.members}
    n_slices, n_tokens = [], 0
    for path in files(arguments.corpus, arguments.files):
        arrays = SliceArrays.of(analyse(read_path(path)).slices)
        chosen = np.flatnonzero(arrays.channel == 0)[:MAX_SLICES]
        if len(chosen) == 0:
            continue
        n_slices.append(len(chosen))
        n_tokens += int(arrays.lengths[chosen].sum())
        for name, member in ensemble.members.items():
            start = time.process_time()
            member.logits(arrays, chosen)
            seconds[name].append(time.process_time() - start)
    total = sum(n_slices)
    print(f"{len(n_slices)} files, {total} slices (median {statistics.median(n_slices):g} a file), {n_tokens} tokens\n")
    print("| member | ms for 100 slices | ms a file, median |\n|---|--:|--:|")
    for name, values in seconds.items():
        print(f"| {name} | {1e5 * sum(values) / total:.1f} | {1e3 * statistics.median(values):.1f} |")
    sums = [sum(parts) for parts in zip(*seconds.values(), strict=True)]
    print(f"| all | {1e5 * sum(sums) / total:.1f} | {1e3 * statistics.median(sums):.1f} |")


if __name__ == "__main__":
    main()
