"""One peer over a list of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from safepickle_dl.report.escape import clip, printable

from .environments import command_of, environment_of, read_versions
from .process import ask_each
from .verdicts import VERDICTS

LIMIT_S = 60.0
"""Time limit of one file (seconds)."""


@dataclass(frozen=True)
class PeerResult:
    """What one peer says about one file: `verdict` is clean, suspicious, malicious or error."""

    peer: str
    path: str
    verdict: str
    seconds: float
    detail: str


def scan(peer: str, paths: Sequence[Path], folder: Path, limit_s: float = LIMIT_S) -> list[PeerResult]:
    """Return one result a path, in order; a peer that is not installed gives errors with the reason."""
    return list(scan_each(peer, paths, folder, limit_s))


def scan_each(peer: str, paths: Iterable[Path], folder: Path, limit_s: float = LIMIT_S) -> Iterator[PeerResult]:
    """Yield what `scan` returns as it comes.

    Args:
        peer: A name of `PINS`.
        paths: The files; only the peer's own process opens them.
        folder: Where `install` put the peers.
        limit_s: Time limit of one file (seconds).
    """
    folder = folder.resolve()
    outcome = read_versions(folder).get(peer, {"ok": False, "reason": "not installed"})
    if not outcome["ok"]:
        for path in paths:
            yield PeerResult(peer, str(path), "error", 0.0, outcome["reason"])
        return
    absolute = (path.absolute() for path in paths)
    environment = environment_of(peer, folder)
    for reply in ask_each(command_of(peer, folder), absolute, limit_s, environment, folder / peer):
        verdict, detail = "error", reply.error
        if reply.said is not None:
            verdict, detail = VERDICTS[peer](reply.said), reply.said["detail"]
        yield PeerResult(peer, str(reply.path), verdict, round(reply.seconds, 4), clip(printable(detail or ""), 200))
