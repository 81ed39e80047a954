"""Worker processes for many files: each file in one of them, and none can take the run down.

A worker that dies (a crash, the system's memory killer) or is far over its time costs the file it worked on, which
becomes an `error`; a fresh worker goes on. Memory is limited by the operating system where it can.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from safepickle_dl.limits import Limits
from safepickle_dl.types import Coverage, ScanResult, Verdict

AHEAD = 4
"""Files for each worker that may be done before the one whose turn it is (count)."""
START_S = 300.0
"""How long a worker may take to load its model (seconds)."""
GRACE_S = 60.0
"""How long a worker may be over the time of a file, which it looks at itself, before it is ended (seconds)."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    number: int = -1
    """Of the file that it works on; -1: none."""
    path: str = ""
    since: float = 0.0
    """When it began with the file, or was started for it (seconds, of the monotonic clock)."""
    started: bool = False


class Workers:
    """A few processes that scan."""

    def __init__(self, jobs: int, bundle: Path, limits: Limits, fpr: float | None = None) -> None:
        """Start none yet; at most `jobs` will run."""
        self._jobs, self._scanner = jobs, (bundle, limits, fpr)
        self._limits = limits
        self._workers: list[_Worker] = []
        self._done: dict[int, ScanResult] = {}

    def scan(self, paths: Iterator[str | os.PathLike[str]]) -> Iterator[ScanResult]:
        """Yield the result of each path, in order."""
        waiting: deque[tuple[int, str]] = deque()
        n_taken = n_given = 0
        more = True
        try:
            while True:
                while more and n_taken - n_given < AHEAD * self._jobs:
                    path = next(paths, None)
                    if path is None:
                        more = False
                    else:
                        waiting.append((n_taken, os.fspath(path)))
                        n_taken += 1
                while waiting and (worker := self._idle()):
                    self._give(worker, *waiting.popleft())
                if n_given in self._done:
                    yield self._done.pop(n_given)
                    n_given += 1
                elif n_given == n_taken:
                    return
                else:
                    self._collect()
        finally:
            for worker in self._workers:
                _end(worker)
            self._workers.clear()

    def _idle(self) -> _Worker | None:
        for worker in self._workers:
            if worker.number < 0:
                return worker
        if len(self._workers) >= self._jobs:
            return None
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, *self._scanner), daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _give(self, worker: _Worker, number: int, path: str) -> None:
        worker.number, worker.path, worker.since = number, path, time.monotonic()
        with contextlib.suppress(OSError):  # dead already: found out when its result is collected
            worker.pipe.send(path)

    def _collect(self) -> None:
        """Wait until a worker has a result, has died or has run out of time."""
        busy = [worker for worker in self._workers if worker.number >= 0]
        deadline = min(self._deadline(worker) for worker in busy)
        ready = wait([worker.pipe for worker in busy], max(0.0, deadline - time.monotonic()))
        for worker in busy:
            if worker.pipe in ready:
                try:
                    answer = worker.pipe.recv()
                except (EOFError, OSError):
                    self._lose(worker, "the process that scanned it died")
                    continue
                if answer is None:  # its model is loaded: the file's time begins
                    worker.started, worker.since = True, time.monotonic()
                else:
                    self._done[worker.number] = answer
                    worker.number = -1
            elif time.monotonic() >= self._deadline(worker):
                self._lose(worker, f"limit max_seconds reached ({self._limits.max_seconds:g})")

    def _deadline(self, worker: _Worker) -> float:
        return worker.since + (self._limits.max_seconds + GRACE_S if worker.started else START_S)

    def _lose(self, worker: _Worker, reason: str) -> None:
        seconds = time.monotonic() - worker.since
        coverage = Coverage(0, 0, False)
        self._done[worker.number] = ScanResult(
            worker.path, Verdict.ERROR, 0.0, coverage=coverage, error=reason, seconds=seconds
        )
        _end(worker)
        self._workers.remove(worker)


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.kill()
    worker.process.join()


def _work(pipe: Connection, bundle: Path, limits: Limits, fpr: float | None) -> None:
    """Scan each path that comes through the pipe; end when it is closed."""
    from safepickle_dl.scanner import Scanner

    _limit_memory(limits.max_process_bytes)
    scanner = Scanner(bundle, limits=limits, fpr=fpr)
    pipe.send(None)
    while True:
        try:
            path = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        pipe.send(scanner.scan_path(path))


def _limit_memory(n_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # no such limit on this system
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
