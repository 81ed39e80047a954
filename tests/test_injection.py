"""Real payloads before, behind and inside real honest hosts: the score never falls."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from safepickle_dl.scanner import Scanner
from tests.assemble import names

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"

RECALLS = {"GET", "BINGET", "LONG_BINGET"}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}"),
]


def raw_pickles(rows: list[dict[str, Any]], max_bytes: int, **wanted: str) -> list[bytes]:
    """Return the whole pickles among the files whose manifest rows have these values."""
    chosen = [
        row
        for row in rows
        if row["kind"] == "pickle" and row["size"] <= max_bytes and all(row.get(k) == v for k, v in wanted.items())
    ]
    files = [(CORPUS / row["file"]).read_bytes() for row in random.Random(0).sample(chosen, 40)]
    return [data for data in files if data.endswith(b".")]


def opcodes(data: bytes) -> bytes:
    """Return a pickle without its protocol header and its STOP."""
    return data[2 if data[:1] == b"\x80" else 0 : -1]


def test_no_host_hides_a_payload() -> None:
    rows = [json.loads(line) for line in (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    payloads = raw_pickles(rows, 2_000, stratum="strict")
    hosts = raw_pickles(rows, 40_000, label="benign")
    scanner = Scanner()
    chance = random.Random(1)
    n_inside = 0
    for payload in payloads:
        score = scanner.scan_bytes(payload).score
        host = chance.choice(hosts)
        variants = [host + payload, payload + host]
        if RECALLS.isdisjoint(names(payload)):  # else the host's memo would change what the payload does
            header = payload[: 2 if payload[:1] == b"\x80" else 0]
            variants.append(header + opcodes(host) + b"0" + opcodes(payload) + b".")
            n_inside += 1
        for data in variants:
            assert scanner.scan_bytes(data).score >= score - 1e-6
    assert len(payloads) > 30 and len(hosts) > 30 and n_inside > 15
