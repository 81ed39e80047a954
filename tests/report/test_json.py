import json

import safepickle_dl
from safepickle_dl.report.json import format_results
from safepickle_dl.types import Coverage, ScanResult, Verdict

RESULTS = [
    ScanResult("a", Verdict.MALICIOUS, 0.99, coverage=Coverage(7, 7, True), error=None, seconds=0.5),
    ScanResult("caf\udce9", Verdict.ERROR, float("nan"), error="\ud800", seconds=0.25),
]


def test_the_whole_run_in_one_object() -> None:
    report = json.loads(format_results(iter(RESULTS), "sequence-1"))
    assert list(report) == ["schema_version", "tool", "results", "summary"]
    assert report["schema_version"] == 1
    assert report["tool"] == {
        "name": "safepickle-dl",
        "version": safepickle_dl.__version__,
        "model": "sequence-1",
    }
    assert report["results"][0] == RESULTS[0].to_dict()
    assert report["summary"] == {
        "malicious": 1,
        "suspicious": 0,
        "benign": 0,
        "error": 1,
        "skipped": 0,
        "files": 2,
        "bytes": 7,
        "seconds": 0.75,
    }


def test_ascii_and_strict() -> None:
    text = format_results(RESULTS, "modèle")
    assert text.isascii()
    assert "NaN" not in text
    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")  # no lone surrogate


def test_an_empty_run_is_valid() -> None:
    report = json.loads(format_results([], "1"))
    assert report["results"] == []
    assert report["summary"]["files"] == 0
