"""A corpus of made files alone, from nothing to Parquet: what it holds, and that no split leaks into another."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from train.corpus.build import build, fingerprint, iter_rows, rows_to_keep, write_part
from train.corpus.config import CorpusConfig
from train.corpus.gadgets.table import KNOWN
from train.corpus.rows import columns_of
from train.corpus.schema import BLANK, SCHEMA
from train.corpus.splits import SPLITS
from train.judge.cues import cue_report


def rows_by_split(corpus: Path) -> dict[str, list[dict[str, Any]]]:
    return {split: list(iter_rows(corpus / f"{split}.parquet")) for split in SPLITS}


def test_every_split_has_both_kinds(corpus: Path) -> None:
    for split, rows in rows_by_split(corpus).items():
        groups = Counter(row["group"] for row in rows)
        assert set(groups) == {"made-malicious", "made-benign"}
        assert min(groups.values()) > 30
        assert {row["split"] for row in rows} == {split}
        assert pq.read_schema(corpus / f"{split}.parquet").names == SCHEMA.names


def test_nothing_crosses_the_splits(corpus: Path, corpus_config: CorpusConfig) -> None:
    rows = rows_by_split(corpus)
    for key in ("sha256", "signature"):
        seen: Counter[str] = Counter()
        for split in SPLITS:
            seen.update({row[key] for row in rows[split]})
        assert max(seen.values()) == 1, f"a {key} is in two splits"
    known = {gadget.path for gadget in KNOWN}
    for split in SPLITS:
        mined = [row for row in rows[split] if row["technique"] == "direct" and row["owner"] not in known]
        own = [row for row in mined if corpus_config.module_split(row["module"]) == split]
        assert len(own) > 0.7 * len(mined) > 0  # the others are constructors that a technique brings along
    carriers = {split: {row["container"] for row in rows[split]} - {"bare"} for split in SPLITS}
    assert carriers["train"].isdisjoint(carriers["test"]) and carriers["train"].isdisjoint(carriers["validation"])


def test_judged_rows_have_their_files(corpus: Path) -> None:
    rows = rows_by_split(corpus)
    assert all(row["data"] is None for row in rows["train"])
    for row in rows["test"][:20]:
        columns = columns_of(row["data"])
        assert columns is not None and len(row["data"]) == row["size"]
        assert columns["tokens"].tolist() == row["tokens"] or row["position"] != "alone"
        assert sum(row["counts"]) <= row["opcodes"]


def test_a_payload_in_a_host_is_marked(corpus: Path) -> None:
    hosted = [row for row in rows_by_split(corpus)["train"] if row["position"] != "alone" and row["label"]]
    assert len(hosted) > 30
    assert sum(any(row["payload"]) for row in hosted) > 0.9 * len(hosted)
    assert sum(not all(row["payload"]) for row in hosted) > 0.5 * len(hosted)
    assert not any(any(row["payload"]) for row in rows_by_split(corpus)["train"] if row["position"] == "alone")


def test_trivial_cues_say_little(corpus: Path) -> None:
    rows = rows_by_split(corpus)
    assert abs(cue_report(rows["train"], rows["test"] + rows["validation"])["made"] - 0.5) < 0.2


def test_a_second_build_makes_only_what_is_missing(corpus: Path, corpus_config: CorpusConfig) -> None:
    before = {split: (corpus / f"{split}.parquet").read_bytes() for split in SPLITS}
    parts = sorted((corpus / "parts" / fingerprint(corpus_config)).iterdir())
    assert len(parts) > 3
    times = {part: part.stat().st_mtime_ns for part in parts[1:]}
    parts[0].unlink()
    summary = build(corpus_config)
    assert {part: part.stat().st_mtime_ns for part in parts[1:]} == times
    assert {split: (corpus / f"{split}.parquet").read_bytes() for split in SPLITS} == before
    assert json.loads((corpus / "summary.json").read_text()) == summary
    assert summary["files"]["test"]["group"]["made-malicious"] > 30


def test_settings_that_change_rows_change_the_fingerprint(corpus_config: CorpusConfig) -> None:
    assert fingerprint(replace(corpus_config, output="elsewhere", workers=5)) == fingerprint(corpus_config)
    assert fingerprint(replace(corpus_config, seed=8)) != fingerprint(corpus_config)


def row(signature: str, label: int, origin: str = "made", split: str = "train") -> dict[str, Any]:
    blank: dict[str, Any] = {name: [] for name in ("tokens", "first", "channel", "grams", "payload", "counts", "texts")}
    blank |= {"imports": [], "size": 1, "opcodes": 1, "protocol": 2, "n_streams": 1, "complete": True}
    about = {"file": "x", "sha256": "x", "group": "g", "signature": signature, "label": label}
    return BLANK | blank | about | {"origin": origin, "split": split}


def test_near_duplicates_and_indistinguishable_attacks_go(tmp_path: Path) -> None:
    write_part([row("a", 1, "real"), row("b", 0), row("a", 1, split="test")], tmp_path / "1.parquet")
    write_part([row("b", 1), row("a", 0, "real"), row("c", 1)], tmp_path / "2.parquet")
    kept, dropped = rows_to_keep([tmp_path / "1.parquet", tmp_path / "2.parquet"])
    assert kept == [[0, 1], [1, 2]]
    assert dropped == {"attack with the call sites of an honest file": 2}
    write_part([row("d", 0), row("d", 0, split="test")], tmp_path / "3.parquet")
    assert rows_to_keep([tmp_path / "3.parquet"]) == ([[0]], {"near-duplicate": 1})


def test_missing_folders_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        build(CorpusConfig(output=str(tmp_path / "out"), corpus=str(tmp_path / "none")))
