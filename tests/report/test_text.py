from dataclasses import replace

import pytest

from safepickle_dl.report.tally import Tally
from safepickle_dl.report.text import MAX_ARGUMENTS, format_result, summary
from safepickle_dl.types import Coverage, Finding, ScanResult, Verdict

FINDING = Finding("archive/data.pkl", 42, "REDUCE", "os.system", "('id',)", 0.9984, "runs a shell")
MALICIOUS = ScanResult("m.pt", Verdict.MALICIOUS, 0.9984, coverage=Coverage(2_500_000, 9, True), findings=(FINDING,))
BENIGN = ScanResult("b.pkl", Verdict.BENIGN, 0.01, coverage=Coverage(100, 100, True))
SKIPPED = replace(BENIGN, verdict=Verdict.SKIPPED)


def test_one_line_per_finding() -> None:
    other = replace(FINDING, offset=99, callee="builtins.eval")
    assert format_result(replace(MALICIOUS, findings=(FINDING, other))) == (
        "m.pt: malicious 0.998 os.system ('id',) (stream archive/data.pkl, byte 42, REDUCE)\n"
        "m.pt: malicious 0.998 builtins.eval ('id',) (stream archive/data.pkl, byte 99, REDUCE)\n"
    )


@pytest.mark.parametrize("verdict", [Verdict.BENIGN, Verdict.SKIPPED, Verdict.ERROR])
def test_nothing_for_a_file_without_findings(verdict: Verdict) -> None:
    assert format_result(replace(BENIGN, verdict=verdict)) == ""


@pytest.mark.parametrize("verdict", [Verdict.MALICIOUS, Verdict.SUSPICIOUS])
def test_a_verdict_without_findings_is_not_silent(verdict: Verdict) -> None:
    line = format_result(replace(MALICIOUS, verdict=verdict, findings=()))
    assert line.startswith(f"m.pt: {verdict.value} 0.998 ")
    assert line.count("\n") == 1


def test_hostile_names_stay_on_one_harmless_line() -> None:
    hostile = "\x1b[2J\n\u202e\udcff"
    finding = Finding(hostile, 1, hostile, hostile, hostile, 1.0, hostile)
    line = format_result(ScanResult(hostile, Verdict.MALICIOUS, 1.0, findings=(finding,)))
    assert line.endswith("\n")
    assert line[:-1].isprintable()


def test_long_arguments_are_cut() -> None:
    line = format_result(replace(MALICIOUS, findings=(replace(FINDING, arguments="A" * 10_000),)))
    assert "A" * (MAX_ARGUMENTS - 3) + "... " in line
    assert len(line) < MAX_ARGUMENTS + 100


def test_colour_only_when_asked() -> None:
    assert "\x1b[1;31mmalicious\x1b[0m" in format_result(MALICIOUS, colour=True)
    assert "\x1b" not in format_result(MALICIOUS)
    assert "\x1b[1;31m1 malicious\x1b[0m" in summary(Tally.of([MALICIOUS]), colour=True)
    assert "\x1b" not in summary(Tally.of([BENIGN]), colour=True)


def test_summary_counts_by_verdict() -> None:
    assert summary(Tally.of([MALICIOUS, BENIGN, BENIGN, SKIPPED])) == (
        "4 files, 2.5 MB: 1 malicious, 0 suspicious, 2 benign, 0 errors, 1 skipped\n"
    )


def test_summary_says_when_everything_was_skipped() -> None:
    assert summary(Tally.of([SKIPPED])) == (
        "1 file, 100 bytes: 0 malicious, 0 suspicious, 0 benign, 0 errors, 1 skipped; no pickle in any of them\n"
    )
    assert "no pickle" not in summary(Tally.of([SKIPPED, BENIGN]))
    assert "no pickle" not in summary(Tally())
