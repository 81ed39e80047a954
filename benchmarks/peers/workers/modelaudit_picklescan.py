"""modelaudit-picklescan: `scan_file`, its documented call (it has no command)."""

from __future__ import annotations

from modelaudit_picklescan import scan_file


def scan(path: str) -> dict:
    """Return its own verdict and status."""
    report = scan_file(path)
    texts = [item.message for item in (*report.findings, *report.errors, *report.notices)]
    return {"verdict": report.verdict.value, "status": report.status.value, "detail": "; ".join(texts)}
