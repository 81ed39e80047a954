"""modelscan: `ModelScan().scan(path)`, as its README shows, with the default settings."""

from __future__ import annotations

from modelscan.modelscan import ModelScan

SCANNER = ModelScan()


def scan(path: str) -> dict:
    """Return issues by severity, the number of files scanned (an archive counts each member) and the errors."""
    report = SCANNER.scan(path)
    texts = report["issues"] + report["errors"] + report["summary"]["skipped"]["skipped_files"]
    return {
        "severities": report["summary"]["total_issues_by_severity"],
        "scanned": report["summary"]["scanned"]["total_scanned"],
        "errors": len(report["errors"]),
        "detail": "; ".join(text["description"] for text in texts),
    }
