"""Real and made files to Parquet: one row a file, with its slices, its provenance and its split.

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
from safepickle_dl.reader import Buffer, read_path
from train.corpus.attacks import attacks, twins
from train.corpus.gadgets import Gadget, read_gadgets
from train.corpus.splits import SPLITS, owner_of, split_of

MAX_SLICES = 4096
"""Distinct slices of one file that are kept for training (count); the largest honest files have more, all alike."""


@dataclass
class CorpusConfig:
    """What `configs/corpus.yaml` says."""

    output: str
    """Folder for `train.parquet`, `validation.parquet`, `test.parquet` and `summary.json`."""
    corpus: str | None = None
    """Folder with `manifest.jsonl` and the files that it lists; None: made files alone."""
    named_owners: dict[str, list[str]] = field(default_factory=dict)
    percent: dict[str, int] = field(default_factory=lambda: {"train": 60, "validation": 18, "test": 22})
    made: dict[str, dict[str, int]] = field(default_factory=dict)
    """Split to how many `attacks` and `twins` the grammar makes for it; their gadget modules never cross splits."""
    dumps: str | None = None
    """Folder that `python -m train.corpus.dumps` wrote: honest files of real libraries, all for training."""
    seed: int = 0
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


def sliced(data: Buffer) -> dict[str, Any] | None:
    """Return the slices of a file's bytes as columns, or None if it holds no pickle."""
    analysis = analyse(data)
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
    return row, sliced(read_path(path))


def rows_of(config: CorpusConfig) -> Iterator[dict[str, Any]]:
    """Yield a row a file, near-duplicates and files without a pickle left out."""
    if config.corpus is None:
        return
    read_dumps(config)  # a missing folder is said now, not after the long work
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


def gadget_split(gadget: Gadget, config: CorpusConfig) -> str:
    """Return the split of a gadget: known sinks train, mined ones go by the hash of their top-level module."""
    if gadget.depth == 0:
        return "train"
    return split_of(f"module:{gadget.module.partition('.')[0]}", {}, config.percent)


def made_rows(config: CorpusConfig) -> Iterator[dict[str, Any]]:
    """Yield a row for each attack and each twin that the grammar makes, equal ones left out."""
    gadgets = read_gadgets()
    seen: set[str] = set()
    for number, (split, counts) in enumerate(sorted(config.made.items())):
        seed = config.seed * len(SPLITS) + number
        chosen = [gadget for gadget in gadgets if gadget_split(gadget, config) == split]
        malicious = attacks(seed, counts.get("attacks", 0), chosen)
        for label, made in ((1, malicious), (0, twins(seed, counts.get("twins", 0), gadgets))):
            for attack in made:
                columns = sliced(attack.data)
                if columns is None or columns["signature"] in seen:
                    continue
                seen.add(columns["signature"])
                yield {
                    "sha256": hashlib.sha256(attack.data).hexdigest(),
                    "file": f"made/{split}/{len(seen)}",
                    "source": "made",
                    "commit": "",
                    "path": attack.form,
                    "owner": attack.module,
                    "split": split,
                    "label": label,
                    "group": "made-malicious" if label else "made-benign",
                    "kind": "pickle",
                    "technique": attack.technique,
                    **columns,
                }
    yield from dump_rows(config, seen)


def read_dumps(config: CorpusConfig) -> list[dict[str, Any]]:
    """Return the manifest rows of `config.dumps`, none if it names no folder.

    Raises:
        FileNotFoundError: the folder has no `manifest.jsonl`.
    """
    if config.dumps is None:
        return []
    manifest = Path(config.dumps) / "manifest.jsonl"
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest} is missing: run `python -m train.corpus.dumps --output {config.dumps}`")
    with manifest.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def dump_rows(config: CorpusConfig, seen: set[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each file of `config.dumps` whose signature is not in `seen` yet; add it there."""
    jobs = [(Path(config.dumps or "") / row["file"], row) for row in read_dumps(config)]
    with ProcessPoolExecutor(config.workers) as pool:
        for (path, _), (row, columns) in zip(jobs, pool.map(_sliced, jobs, chunksize=16), strict=True):
            if columns is None or columns["signature"] in seen:
                continue
            seen.add(columns["signature"])
            yield {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "file": f"dumps/{row['file']}",
                "source": "made",
                "commit": "",
                "path": row["recipe"],
                "owner": row["library"],
                "split": "train",
                "label": 0,
                "group": "dump",
                "kind": "dump",
                "technique": "",
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
