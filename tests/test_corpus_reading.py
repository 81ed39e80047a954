"""Odd and tiny real files: no crash, no hang, honest ones read to the end; `benchmarks/coverage.py` reads them all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.disasm import disassemble
from safepickle_dl.reader import read_path

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}"),
]

UNREAD = {
    "fixtures/ae185d034ef6cb91.zip": "encrypted zip member",
    "benign/1c5e63441907dfff.pkl": "the data ends",
}
"""Honest files that cannot be read to the end, and why."""


def rows(*folders: str, max_bytes: int) -> list[dict[str, str]]:
    manifest = (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    every = [json.loads(line) for line in manifest]
    return [row for row in every if row["file"].split("/")[0] in folders and row["size"] <= max_bytes]


def test_grey_files_end() -> None:
    found = rows("grey", max_bytes=1 << 20)
    assert len(found) > 30
    for row in found:
        data = read_path(CORPUS / row["file"])
        analyse(data)
        assert all(line.isprintable() for line in disassemble(data))


def test_honest_files_are_read_to_the_end() -> None:
    found = rows("fixtures", "benign", max_bytes=4_000)
    assert len(found) > 300
    for row in found:
        analysis = analyse(read_path(CORPUS / row["file"]))
        if row["file"] in UNREAD:
            assert UNREAD[row["file"]] in analysis.errors[0]
        else:
            assert analysis.errors == (), row["file"]
