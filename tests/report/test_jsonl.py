import json

from safepickle_dl.report.jsonl import format_result
from safepickle_dl.types import Coverage, Finding, ScanResult, StreamReport, Verdict


def test_one_object_on_one_line() -> None:
    result = ScanResult(
        "a\nb\x1b.pkl",
        Verdict.MALICIOUS,
        0.987654321,
        members={"sequence": 0.987654321},
        coverage=Coverage(64, 64, True),
        streams=(StreamReport("pickle", 0, 4, 9, 0.5),),
        findings=(Finding("pickle", 3, "REDUCE", "os.system", "('x',)", 0.5, "m"),),
        seconds=0.00001,
    )
    line = format_result(result)
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert json.loads(line) == result.to_dict()
    assert list(json.loads(line)) == [
        "path",
        "verdict",
        "score",
        "members",
        "coverage",
        "streams",
        "findings",
        "error",
        "notes",
        "seconds",
    ]


def test_strict_parsers_can_read_hostile_names() -> None:
    hostile = "caf\udce9\ud800\u202e"
    finding = Finding(hostile, 0, "GLOBAL", hostile, hostile, float("inf"), hostile)
    line = format_result(ScanResult(hostile, Verdict.ERROR, 0.0, members={hostile: 1.0}, findings=(finding,)))
    assert line.isascii()
    decoded = json.loads(line)
    assert decoded["path"] == "caf\\udce9\\ud800\u202e"
    assert decoded["findings"][0]["score"] is None
    json.dumps(decoded, ensure_ascii=False).encode("utf-8")
