"""One worker process: paths go in, lines come out; when it dies or hangs, that file pays and a new one starts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

START_S = 120.0
"""Limit of a worker's start, which imports the peer (seconds)."""
MAX_LINE_BYTES = 16 << 20


@dataclass(frozen=True)
class Reply:
    """What a worker answered about one file: `said`, or why there is no answer."""

    path: Path
    seconds: float
    said: dict[str, Any] | None = None
    error: str | None = None


class WorkerError(Exception):
    """A worker died, hung, or wrote what is no reply."""


class Worker:
    """A running worker."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Start it and wait until it is ready.

        Raises:
            WorkerError: It did not start.
        """
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._buffer = b""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            self._log.close()
            raise WorkerError(f"cannot start: {error}") from error
        try:
            if self._read(START_S) != {"ready": True}:
                raise WorkerError("not ready")
        except WorkerError as error:
            self.close()
            raise WorkerError(f"cannot start: {error}") from error

    def ask(self, path: Path, limit_s: float) -> dict[str, Any]:
        """Return the reply about one file.

        Raises:
            WorkerError: There is none; the worker must be closed.
        """
        try:
            self._process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerError(f"died: {error}") from error
        reply = self._read(limit_s)
        if not isinstance(reply.get("said", {}), dict) or not isinstance(reply.get("seconds"), float):
            raise WorkerError("wrote a line that is no reply")
        return reply

    def _read(self, limit_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._buffer:
            if not wait([self._process.stdout], max(0.0, deadline - time.monotonic())):
                raise WorkerError(f"no answer in {limit_s:g} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise WorkerError(self._last_words())
            self._buffer += chunk
            if len(self._buffer) > MAX_LINE_BYTES:
                raise WorkerError("wrote a line without end")
        line, _, self._buffer = self._buffer.partition(b"\n")
        with contextlib.suppress(ValueError):
            reply = json.loads(line)
            if isinstance(reply, dict):
                return reply
        raise WorkerError("wrote a line that is no reply")

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)  # it may have closed its output and live on
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 2000))
        lines = self._log.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return f"died with exit code {self._process.returncode}: {last}"

    def close(self) -> None:
        """Kill it and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(OSError):  # a line that it never read
                pipe.close()
        self._process.wait()


def ask_each(
    command: Sequence[str], paths: Iterable[Path], limit_s: float, environment: Mapping[str, str], folder: Path
) -> Iterator[Reply]:
    """Yield one reply a path, in order.

    Args:
        command: Starts the worker (see workers/loop.py for what it must speak).
        paths: The files.
        limit_s: Time limit of one file (seconds).
        environment: The worker's whole environment.
        folder: Its working directory.
    """
    worker: Worker | None = None
    broken = ""
    try:
        for path in paths:
            start = time.perf_counter()
            try:
                if broken:
                    raise WorkerError(broken)
                if worker is None:
                    worker = Worker(command, environment, folder)
                    start = time.perf_counter()
                reply = worker.ask(path, limit_s)
                yield Reply(path, reply["seconds"], reply.get("said"), reply.get("error"))
            except WorkerError as error:
                if worker is None:
                    broken = str(error)  # what cannot start is not tried again for every file
                else:
                    worker.close()
                    worker = None
                yield Reply(path, time.perf_counter() - start, error=str(error))
    finally:
        if worker is not None:
            worker.close()
