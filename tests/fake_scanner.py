"""Stands in for `safepickle_dl.scanner`: the verdict is the file's own text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from safepickle_dl.errors import BundleError
from safepickle_dl.types import Coverage, Finding, ScanResult, Verdict


class Scanner:
    """The engine's contract without an engine."""

    model_version = "fake-1"
    created: list[tuple[str | Path | None, int, float | None]] = []  # noqa: RUF012

    def __init__(self, bundle: str | Path | None = None, jobs: int = 1, fpr: float | None = None) -> None:
        if bundle and not Path(bundle).is_dir():
            raise BundleError(f"{bundle}: no such bundle")
        self.created.append((bundle, jobs, fpr))

    def scan_paths(self, paths: Iterable[Path]) -> Iterator[ScanResult]:
        for path in paths:
            yield self._scan(str(path), path.read_bytes())

    def scan_stream(self, file: BinaryIO, name: str) -> ScanResult:
        return self._scan(name, file.read())

    def _scan(self, path: str, data: bytes) -> ScanResult:
        word = data.decode()
        if word == "interrupt":
            raise KeyboardInterrupt
        if word == "bug":
            raise RuntimeError("a bug\n")
        verdict = Verdict("error" if word == "cut" else word)
        finding = Finding("s", 7, "REDUCE", "os.system", f"('{path}',)", 0.9, "m")
        return ScanResult(
            path,
            verdict,
            0.9 if verdict is Verdict.MALICIOUS else 0.1,
            coverage=Coverage(len(data), len(data), True),
            findings=(finding,) if verdict in (Verdict.MALICIOUS, Verdict.SUSPICIOUS) else (),
            error="truncated" if verdict is Verdict.ERROR else None,
        )
