from __future__ import annotations

from safepickle_dl.types import ScanResult, Verdict
from train.judge.verdicts import as_markdown, table_of


def test_table_counts_by_group() -> None:
    verdicts = [("benign", Verdict.BENIGN), ("benign", Verdict.SUSPICIOUS), ("strict", Verdict.MALICIOUS)]
    table = table_of((group, ScanResult("x", verdict, 0.5)) for group, verdict in verdicts)
    assert table["benign"]["malicious"]["hits"] == 0
    assert table["benign"]["flagged"]["share"] == 0.5
    assert table["strict"]["verdicts"] == {
        "malicious": 1, "suspicious": 0, "benign": 0, "error": 0, "skipped": 0,
    }  # fmt: skip
    assert "| benign | 2 | 0 | 1 | 1 | 0 | 0 |" in as_markdown(table)
