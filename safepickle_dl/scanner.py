"""The engine: a file in, a verdict out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from safepickle_dl.analysis import Reading
from safepickle_dl.bundle import Bundle, load_bundle
from safepickle_dl.ensemble import Ensemble
from safepickle_dl.errors import reason_of
from safepickle_dl.judge import Judgement
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer, read_path
from safepickle_dl.types import Coverage, ScanResult, Verdict

INTERNAL_ERROR = "internal error, please report it"


class Scanner:
    """Scans files with one model bundle.

        Scanner().scan_bytes(data, name="upload.pkl").verdict

    A scanner holds no state between files and may be used from several threads.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] | None = None,
        jobs: int = 1,
        limits: Limits = DEFAULT_LIMITS,
        fpr: float | None = None,
    ) -> None:
        """Load and verify a model bundle.

        Args:
            bundle: its folder; None for the one that ships with the package.
            jobs: worker processes for `scan_paths` (count); 1 scans in this process.
            limits: bounds on the work that one file may cause.
            fpr: share of honest files that may be called malicious, one of those that the bundle has a threshold for
                (`bundle.thresholds`); None for its own choice.

        Raises:
            BundleError: the bundle is missing, altered, or made for another version; or has no threshold for `fpr`.
            ValueError: `jobs` is below 1.
        """
        if jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {jobs}")
        self.bundle: Bundle = load_bundle(bundle)
        self.jobs = jobs
        self.limits = limits
        self.fpr = fpr
        self._point = self.bundle.operating_point(fpr)
        self._ensemble = Ensemble(self.bundle)

    @property
    def model_version(self) -> str:
        """Return the name and version of the model bundle."""
        return self.bundle.version

    def scan_path(self, path: str | os.PathLike[str]) -> ScanResult:
        """Scan a file; one that cannot be read gives the verdict `error`."""
        start = time.perf_counter()
        try:
            data = read_path(path)
        except (OSError, ValueError) as error:
            return _failed(os.fspath(path), reason_of(error), start)
        return self._scan(data, os.fspath(path), start)

    def scan_bytes(self, data: bytes, name: str = "<bytes>") -> ScanResult:
        """Scan bytes; `name` is what the result calls them."""
        return self._scan(bytes(data), name, time.perf_counter())

    def scan_stream(self, file: BinaryIO, name: str = "<stream>") -> ScanResult:
        """Scan what is left of a binary file object."""
        start = time.perf_counter()
        try:
            data = file.read()
        except OSError as error:
            return _failed(name, reason_of(error), start)
        return self._scan(data, name, start)

    def scan_paths(self, paths: Iterable[str | os.PathLike[str]]) -> Iterator[ScanResult]:
        """Scan files, in the order given.

        With several `jobs`, each file is scanned in a worker process: one that crashes or hangs it is an `error`, and
        the others are scanned all the same. With one, everything happens in this process.
        """
        if self.jobs == 1:
            for path in paths:
                yield self.scan_path(path)
        else:
            from safepickle_dl.workers import Workers  # slow to import, and rarely needed

            yield from Workers(self.jobs, self.bundle.path, self.limits, self.fpr).scan(iter(paths))

    def _scan(self, data: Buffer, name: str, start: float) -> ScanResult:
        try:
            reading = Reading(data, self.limits)
            judgement = Judgement(reading, self._ensemble, self._point)
            for portion in reading.portions():
                judgement.add(portion)
            return judgement.result(name, start)
        except (MemoryError, RecursionError) as error:
            return _failed(name, f"out of resources: {type(error).__name__}", start, len(data))
        except Exception as error:  # a fault of ours costs this file, not the run
            return _failed(name, f"{INTERNAL_ERROR}: {type(error).__name__}: {error}", start, len(data))


def scan(path: str | os.PathLike[str]) -> ScanResult:
    """Scan one file with the bundle that ships with the package; for several, keep a `Scanner`.

    Raises:
        BundleError: the bundle is missing or altered.
    """
    return Scanner().scan_path(path)


def _failed(name: str, reason: str, start: float, size: int = 0) -> ScanResult:
    coverage = Coverage(bytes=size, read=0, complete=False)
    return ScanResult(name, Verdict.ERROR, 0.0, coverage=coverage, error=reason, seconds=time.perf_counter() - start)
