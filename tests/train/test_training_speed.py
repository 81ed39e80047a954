"""The benchmark of the training, on made files and a tiny net."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import training


def test_it_measures_and_writes_a_row_a_setting(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CONFIG", training.CONFIG.with_name("smoke.yaml"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    output = tmp_path / "speed.md"
    monkeypatch.setattr(sys, "argv", ["training", "--data", str(corpus), "--steps", "12", "--output", str(output)])
    training.main()
    head, rule, *rows = [line for line in output.read_text().splitlines() if line.startswith("|")]
    assert head.count("|") == rule.count("|") == rows[0].count("|")
    assert [row.split(" | ")[1] for row in rows] == ["32-true", "bf16-mixed"]
    ms, files = (float(cell) for cell in re.findall(r"layers \| ([\d.]+) \| ([\d,]+)", rows[0].replace(",", ""))[0])
    assert files == pytest.approx(16 / ms * 1000, rel=0.1) and rows[0].endswith("| 1.0 | - | - |")
