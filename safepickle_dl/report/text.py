"""Text for people: one line per finding, and a summary of the run."""

from __future__ import annotations

from safepickle_dl.report.escape import clip, printable
from safepickle_dl.report.tally import Tally
from safepickle_dl.types import Finding, ScanResult, Verdict

MAX_CALLEE = 120
"""Length of a callee on a line (characters)."""
MAX_ARGUMENTS = 160
"""Length of an argument preview on a line (characters)."""

_COLOURS = {Verdict.MALICIOUS: "\x1b[1;31m", Verdict.SUSPICIOUS: "\x1b[33m"}
_RESET = "\x1b[0m"
_PLURALS = {Verdict.ERROR: "errors"}


def format_result(result: ScanResult, *, colour: bool = False) -> str:
    """Return the lines that one file adds to the report: one for each finding, often none.

    Args:
        result: The file's result.
        colour: Mark the verdict with ANSI colours.
    """
    head = f"{printable(result.path)}: {_painted(result.verdict.value, result.verdict, colour)}"
    if result.findings:
        return "".join(f"{head} {_finding(finding)}\n" for finding in result.findings)
    if result.verdict in _COLOURS:
        return f"{head} {result.score:.3f} the file as a whole; no single call stands out\n"
    return ""


def summary(tally: Tally, *, colour: bool = False) -> str:
    """Return one line with the number of files by verdict.

    Args:
        tally: The counts of the run.
        colour: Mark the verdicts that matter with ANSI colours.
    """
    counts = []
    for verdict, count in tally.verdicts.items():
        word = _PLURALS.get(verdict, verdict.value) if count != 1 else verdict.value
        counts.append(_painted(f"{count} {word}", verdict, colour and count > 0))
    files = "1 file" if tally.files == 1 else f"{tally.files} files"
    line = f"{files}, {_size(tally.bytes)}: {', '.join(counts)}"
    if tally.files and tally.verdicts[Verdict.SKIPPED] == tally.files:
        line += "; no pickle in any of them"
    return line + "\n"


def _finding(finding: Finding) -> str:
    callee = clip(printable(finding.callee), MAX_CALLEE)
    arguments = clip(printable(finding.arguments), MAX_ARGUMENTS)
    stream = f"stream {printable(finding.stream)}, " if finding.stream else ""
    place = f"{stream}byte {finding.offset}, {printable(finding.opcode)}"
    why = f"; {printable(finding.why)}" if finding.why else ""
    return f"{finding.score:.3f} {callee} {arguments} ({place}{why})"


def _painted(text: str, verdict: Verdict, colour: bool) -> str:
    return f"{_COLOURS[verdict]}{text}{_RESET}" if colour and verdict in _COLOURS else text


def _size(n_bytes: int) -> str:
    size, unit = float(n_bytes), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
