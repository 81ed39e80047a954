"""Rows of the corpus as the judge needs them, and the bytes behind them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from train.corpus.build import iter_rows
from train.corpus.config import CorpusConfig
from train.corpus.draw import Draw
from train.corpus.files.hosts import Host
from train.corpus.rows import columns_of
from train.corpus.schema import SCHEMA
from train.corpus.sources import PART_FILES, Sources
from train.judge.attacks import Attack, Sample
from train.judge.detector import Row
from train.judge.trial import Attacked

LARGE = {"10^5": 6, "10^6": 3}
"""Attacks that make files of this size are tried on this many samples (count): time is all they would tell more of."""
ALWAYS = ("file", "label", "group", "origin", "split", "owner", "module", "technique", "container", "library", "pair")
"""The columns that the judge itself reads."""


def read_rows(folder: Path, split: str, columns: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of a split, weak malicious files left out, with these columns and those that the judge reads."""
    wanted = [name for name in SCHEMA.names if name in {*ALWAYS, *columns}]
    rows = iter_rows(folder / f"{split}.parquet", wanted)
    return [row for row in rows if row["group"] != "malicious-weak"]


def bytes_of(row: Mapping[str, Any], config: CorpusConfig) -> bytes:
    """Return the file behind a row of a judged split."""
    if row.get("data") is not None:
        return bytes(row["data"])
    folder = config.corpus if row["origin"] == "real" else config.dumps
    return (Path(folder or "") / row["file"]).read_bytes()


def samples_of(test: Sequence[Row], sources: Sources, n_made: int, n_real: int) -> list[Sample]:
    """Return what is attacked: real strict pickles and made attacks of the test split, drawn by a fixed seed."""
    rng = random.Random("samples")
    real = [row for row in test if row["group"] == "malicious-strict"]
    made = [row["pair"] for row in test if row["group"] == "made-malicious"]
    samples = []
    for row in rng.sample(real, len(real)):
        if len(samples) == n_real:
            break
        data = bytes_of(row, sources.config)
        if data[-1:] == b"." and columns_of(data, with_texts=False) is not None:
            samples.append(Sample.of_stream(row["file"], data))
    chosen = set(rng.sample(made, min(n_made, len(made))))
    n_pairs = sources.config.pairs.get("test", 0)
    for start in range(0, n_pairs, PART_FILES):
        recipes = sources.recipes("test", start, min(start + PART_FILES, n_pairs))
        for number, (attack, _) in enumerate(recipes, start=start):
            if number in chosen:
                samples.append(Sample.of_recipe(f"made/test/{number:06}-malicious", attack))
    return samples


def row_of(data: bytes, name: str, container: str = "", with_texts: bool = True) -> dict[str, Any] | None:
    """Return a row for a file that is in no corpus, None if no pickle is found in it."""
    columns = columns_of(data, with_texts=with_texts)
    return None if columns is None else columns | {"file": name, "label": 1, "container": container, "data": data}


def attacked_rows(
    attacks: Mapping[str, Attack],
    samples: Sequence[Sample],
    hosts: Sequence[Host],
    progress: Callable[[Iterable[str]], Iterable[str]],
) -> list[Attacked]:
    """Return what each attack makes of the samples."""
    result = []
    for name in progress(attacks):
        done = Attacked(name, [], [])
        family, _, variant = name.partition(": ")
        container = variant if family == "carrier" else ""
        limit = LARGE.get(variant, len(samples))
        for i, sample in enumerate(samples):
            data = attacks[name](sample, hosts, Draw(f"{name} {i}", "test")) if len(done.rows) < limit else None
            if data is not None:
                done.samples.append(i)
                done.rows.append(row_of(data, sample.name, container))
        result.append(done)
    return result
