"""Lexer and machine on the real files of the corpus, which is not part of the repository."""

from __future__ import annotations

import json
import pickletools
import warnings
from pathlib import Path

import pytest

from safepickle_dl.core import opcodes as op
from safepickle_dl.core.lexer import Lexer
from tests.assemble import run

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
MAX_BYTES = 200_000
"""Larger files are left out where the machine runs too, to end in seconds."""

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}"),
]


def benign_files(max_bytes: int) -> list[Path]:
    rows = [json.loads(line) for line in (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    return [CORPUS / row["file"] for row in rows if row["label"] == "benign" and row["size"] <= max_bytes]


def reference(data: bytes) -> list[tuple[str, int]] | None:
    """Return what `pickletools` lexes; None where it takes the data for malformed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it decodes escapes; ours are not its business
        try:
            return [(opcode.name, at) for opcode, _, at in pickletools.genops(data) if at is not None]
        except (ValueError, UnicodeError):
            return None


def test_instructions_are_those_of_pickletools() -> None:
    n_compared = 0
    for path in benign_files(max_bytes=1 << 40):
        data = path.read_bytes()
        expected = reference(data)
        if expected is None:
            continue
        lexer = Lexer(data, 0, len(data))
        found: list[tuple[str, int]] = []
        more = True
        while more:
            more = lexer.read_block()
            found += [(op.NAMES[lexer.ops[i]], lexer.at[i]) for i in range(lexer.count)]
        assert found == expected, path
        n_compared += 1
    assert n_compared > 1150


def test_machine_meets_no_anomaly_where_pickletools_meets_none() -> None:
    n_clean = 0
    for path in benign_files(MAX_BYTES):
        data = path.read_bytes()
        if reference(data) is None:
            continue
        machine = run(data)
        assert machine.stopped, path
        assert machine.n_anomalies == 0, path
        n_clean += 1
    assert n_clean > 900
