from safepickle_dl.report.tally import Tally
from safepickle_dl.types import Coverage, ScanResult, Verdict


def test_tally_adds_up() -> None:
    tally = Tally.of(
        [
            ScanResult("a", Verdict.BENIGN, 0.0, coverage=Coverage(10, 10, True), seconds=0.5),
            ScanResult("b", Verdict.ERROR, 0.0, coverage=Coverage(5, 1, False), error="cut short"),
            ScanResult("c", Verdict.SUSPICIOUS, 0.6, error="cut short", seconds=0.25),
        ]
    )
    assert tally.files == 3
    assert tally.unread == 2
    assert tally.bytes == 15
    assert tally.seconds == 0.75
    assert tally.verdicts == {
        Verdict.MALICIOUS: 0,
        Verdict.SUSPICIOUS: 1,
        Verdict.BENIGN: 1,
        Verdict.ERROR: 1,
        Verdict.SKIPPED: 0,
    }
