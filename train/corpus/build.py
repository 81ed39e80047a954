"""Real, dumped and made files to Parquet: parts first, each on its own; then one file a split, near-duplicates out.

A part that is there already is not made again, as long as the configuration, the sources of training and scanning and
the table of gadgets are the same. Files are read, never unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

import safepickle_dl
import train
from safepickle_dl.core import tokens as tk
from train.corpus.config import CorpusConfig
from train.corpus.schema import KEYS, SCHEMA
from train.corpus.sources import Job, Sources
from train.corpus.splits import SPLITS

COUNTED = [
    "group", "origin", "label", "hard", "technique", "container", "position", "breakage", "library", "sink",
    "protocol", "size", "opcodes",
]  # fmt: skip
NOT_PART_OF_IT = ("output", "workers")
"""Settings that change no row."""


def fingerprint(config: CorpusConfig) -> str:
    """Return a digest of everything that decides the rows, but the files in the folders that are read."""
    settings = {key: value for key, value in asdict(config).items() if key not in NOT_PART_OF_IT}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for package in (safepickle_dl, train):
        root = Path(package.__file__ or "").parent
        below = root if package is safepickle_dl else root / "corpus"
        for path in sorted(path for kind in ("py", "jsonl", "txt") for path in below.rglob(f"*.{kind}")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def build(config: CorpusConfig) -> dict[str, Any]:
    """Make what is missing and write `train.parquet`, `validation.parquet`, `test.parquet` and `summary.json`.

    Returns:
        The summary.

    Raises:
        FileNotFoundError: a folder that the configuration names has no manifest.
    """
    output = Path(config.output)
    folder = output / "parts" / fingerprint(config)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = Sources(config).jobs()
    missing = [job for job in jobs if not (folder / f"{job.name}.parquet").exists()]
    with ProcessPoolExecutor(config.workers, initializer=_start, initargs=(config,)) as pool:
        waiting = [pool.submit(_make_part, job, folder) for job in missing]
        for done in tqdm(as_completed(waiting), total=len(jobs), initial=len(jobs) - len(missing), unit="part"):
            done.result()
    paths = [folder / f"{job.name}.parquet" for job in jobs]
    return write(paths, output)


_sources: Sources | None = None


def _start(config: CorpusConfig) -> None:
    global _sources
    _sources = Sources(config)


def _make_part(job: Job, folder: Path) -> None:
    if _sources is None:
        raise RuntimeError("the worker was not started")
    write_part(_sources.rows(job), folder / f"{job.name}.parquet")


def write_part(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write rows to a Parquet file that is there whole or not at all."""
    fresh = path.with_suffix(".new")
    pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), fresh, compression="zstd")
    fresh.rename(path)


def rows_to_keep(paths: Iterable[Path]) -> tuple[list[list[int]], Counter[str]]:
    """Choose the rows that stay: the first of each set of near-duplicates, whatever its split.

    A made attack that shares its call sites with an honest file is no attack that anybody could tell apart: it goes,
    wherever it stands. Real malicious files stay beside honest ones: their labels are facts.

    Returns:
        For each path the indices of its rows, and how many were left out and why.
    """
    keys = [pq.read_table(path, columns=list(KEYS)).to_pylist() for path in paths]
    honest = {row["signature"] for rows in keys for row in rows if not row["label"]}
    seen: set[tuple[str, int]] = set()
    dropped: Counter[str] = Counter()
    kept: list[list[int]] = []
    for rows in keys:
        kept.append([])
        for i, row in enumerate(rows):
            key = (row["signature"], row["label"])
            if row["label"] and row["origin"] == "made" and row["signature"] in honest:
                dropped["attack with the call sites of an honest file"] += 1
            elif key in seen:
                dropped["near-duplicate"] += 1
            else:
                seen.add(key)
                kept[-1].append(i)
    return kept, dropped


def write(paths: list[Path], output: Path) -> dict[str, Any]:
    """Write one Parquet file a split and the summary; return the summary."""
    kept, dropped = rows_to_keep(paths)
    counts: dict[str, dict[str, Counter[Any]]] = {split: defaultdict(Counter) for split in SPLITS}
    writers = {split: pq.ParquetWriter(output / f"{split}.new", SCHEMA, compression="zstd") for split in SPLITS}
    for path, indices in zip(paths, kept, strict=True):
        table = pq.read_table(path).take(indices)
        for split in SPLITS:
            rows = table.filter(pc.equal(table["split"], split))
            if rows.num_rows:
                writers[split].write_table(rows)
                _count(rows, counts[split])
    for split, writer in writers.items():
        writer.close()
        (output / f"{split}.new").rename(output / f"{split}.parquet")
    summary = {
        "tokenizer": tk.VERSION,
        "left_out": dict(dropped),
        "files": {
            split: {name: dict(counter.most_common()) for name, counter in counts[split].items()} for split in SPLITS
        },
    }
    (output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def _count(table: pa.Table, counts: dict[str, Counter[Any]]) -> None:
    """Count rows by everything that a reader of the summary asks for."""
    for row in table.select(COUNTED).to_pylist():
        kind = "malicious" if row["label"] else "benign"
        counts["group"][row["group"]] += 1
        counts["origin"][f"{row['origin']} {kind}"] += 1
        counts["protocol"][f"{row['protocol']} {kind}"] += 1
        counts["opcodes"][f"10^{len(str(row['opcodes'])) - 1} {kind}"] += 1
        counts["size"][f"10^{len(str(row['size'])) - 1} {kind}"] += 1
        if not row["label"]:
            counts["hard"]["hard" if row["hard"] else "plain"] += 1
        for name in ("technique", "container", "position", "breakage", "library", "sink"):
            if row[name] and (name != "technique" or row["origin"] == "made"):
                counts[name][f"{row[name]} {kind}"] += 1


def iter_rows(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file without holding them all."""
    for batch in pq.ParquetFile(path).iter_batches(256, columns=columns):
        yield from batch.to_pylist()
