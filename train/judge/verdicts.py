"""Verdicts of the whole scanner, from the bytes of a file to its answer: counts by kind of file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from safepickle_dl.types import ScanResult, Verdict
from train.judge.metrics import share

FLAGGED = (Verdict.MALICIOUS, Verdict.SUSPICIOUS)


def table_of(results: Iterable[tuple[str, ScanResult]]) -> dict[str, Any]:
    """Return verdict counts and shares by group."""
    verdicts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for group, result in results:
        verdicts[group][result.verdict] += 1
    table = {}
    for group, counts in sorted(verdicts.items()):
        n = sum(counts.values())
        table[group] = {
            "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
            "malicious": share(counts[Verdict.MALICIOUS], n),
            "flagged": share(sum(counts[verdict] for verdict in FLAGGED), n),
        }
    return table


def as_markdown(table: dict[str, Any]) -> str:
    """Return the table for people."""
    lines = [
        f"| files | n | {' | '.join(verdict.value for verdict in Verdict)} | malicious, 95 % interval | flagged |",
        f"|---|--:|{'--:|' * len(Verdict)}--:|--:|",
    ]
    for group, row in table.items():
        counts = " | ".join(str(row["verdicts"][verdict.value]) for verdict in Verdict)
        shares = " | ".join(
            f"{100 * row[key]['share']:.1f} % ({100 * row[key]['low']:.1f} to {100 * row[key]['high']:.1f})"
            for key in ("malicious", "flagged")
        )
        lines.append(f"| {group} | {row['malicious']['files']} | {counts} | {shares} |")
    return "\n".join(lines)
