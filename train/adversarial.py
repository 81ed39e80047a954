"""Adversarial training: attacks of the training split, mutated until a bundle scores them low, become training rows.

python -m train.adversarial --bundle checkpoints/safepickle-1 --output data/corpus/searched.parquet

The searcher is the judge's, with generators of the training split; the judge itself uses those of the test split.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from safepickle_dl.bundle import load_bundle, sigmoid
from safepickle_dl.ensemble import Ensemble
from train.corpus.config import CorpusConfig
from train.corpus.draw import Draw
from train.corpus.rows import columns_of
from train.corpus.schema import BLANK, SCHEMA
from train.corpus.sources import Job, Sources, group_of
from train.corpus.splits import owner_of
from train.data import arrays_of
from train.evaluate import corpus_config
from train.judge.attacks import Sample
from train.judge.search import search
from train.logits import SharedLogits

GROUP = "searched"
"""Of the rows; a mixture names it."""
KEPT = 0.8
"""A search whose best candidate keeps more than this share of its first score has found nothing new (probability)."""

Row = dict[str, Any]


class Searcher:
    """Searches from one sample after another, against one bundle."""

    def __init__(self, bundle: Path | None, config: CorpusConfig, budget: int, rounds: int) -> None:
        """Load the bundle; `budget` queries a search, `rounds` searches from each real file."""
        self.bundle = load_bundle(bundle)
        self.logits = SharedLogits(Ensemble(self.bundle))
        self.sources = Sources(config)
        self.hosts = self.sources.hosts("train")
        self.budget = budget
        self.rounds = rounds

    def rows(self, job: Job) -> list[Row]:
        """Return the rows that the searches from the files of one job come to."""
        return [row for sample in self.samples(job) if (row := self.row(sample)) is not None]

    def samples(self, job: Job) -> Iterator[Sample]:
        """Yield what is mutated: each real strict file of the training split several times, and made attacks once."""
        if job.source == "real":
            for entry in self.sources.real[job.start : job.stop]:
                data = (Path(self.sources.config.corpus or "") / entry["file"]).read_bytes()
                if is_start(entry, self.sources.config) and data[-1:] == b".":
                    for number in range(self.rounds):
                        yield Sample.of_stream(f"{entry['file']}/{number}", data)
        else:
            for number, (attack, _) in enumerate(self.sources.recipes("train", job.start, job.stop), job.start):
                yield Sample.of_recipe(f"made/train/{number:06}", attack)

    def row(self, sample: Sample) -> Row | None:
        """Return the row of the best candidate, None if the search found nothing that the bundle thinks better of."""
        threshold = self.bundle.operating_point().suspicious / 2
        outcome = search(sample, self.score, threshold, self.budget, self.hosts, Draw(f"round {sample.name}", "train"))
        columns = columns_of(outcome.best.stream, with_texts=False)
        if columns is None or outcome.best_score > KEPT * outcome.first_score:
            return None
        named = {"file": f"searched/{sample.name}", "origin": "made", "split": "train", "label": 1, "group": GROUP}
        return BLANK | columns | named | {"sha256": "", "technique": GROUP, "path": "evaded" if outcome.evaded else ""}

    def score(self, data: bytes) -> float:
        """Return the probability of a file's bytes."""
        columns = columns_of(data, with_texts=False)
        if columns is None:
            return -float("inf")
        arrays = arrays_of(columns)
        chosen = np.flatnonzero(arrays.channel == 0)
        return sigmoid(self.logits.highest(arrays, chosen)) if len(chosen) else 0.0


def is_start(entry: Row, config: CorpusConfig) -> bool:
    """Return whether a real file is one that a search may begin from."""
    return group_of(entry) == "malicious-strict" and config.owner_split(owner_of(entry["source"])) == "train"


_searcher: Searcher | None = None


def _begin(*arguments: Any) -> None:
    global _searcher
    _searcher = Searcher(*arguments)


def _rows(job: Job) -> list[Row]:
    if _searcher is None:
        raise RuntimeError("the pool has not begun")
    return _searcher.rows(job)


def main() -> None:
    """Parse the command line, search, write the rows and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m train.adversarial", description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a bundle's folder (default: the one that ships)")
    parser.add_argument("--config", default="configs/corpus.yaml", help="of the corpus")
    parser.add_argument("--output", type=Path, default=Path("data/corpus/searched.parquet"))
    parser.add_argument("--made", type=int, default=400, help="made attacks to start from (count)")
    parser.add_argument("--rounds", type=int, default=2, help="searches from each real file (count)")
    parser.add_argument("--budget", type=int, default=30, help="queries of one search (count)")
    given = parser.parse_args()
    config = corpus_config(given.config)
    jobs = [job for job in Sources(config).jobs() if job.source == "real"]
    jobs += [job for job in Sources(config).jobs() if job.source == "pairs-train" and job.start < given.made]
    rows: list[Row] = []
    with get_context("spawn").Pool(config.workers, _begin, (given.bundle, config, given.budget, given.rounds)) as pool:
        for found in tqdm(pool.imap(_rows, jobs), total=len(jobs), unit="part"):
            rows += found
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), given.output, compression="zstd")
    evaded = sum(row["path"] == "evaded" for row in rows)
    print(json.dumps({"rows": len(rows), "evaded": evaded}))


if __name__ == "__main__":
    main()
