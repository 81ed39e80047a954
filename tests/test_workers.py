"""Worker processes: what one file does to its worker costs that file only."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from safepickle_dl import Scanner, Verdict
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.workers import Workers
from tests.assemble import PAYLOAD


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for i in range(6):
        paths.append(tmp_path / f"{i}")
        paths[-1].write_bytes(PAYLOAD if i % 2 else pickle.dumps([i]))
    return paths


def verdicts(workers: Workers, paths: list[Path]) -> list[Verdict]:
    results = list(workers.scan(iter(paths)))
    assert [result.path for result in results] == [str(path) for path in paths]
    return [result.verdict for result in results]


ALTERNATELY = [Verdict.BENIGN, Verdict.MALICIOUS] * 3


def test_results_come_in_order(files: list[Path]) -> None:
    bundle = Scanner().bundle.path
    assert verdicts(Workers(2, bundle, DEFAULT_LIMITS), files) == ALTERNATELY
    assert verdicts(Workers(4, bundle, DEFAULT_LIMITS), files[:1]) == ALTERNATELY[:1]
    assert verdicts(Workers(2, bundle, DEFAULT_LIMITS), []) == []


def test_a_worker_that_dies_costs_its_file(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safepickle_dl.workers._work", _work_or_die)
    results = list(Workers(2, Scanner().bundle.path, DEFAULT_LIMITS).scan(iter(files)))
    assert [result.verdict for result in results] == [*ALTERNATELY[:3], Verdict.ERROR, *ALTERNATELY[4:]]
    assert results[3].error == "the process that scanned it died"
    assert not results[3].coverage.complete


def test_a_worker_that_hangs_costs_its_file(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safepickle_dl.workers._work", _work_or_hang)
    monkeypatch.setattr("safepickle_dl.workers.GRACE_S", 12.0)
    limits = replace(DEFAULT_LIMITS, max_seconds=1.0)
    results = list(Workers(2, Scanner().bundle.path, limits).scan(iter(files)))
    assert [result.verdict for result in results] == [*ALTERNATELY[:3], Verdict.ERROR, *ALTERNATELY[4:]]
    assert results[3].error == "limit max_seconds reached (1)"


def test_memory_of_a_worker_is_limited(files: list[Path]) -> None:
    limits = replace(DEFAULT_LIMITS, max_process_bytes=300 << 20)
    files[3].write_bytes(b"\x80\x04(" + b"J\1\2\3\4" * 12_000_000 + b"t.")
    results = list(Workers(1, Scanner().bundle.path, limits).scan(iter(files[2:])))
    assert [result.verdict for result in results] == [Verdict.BENIGN, Verdict.ERROR, *ALTERNATELY[4:]]
    assert results[1].error is not None


def test_a_run_that_is_not_read_to_the_end_leaves_no_process(files: list[Path]) -> None:
    workers = Workers(2, Scanner().bundle.path, DEFAULT_LIMITS)
    results = workers.scan(iter(files))
    next(results)
    processes = [worker.process for worker in workers._workers]
    results.close()
    assert processes and not any(process.is_alive() for process in processes)


def test_time_is_looked_at_in_this_process_too() -> None:
    scanner = Scanner(limits=replace(DEFAULT_LIMITS, max_seconds=0.0))
    result = scanner.scan_bytes(PAYLOAD)
    assert result.verdict in (Verdict.ERROR, Verdict.MALICIOUS)
    assert result.error is not None and not result.coverage.complete


def _work_or_die(pipe: object, bundle: Path, limits: object, fpr: float | None) -> None:
    _work(pipe, bundle, limits, lambda: os.kill(os.getpid(), 9))


def _work_or_hang(pipe: object, bundle: Path, limits: object, fpr: float | None) -> None:
    import threading

    _work(pipe, bundle, limits, threading.Event().wait)


def _work(pipe, bundle, limits, do) -> None:  # type: ignore[no-untyped-def]
    scanner = Scanner(bundle)
    pipe.send(None)
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        if path.endswith("3"):
            do()
        pipe.send(scanner.scan_path(path))
