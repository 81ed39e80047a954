"""fickling: `scan_zip_archive` for zip files and `scan_file` for all others, its documented calls."""

from __future__ import annotations

import zipfile

from fickling import scan_file, scan_zip_archive


def scan(path: str) -> dict:
    """Return the severity of every pickle that was analysed, the errors, and what was found."""
    members = scan_zip_archive(path, graceful=True) if zipfile.is_zipfile(path) else {path: scan_file(path, True)}
    analyses = [analysis for member in members.values() for analysis in member.results]
    errors = [error for member in members.values() for error in member.errors]
    texts = [text for analysis in analyses if (text := analysis.to_string())]
    return {
        "severities": [analysis.severity.name for analysis in analyses],
        "errors": len(errors),
        "detail": "; ".join(texts + errors) or ("" if analyses else "no pickle analysed"),
    }
