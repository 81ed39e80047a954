"""modelaudit: the call behind `modelaudit scan`, with its defaults and without its result cache."""

from __future__ import annotations

from collections import Counter

from modelaudit.core import determine_exit_code, scan_model_directory_or_file


def scan(path: str) -> dict:
    """Return issues by severity, and the exit code that the command would end with."""
    result = scan_model_directory_or_file(path, cache_enabled=False)
    issues = sorted((issue.severity.value, issue.message) for issue in result.issues)  # critical sorts first
    code = determine_exit_code(result)
    return {
        "severities": Counter(severity for severity, _ in issues),
        "exit_code": code,
        "detail": "; ".join(message for _, message in issues) or (f"exit code {code}" if code else ""),
    }
