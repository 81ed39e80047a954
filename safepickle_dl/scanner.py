"""The engine: a file in, a verdict out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from safepickle_dl.analysis import Analysis, analyse
from safepickle_dl.batch import SliceArrays
from safepickle_dl.bundle import Bundle, load_bundle
from safepickle_dl.core import opcodes as op
from safepickle_dl.errors import reason_of
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer, read_path
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from safepickle_dl.runtime.numpy import NumpyClassifier
from safepickle_dl.types import Coverage, Finding, ScanResult, StreamReport, Verdict

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

MAX_FINDINGS = 100
"""Findings of one file that are reported, the highest scores first (count)."""
INTERNAL_ERROR = "internal error, please report it"
AHEAD = 4
"""Files that wait for each worker (count)."""


class Scanner:
    """Scans files with one model bundle.

        Scanner().scan_bytes(data, name="upload.pkl").verdict

    A scanner holds no state between files and may be used from several threads.
    """

    def __init__(
        self, bundle: str | os.PathLike[str] | None = None, jobs: int = 1, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        """Load and verify a model bundle.

        Args:
            bundle: its folder; None for the one that ships with the package.
            jobs: worker processes for `scan_paths` (count); 1 scans in this process.
            limits: bounds on the work that one file may cause.

        Raises:
            BundleError: the bundle is missing, altered, or made for another version.
            ValueError: `jobs` is below 1.
        """
        if jobs < 1:
            raise ValueError(f"jobs must be at least 1, not {jobs}")
        self.bundle: Bundle = load_bundle(bundle)
        self.jobs = jobs
        self.limits = limits
        self._classifier = NumpyClassifier(self.bundle.weights)

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
        """Scan files, in the order given; with `jobs` workers, each file in one of them."""
        if self.jobs == 1:
            for path in paths:
                yield self.scan_path(path)
        else:
            yield from self._scan_in_workers(iter(paths))

    # --- one file ---------------------------------------------------------------------------------------------------

    def _scan(self, data: Buffer, name: str, start: float) -> ScanResult:
        try:
            return self._judge(analyse(data, self.limits), name, start)
        except (MemoryError, RecursionError) as error:
            return _failed(name, f"out of resources: {type(error).__name__}", start, len(data))
        except Exception as error:  # a fault of ours costs this file, not the run
            return _failed(name, f"{INTERNAL_ERROR}: {type(error).__name__}: {error}", start, len(data))

    def _judge(self, analysis: Analysis, name: str, start: float) -> ScanResult:
        """Turn slices into scores, and scores into a verdict."""
        arrays = SliceArrays.of(analysis.slices)
        call_sites = np.flatnonzero(arrays.channel == 0)
        logits = self._classifier.logits(arrays, call_sites)
        score_of = {int(k): self.bundle.probability(float(logit)) for k, logit in zip(call_sites, logits, strict=True)}
        score = max(score_of.values(), default=0.0)
        error = "; ".join(analysis.errors[:3]) or None
        if error and len(analysis.errors) > 3:
            error += f"; and {len(analysis.errors) - 3} more"
        return ScanResult(
            path=name,
            verdict=self._verdict(score, bool(analysis.streams), bool(analysis.errors)),
            score=score,
            members={"sequence": score},
            coverage=analysis.coverage,
            streams=_stream_reports(analysis, score_of),
            findings=self._findings(analysis, score_of),
            error=error,
            seconds=time.perf_counter() - start,
        )

    def _verdict(self, score: float, has_streams: bool, has_errors: bool) -> Verdict:
        if score >= self.bundle.malicious:
            return Verdict.MALICIOUS
        if score >= self.bundle.suspicious:
            return Verdict.SUSPICIOUS
        if has_errors:
            return Verdict.ERROR
        return Verdict.BENIGN if has_streams else Verdict.SKIPPED

    def _findings(self, analysis: Analysis, score_of: dict[int, float]) -> tuple[Finding, ...]:
        """Return one finding for each call site with a slice that scores at least as suspicious."""
        slices = analysis.slices
        best: dict[tuple[int, int], float] = {}
        for k, score in score_of.items():
            if score >= self.bundle.suspicious:
                site = (slices.source[k], slices.site[k])
                best[site] = max(score, best.get(site, 0.0))
        ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))[:MAX_FINDINGS]
        return tuple(_finding(analysis, source, site, score) for (source, site), score in ranked)

    # --- many files -------------------------------------------------------------------------------------------------

    def _scan_in_workers(self, paths: Iterator[str | os.PathLike[str]]) -> Iterator[ScanResult]:
        """Scan in worker processes; a file that kills its worker costs only its own result."""
        from concurrent.futures import BrokenExecutor

        pool = self._pool(self.jobs)
        waiting: list[tuple[str, Future[ScanResult]]] = []
        try:
            while True:
                more = [os.fspath(path) for path in islice(paths, AHEAD * self.jobs - len(waiting))]
                waiting += [(path, pool.submit(_scan_in_worker, path)) for path in more]
                if not waiting:
                    return
                path, future = waiting.pop(0)
                try:
                    yield future.result()
                except BrokenExecutor:
                    pool.shutdown(wait=False, cancel_futures=True)
                    yield self._scan_alone(path)
                    pool = self._pool(self.jobs)
                    waiting = [(other, pool.submit(_scan_in_worker, other)) for other, _ in waiting]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _scan_alone(self, path: str) -> ScanResult:
        from concurrent.futures import BrokenExecutor

        start = time.perf_counter()
        with self._pool(1) as pool:
            try:
                return pool.submit(_scan_in_worker, path).result()
            except BrokenExecutor:
                return _failed(path, "the process that scanned it died", start)

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        from concurrent.futures import ProcessPoolExecutor  # slow to import, and rarely needed
        from multiprocessing import get_context

        return ProcessPoolExecutor(
            workers,
            mp_context=get_context("spawn"),
            initializer=_start_worker,
            initargs=(self.bundle.path, self.limits),
        )


_worker: Scanner | None = None


def _start_worker(bundle: Path, limits: Limits) -> None:
    global _worker
    _worker = Scanner(bundle, limits=limits)


def _scan_in_worker(path: str) -> ScanResult:
    if _worker is None:
        raise RuntimeError("the worker was not started")
    return _worker.scan_path(path)


def scan(path: str | os.PathLike[str]) -> ScanResult:
    """Scan one file with the bundle that ships with the package; for several, keep a `Scanner`.

    Raises:
        BundleError: the bundle is missing or altered.
    """
    return Scanner().scan_path(path)


def _failed(name: str, reason: str, start: float, size: int = 0) -> ScanResult:
    coverage = Coverage(bytes=size, read=0, complete=False)
    return ScanResult(name, Verdict.ERROR, 0.0, coverage=coverage, error=reason, seconds=time.perf_counter() - start)


def _stream_reports(analysis: Analysis, score_of: dict[int, float]) -> tuple[StreamReport, ...]:
    slices = analysis.slices
    highest = [0.0] * len(analysis.streams)
    for i in range(slices.n_pairs):
        source = slices.pair_source[i]
        highest[source] = max(highest[source], score_of.get(slices.pair_slice[i], 0.0))
    return tuple(
        StreamReport(stream.name, stream.start, stream.machine.protocol, stream.machine.n_instructions, score)
        for stream, score in zip(analysis.streams, highest, strict=True)
    )


def _finding(analysis: Analysis, source: int, site: int, score: float) -> Finding:
    stream = analysis.streams[source]
    machine = stream.machine
    opcode = machine.site_opcode[site]
    callee = callee_text(machine, machine.site_callee[site])
    arguments = arguments_text(machine, machine.site_arguments[site])
    return Finding(
        stream=stream.name,
        offset=machine.site_at[site],
        opcode=opcode_name(opcode),
        callee=callee,
        arguments=arguments,
        score=score,
        message=_message(opcode, callee, arguments),
    )


def _message(opcode: int, callee: str, arguments: str) -> str:
    """Say in one line what loading the file does at a call site."""
    if opcode in op.IMPORTS:
        return f"loading the file imports {callee}"
    if opcode in op.CALLS:
        return f"loading the file calls {callee} with {arguments}"
    if opcode == op.BUILD:
        return f"loading the file sets the state of {callee} to {arguments}"
    if opcode in (op.PERSID, op.BINPERSID):
        return f"loading the file asks the loading program for the object {arguments}"
    return f"loading the file adds {arguments} to {callee}"
