"""Where files come from: real ones by manifest, dumps of real libraries, and pairs that the grammar makes.

Each source is a list of jobs that fill one part of the corpus; a job depends on the configuration alone, so that any
worker can do it, in any order, again and again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from safepickle_dl.analysis import analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.reader import read_path
from train.corpus.config import CorpusConfig
from train.corpus.files.hosts import Host, read_hosts
from train.corpus.gadgets.table import read_gadgets
from train.corpus.recipe import Recipe, pairs, payload_of, render
from train.corpus.rows import MAX_SLICES, columns_of, signature_of, slice_keys
from train.corpus.schema import BLANK
from train.corpus.splits import owner_of

PART_FILES = 100
"""Files of one part of real files or dumps, pairs of one part of made ones (count)."""
TRAIN_OTHERS = 64
"""Slices of a host that are kept beside the payload's, where nothing but training reads them (count)."""
MAX_PAIRS = 1_000_000
"""More than one split has (count): the seeds of its parts are apart."""
HOST_BYTES = 300_000
"""Largest file that serves as a host (bytes)."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One part: entries `start` to `stop` of a source (`real`, `dumps`) or of the pairs of a split."""

    source: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Return the name of the part's file."""
        return f"{self.source}-{self.start:06}"


def group_of(row: Mapping[str, Any]) -> str:
    """Return the stratum that a real file (a row of the manifest) is reported under."""
    if row["label"] == "malicious":
        return f"malicious-{row['stratum']}"
    if row["file"].startswith("fixtures/"):
        return "fixture"
    return "benign-hard" if row.get("hard") else "benign"


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a `manifest.jsonl` that have a label, in a fixed order; those of dumps need none.

    Raises:
        FileNotFoundError: there is no manifest.
    """
    with (folder / "manifest.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return sorted((r for r in rows if r.get("label", "benign") in ("benign", "malicious")), key=lambda r: r["file"])


def kept_dumps(entries: list[dict[str, Any]], config: CorpusConfig) -> list[dict[str, Any]]:
    """Return the rows of a manifest of dumps without those of which a judged split has enough, drawn by the seed."""
    left: dict[str, int] = {}
    kept = set()
    for i in Random(f"dumps {config.seed}").sample(range(len(entries)), len(entries)):
        library = entries[i]["library"]
        left.setdefault(library, len(entries) if config.library_split(library) == "train" else config.judged_dumps)
        if left[library] > 0:
            left[library] -= 1
            kept.add(i)
    return [entry for i, entry in enumerate(entries) if i in kept]


class Sources:
    """All files of one corpus."""

    def __init__(self, config: CorpusConfig) -> None:
        """Read the manifests.

        Raises:
            FileNotFoundError: a folder that the configuration names has no manifest.
        """
        self.config = config
        if config.dumps is not None and not (Path(config.dumps) / "manifest.jsonl").is_file():
            raise FileNotFoundError(f"{config.dumps}: run `python -m train.corpus.dumps --output {config.dumps}` first")
        self.real = [] if config.corpus is None else read_manifest(Path(config.corpus))
        self.dumps = [] if config.dumps is None else kept_dumps(read_manifest(Path(config.dumps)), config)
        self.gadgets = read_gadgets()
        self._hosts: dict[str, list[Host]] = {}
        self._host_keys: dict[bytes, frozenset[bytes]] = {}

    def jobs(self) -> list[Job]:
        """Return all jobs. Of near-duplicates, that of the earliest job stays.

        So real files come first, then what is judged, then what only trains.
        """
        sizes = {"real": len(self.real)}
        sizes |= {f"pairs-{split}": self.config.pairs.get(split, 0) for split in ("test", "validation")}
        sizes |= {"dumps": len(self.dumps), "pairs-train": self.config.pairs.get("train", 0)}
        return [
            Job(source, start, min(start + PART_FILES, size))
            for source, size in sizes.items()
            for start in range(0, size, PART_FILES)
        ]

    def rows(self, job: Job) -> Iterator[Row]:
        """Yield the rows of a part; files without a pickle have none."""
        if job.source == "real":
            rows = (self._real_row(entry) for entry in self.real[job.start : job.stop])
        elif job.source == "dumps":
            rows = (self._dump_row(entry) for entry in self.dumps[job.start : job.stop])
        else:
            rows = self._pair_rows(job, job.source.removeprefix("pairs-"))
        for row in rows:
            if row is not None:
                yield row

    # --- real files and dumps ---------------------------------------------------------------------------------------

    def _real_row(self, entry: dict[str, Any]) -> Row | None:
        columns = columns_of(read_path(Path(self.config.corpus or "") / entry["file"]))
        if columns is None:
            return None
        owner = owner_of(entry["source"])
        return BLANK | columns | {
            "sha256": entry["sha256"],
            "file": entry["file"],
            "origin": "real",
            "source": entry["source"],
            "commit": entry["commit"],
            "path": entry["path"],
            "owner": owner,
            "split": self.config.owner_split(owner),
            "label": int(entry["label"] == "malicious"),
            "group": group_of(entry),
            "hard": bool(entry.get("hard")),
            "container": entry["kind"],
            "technique": entry.get("technique", ""),
        }  # fmt: skip

    def _dump_row(self, entry: dict[str, Any]) -> Row | None:
        data = (Path(self.config.dumps or "") / entry["file"]).read_bytes()
        columns = columns_of(data)
        if columns is None:
            return None
        return BLANK | columns | {
            "sha256": hashlib.sha256(data).hexdigest(),
            "file": entry["file"],
            "origin": "dump",
            "path": entry["recipe"],
            "library": entry["library"],
            "split": self.config.library_split(entry["library"]),
            "label": 0,
            "group": "dump-hard" if entry.get("hard") else "dump",
            "hard": bool(entry.get("hard")),
            "container": entry.get("container", ""),
        }  # fmt: skip

    # --- pairs ------------------------------------------------------------------------------------------------------

    def hosts(self, split: str) -> list[Host]:
        """Return honest files of one split, real ones and dumps, drawn by the seed."""
        if split not in self._hosts:
            config = self.config
            paths = [
                Path(config.corpus or "") / entry["file"]
                for entry in self.real
                if entry["label"] == "benign" and config.owner_split(owner_of(entry["source"])) == split
            ]
            paths += [
                Path(config.dumps or "") / entry["file"]
                for entry in self.dumps
                if config.library_split(entry["library"]) == split
            ]
            Random(f"hosts {config.seed} {split}").shuffle(paths)
            self._hosts[split] = list(islice(read_hosts(paths, HOST_BYTES), config.max_hosts))
        return self._hosts[split]

    def recipes(self, split: str, start: int, stop: int) -> Iterator[tuple[Recipe, Recipe]]:
        """Yield the pairs of one job."""
        gadgets = self.config.gadgets_of(split, self.gadgets)
        yield from pairs(self.config.seed * MAX_PAIRS + start, stop - start, split, gadgets, self.hosts(split))

    def _pair_rows(self, job: Job, split: str) -> Iterator[Row | None]:
        for number, pair in enumerate(self.recipes(split, job.start, job.stop), start=job.start):
            for recipe in pair:
                yield self._made_row(recipe, split, number)

    def _made_row(self, recipe: Recipe, split: str, number: int) -> Row | None:
        data = render(recipe)
        max_others = TRAIN_OTHERS if split == "train" else MAX_SLICES
        columns = columns_of(data, self._keys_of(recipe.host), max_others, number)
        if columns is None:
            return None
        kind = "malicious" if recipe.label else "benign"
        return BLANK | columns | {
            "sha256": hashlib.sha256(data).hexdigest(),
            "file": f"made/{split}/{number:06}-{kind}",
            "origin": "made",
            "path": recipe.style.form,
            "owner": recipe.gadget,
            "split": split,
            "label": recipe.label,
            "group": f"made-{kind}",
            "hard": not recipe.label,
            "container": recipe.carrier,
            "technique": recipe.technique,
            "module": recipe.module.partition(".")[0],
            "sink": recipe.sink,
            "position": recipe.position,
            "breakage": recipe.breakage,
            "pair": number,
            "signature": signature_of(payload_of(recipe)) or columns["signature"],
            "data": None if split == "train" else data,
        }  # fmt: skip

    def _keys_of(self, host: Host | None) -> frozenset[bytes]:
        """Return the slices of a host."""
        if host is None:
            return frozenset()
        if host.data not in self._host_keys:
            self._host_keys[host.data] = frozenset(slice_keys(SliceArrays.of(analyse(host.data).slices)))
        return self._host_keys[host.data]
