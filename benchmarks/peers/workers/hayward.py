"""hayward: `ModelFileScanner().scan_file`, its documented call."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hayward import ModelFileScanner, is_coverage_gap

SCANNER = ModelFileScanner()


def scan(path: str) -> dict:
    """Return findings by severity and, apart from them, how often it says that it could not read the content."""
    findings = sorted(SCANNER.scan_file(Path(path)), key=lambda finding: finding.severity_order)
    return {
        "severities": Counter(finding.severity.value for finding in findings if not is_coverage_gap(finding)),
        "unread": sum(map(is_coverage_gap, findings)),
        "detail": "; ".join(f"{finding.rule_id} {finding.message}" for finding in findings),
    }
