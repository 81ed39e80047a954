"""The real corpus to Parquet: one row a file, with its slices, its provenance and its split.

Files are read, never unpickled. Near-duplicates (equal sets of slices, integers aside) are removed before anything is
split, so that no split can contain a copy of another one's file.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.reader import read_path
from train.corpus.splits import SPLITS, owner_of, split_of

MAX_SLICES = 4096
"""Distinct slices of one file that are kept for training (count); the largest honest files have more, all alike."""


@dataclass
class CorpusConfig:
    """What `configs/corpus.yaml` says."""

    corpus: str
    """Folder with `manifest.jsonl` and the files that it lists."""
    output: str
    """Folder for `train.parquet`, `validation.parquet`, `test.parquet` and `summary.json`."""
    named_owners: dict[str, list[str]] = field(default_factory=dict)
    percent: dict[str, int] = field(default_factory=lambda: {"train": 60, "validation": 18, "test": 22})
    workers: int = 2


def read_manifest(corpus: Path) -> list[dict[str, Any]]:
    """Return the rows of the manifest that have a label, in a fixed order."""
    with (corpus / "manifest.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return sorted((row for row in rows if row["label"] in ("benign", "malicious")), key=lambda row: row["file"])


def group_of(row: Mapping[str, Any]) -> str:
    """Return the stratum that a file is reported under."""
    if row["label"] == "malicious":
        return f"malicious-{row['stratum']}"
    if row["file"].startswith("fixtures/"):
        return "fixture"
    return "benign-hard" if row.get("hard") else "benign"


def slice_file(path: Path) -> dict[str, Any] | None:
    """Return the slices of a file as columns, or None if it holds no pickle."""
    analysis = analyse(read_path(path))
    if not analysis.streams:
        return None
    arrays = SliceArrays.of(analysis.slices)
    k = min(len(arrays.channel), MAX_SLICES)
    return {
        "tokens": arrays.tokens[: arrays.first[k]],
        "first": arrays.first[: k + 1],
        "channel": arrays.channel[:k],
        "grams": arrays.grams.reshape(-1),
        "signature": signature(arrays),
        "opcodes": sum(stream.machine.n_instructions for stream in analysis.streams),
    }


def signature(arrays: SliceArrays) -> str:
    """Return a digest of the set of slices, integers, lengths and digits aside."""
    ids = (arrays.tokens >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
    structure = (ids >= tk.SCALAR) & (ids < tk.PUNCTUATION)
    plain = np.where(structure, tk.SCALAR, ids).astype(np.int32)
    parts = {
        plain[start:end].tobytes()
        for start, end, channel in zip(arrays.first[:-1], arrays.first[1:], arrays.channel, strict=True)
        if channel == 0
    }
    return hashlib.sha256(b"".join(sorted(hashlib.sha256(part).digest() for part in parts))).hexdigest()


def _sliced(job: tuple[Path, dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    path, row = job
    return row, slice_file(path)


def rows_of(config: CorpusConfig) -> Iterator[dict[str, Any]]:
    """Yield a row a file, near-duplicates and files without a pickle left out."""
    corpus = Path(config.corpus)
    manifest = read_manifest(corpus)
    seen: set[tuple[str, str]] = set()
    with ProcessPoolExecutor(config.workers) as pool:
        jobs = [(corpus / row["file"], row) for row in manifest]
        for done, (row, columns) in enumerate(pool.map(_sliced, jobs, chunksize=4), start=1):
            if done % 200 == 0 or done == len(jobs):
                print(f"{done} of {len(jobs)} files", file=sys.stderr, flush=True)
            if columns is None or (row["label"], columns["signature"]) in seen:
                continue
            seen.add((row["label"], columns["signature"]))
            owner = owner_of(row["source"])
            yield {
                "sha256": row["sha256"],
                "file": row["file"],
                "source": row["source"],
                "commit": row["commit"],
                "path": row["path"],
                "owner": owner,
                "split": split_of(owner, config.named_owners, config.percent),
                "label": int(row["label"] == "malicious"),
                "group": group_of(row),
                "kind": row["kind"],
                "technique": row.get("technique", ""),
                **columns,
            }


def write(rows: Sequence[Mapping[str, Any]], output: Path) -> dict[str, Any]:
    """Write a Parquet file a split and the summary; return the summary."""
    from datasets import Dataset

    output.mkdir(parents=True, exist_ok=True)
    summary: dict[str, Any] = {"tokenizer": tk.VERSION, "files": {}}
    for split in SPLITS:
        chosen = [row for row in rows if row["split"] == split]
        Dataset.from_list([dict(row) for row in chosen]).to_parquet(str(output / f"{split}.parquet"))
        summary["files"][split] = dict(sorted(Counter(row["group"] for row in chosen).items()))
    (output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary
