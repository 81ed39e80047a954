"""What each peer said, as one of four verdicts. README.md has the table with the sources.

One rule holds for all: a finding counts even where the peer also reports an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

Said = dict[str, Any]


def _verdict(malicious: object, suspicious: object, failed: object) -> str:
    if malicious:
        return "malicious"
    if suspicious:
        return "suspicious"
    return "error" if failed else "clean"


def _count(severities: dict[str, int], names: Collection[str]) -> int:
    return sum(severities.get(name, 0) for name in names)


def picklescan(said: Said) -> str:
    """Dangerous globals are malicious (exit code 1), globals on neither of its lists suspicious."""
    return _verdict(said["dangerous"], said["suspicious"], said["failed"])


def modelscan(said: Said) -> str:
    """CRITICAL and HIGH are malicious; errors (exit code 2) and no file scanned (exit code 3) are errors."""
    found = said["severities"]
    failed = said["errors"] or not said["scanned"]
    return _verdict(_count(found, ("CRITICAL", "HIGH")), _count(found, ("MEDIUM", "LOW")), failed)


def fickling(said: Said) -> str:
    """LIKELY_UNSAFE and above is malicious, POSSIBLY_UNSAFE and SUSPICIOUS suspicious; nothing analysed is an error."""
    found = set(said["severities"])
    malicious = found & {"LIKELY_UNSAFE", "LIKELY_OVERTLY_MALICIOUS", "OVERTLY_MALICIOUS"}
    return _verdict(malicious, found - {"LIKELY_SAFE"}, said["errors"] or not found)


def modelaudit(said: Said) -> str:
    """A critical issue is malicious, a warning or exit code 1 suspicious, exit code 2 an error."""
    found = said["severities"]
    return _verdict(found.get("critical"), found.get("warning") or said["exit_code"] == 1, said["exit_code"])


def modelaudit_picklescan(said: Said) -> str:
    """Its own verdict; unknown is an error."""
    return said["verdict"] if said["verdict"] in ("clean", "suspicious", "malicious") else "error"


def hayward(said: Said) -> str:
    """Critical and high are malicious (exit code 1), any lower finding suspicious, content not read an error."""
    found = said["severities"]
    return _verdict(_count(found, ("critical", "high")), _count(found, ("medium", "low", "info")), said["unread"])


VERDICTS: dict[str, Callable[[Said], str]] = {
    "picklescan": picklescan,
    "modelscan": modelscan,
    "fickling": fickling,
    "modelaudit": modelaudit,
    "modelaudit-picklescan": modelaudit_picklescan,
    "hayward": hayward,
}
