"""Writes the dumps of one folder and their manifest."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from train.corpus.dumps.items import Item, dumped
from train.corpus.dumps.traits import traits

MAX_BYTES = 300_000
ITEM_LIMIT_S = 20


@contextmanager
def time_limit(limit_s: int) -> Iterator[None]:
    """Raise TimeoutError in what runs longer."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {limit_s} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@cache
def installed(form: str) -> bool:
    """Return whether what a form is written with is there."""
    library = form.partition("-")[0].rstrip("0123456789")
    return library in ("raw", "optimized") or importlib.util.find_spec(library) is not None


class Writer:
    """Writes files below a folder, a manifest row each, and counts what it wrote and what failed."""

    def __init__(self, output: Path, manifest: TextIO, max_bytes: int = MAX_BYTES) -> None:
        """Write files of at most `max_bytes` below `output`; rows go to `manifest`."""
        self.output = output
        self.manifest = manifest
        self.max_bytes = max_bytes
        self.rows: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def write(self, library: str, version: str, item: Item, forms: Sequence[str]) -> None:
        """Make one value and write it in each form; what raises is counted and skipped."""
        try:
            with time_limit(ITEM_LIMIT_S):
                value = item.make()
        except Exception as problem:
            self._failed(item, "made", problem)
            return
        for form in forms:
            try:
                with time_limit(ITEM_LIMIT_S):
                    data = dumped(value, form)
            except Exception as problem:
                self._failed(item, form, problem)
                continue
            if len(data) > self.max_bytes:
                self.failures[f"{item.name}: over {self.max_bytes} bytes"] += 1
                continue
            self._keep(library, version, item, form, data)

    def _failed(self, item: Item, when: str, problem: Exception) -> None:
        reason = str(problem).partition("\n")[0][:120]
        self.failures[f"{item.name} ({when}): {type(problem).__name__}: {reason}"] += 1

    def _keep(self, library: str, version: str, item: Item, form: str, data: bytes) -> None:
        slug = re.sub(r"[^A-Za-z0-9]+", "-", item.name).strip("-")[:60]
        file = f"{library}/{self.counts[library] + 1:04}-{slug}-{form}.pkl"
        path = self.output / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        row = {"file": file, "library": library, "version": version, "recipe": item.name, "form": form}
        row |= {"size": len(data), **traits(data)}
        row["hard"] |= item.is_hard
        self.add(row)

    def add(self, row: dict[str, Any]) -> None:
        """Count a file that is there, and note it in the manifest."""
        self.counts[row["library"]] += 1
        self.rows.append(row)
        self.manifest.write(json.dumps(row) + "\n")
