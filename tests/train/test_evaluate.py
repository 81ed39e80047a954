from __future__ import annotations

import pytest

from safepickle_dl.types import ScanResult, Verdict
from train.evaluate import as_markdown, clopper_pearson, table_of


def test_clopper_pearson_known_values() -> None:
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert clopper_pearson(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert clopper_pearson(10, 10) == pytest.approx((0.6915, 1.0), abs=1e-4)


def test_table_counts_by_group() -> None:
    verdicts = [("benign", Verdict.BENIGN), ("benign", Verdict.SUSPICIOUS), ("strict", Verdict.MALICIOUS)]
    table = table_of((group, ScanResult("x", verdict, 0.5)) for group, verdict in verdicts)
    assert table["benign"]["malicious"]["hits"] == 0
    assert table["benign"]["flagged"]["share"] == 0.5
    assert table["strict"]["verdicts"] == {
        "malicious": 1, "suspicious": 0, "benign": 0, "error": 0, "skipped": 0,
    }  # fmt: skip
    assert "| benign | 2 | 0 | 1 | 1 | 0 | 0 |" in as_markdown(table)
