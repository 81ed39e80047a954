"""Searched attacks: still attacks, of the training split, and ones that the bundle thinks better of."""

from __future__ import annotations

import numpy as np
import pytest

from safepickle_dl.bundle import sigmoid
from train.adversarial import GROUP, Searcher
from train.corpus.config import CorpusConfig
from train.corpus.schema import SCHEMA
from train.corpus.sources import Job
from train.data import arrays_of


def test_rows_of_made_attacks(corpus_config: CorpusConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.adversarial.KEPT", 1.0)  # whatever the shipped bundle withstands
    searcher = Searcher(None, corpus_config, budget=30, rounds=1)
    job = Job("pairs-train", 0, 4)
    rows, samples = searcher.rows(job), list(searcher.samples(job))
    assert len(rows) == len(samples) == 4
    first = {f"searched/{sample.name}": searcher.score(sample.stream) for sample in samples}
    for row in rows:
        assert (row["group"], row["split"], row["label"]) == (GROUP, "train", 1)
        assert set(row) == set(SCHEMA.names)
        arrays = arrays_of(row | {"grams": np.array(row["grams"])})
        highest = sigmoid(searcher.logits.highest(arrays, np.flatnonzero(arrays.channel == 0)))
        assert highest <= first[row["file"]] + 1e-6
    again = Searcher(None, corpus_config, budget=30, rounds=1).rows(job)
    assert [row["signature"] for row in again] == [row["signature"] for row in rows]
