"""The nouns of a scan: what goes in has a name, what comes out is one of these.

A *file* holds *streams* (one pickle each); a *finding* is a call site that the classifier holds
against the file; *coverage* says how much of the file was examined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The answer for one file."""

    MALICIOUS = "malicious"
    """The score is at or above the threshold chosen for a stated false-positive rate."""
    SUSPICIOUS = "suspicious"
    """The score lies between the two thresholds."""
    BENIGN = "benign"
    """Read to the end, and no slice scored high."""
    ERROR = "error"
    """Could not be read as far as a loader would; nothing found in what was read."""
    SKIPPED = "skipped"
    """No pickle in it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a file was examined, in bytes of the file as stored."""

    bytes: int
    read: int
    complete: bool


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One pickle stream: where it begins in its member, and how it scored."""

    name: str
    offset: int
    protocol: int
    opcodes: int
    score: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Evidence: one call site, with the byte offset of the opcode that would run it."""

    stream: str
    offset: int
    opcode: str
    callee: str
    arguments: str
    score: float
    message: str
    why: str = ""
    """What in the call site the score hangs on most: `name system +4.1, argument curl +0.6`, in units of the logit."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything that is known about one scanned file.

    `score` is the calibrated probability (0..1) that loading the file runs code that its user
    would not want; `members` holds the score of each member: `sequence`, the net's; `handcrafted`, the trees';
    `anomaly`, how unusual it is; and `rules`, 1 where a rule applies (see `safepickle_dl.rules`).
    """

    path: str
    verdict: Verdict
    score: float
    members: Mapping[str, float] = field(default_factory=dict)
    coverage: Coverage = Coverage(0, 0, True)
    streams: tuple[StreamReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()
    """What else is known and changes no verdict: a format without pickles, code that is not examined."""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: plain dicts, lists, numbers and strings, keys in a fixed order."""
        return {
            "path": self.path,
            "verdict": self.verdict.value,
            "score": round(self.score, 6),
            "members": {name: round(score, 6) for name, score in self.members.items()},
            "coverage": {
                "bytes": self.coverage.bytes,
                "read": self.coverage.read,
                "complete": self.coverage.complete,
            },
            "streams": [
                {
                    "name": s.name,
                    "offset": s.offset,
                    "protocol": s.protocol,
                    "opcodes": s.opcodes,
                    "score": round(s.score, 6),
                }
                for s in self.streams
            ],
            "findings": [
                {
                    "stream": f.stream,
                    "offset": f.offset,
                    "opcode": f.opcode,
                    "callee": f.callee,
                    "arguments": f.arguments,
                    "score": round(f.score, 6),
                    "message": f.message,
                    "why": f.why,
                }
                for f in self.findings
            ],
            "error": self.error,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 4),
        }
