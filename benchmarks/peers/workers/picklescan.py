"""picklescan: its documented Python call for one file."""

from __future__ import annotations

from picklescan.scanner import SafetyLevel, scan_file_path


def scan(path: str) -> dict:
    """Return picklescan's counts and the names that it did not call innocuous."""
    result = scan_file_path(path)
    names = [f"{item.module}.{item.name}" for item in result.globals if item.safety is not SafetyLevel.Innocuous]
    notes = ["could not be parsed"] * result.scan_err or ["0 files scanned"] * (not result.scanned_files)
    return {
        "dangerous": result.issues_count,
        "suspicious": result.suspicious_count,
        "failed": result.scan_err,
        "detail": " ".join(names or notes),
    }
