"""The shipped bundle gives the scores that it gave when it was made, on any machine, with any core."""

from __future__ import annotations

import json
from typing import Any

import pytest

from safepickle_dl.bundle import bundle_version
from safepickle_dl.scanner import Scanner
from tests.golden.regenerate import PICKLES, SCORES

GOLDEN: dict[str, Any] = json.loads(SCORES.read_text(encoding="utf-8"))


def test_they_are_those_of_the_shipped_bundle() -> None:
    assert GOLDEN["model"] == bundle_version()
    assert set(GOLDEN["cases"]) == set(PICKLES)
    scores = [case["score"] for case in GOLDEN["cases"].values()]
    assert min(scores) < 0.05 and max(scores) > 0.9


@pytest.mark.parametrize("name", PICKLES)
def test_score(name: str) -> None:
    result, expected = Scanner().scan_bytes(PICKLES[name]), GOLDEN["cases"][name]
    assert result.score == pytest.approx(expected["score"], abs=1e-4)
    assert dict(result.members) == pytest.approx(expected["members"], abs=1e-4)
    assert result.verdict.value == expected["verdict"]
