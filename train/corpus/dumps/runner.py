"""Runs the recipes of the installed libraries and writes their files and the manifest."""

from __future__ import annotations

import importlib
import importlib.util
import json
import platform
import random
import re
import shutil
import signal
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from random import Random
from types import FrameType, ModuleType
from typing import Any, TextIO

from train.corpus.dumps import (  # noqa: F401  (each registers its recipes)
    arrays,
    boosting,
    ecosystem,
    estimators,
    frames,
    frameworks,
    functions,
    large,
    objects,
    packages,
    science,
    security,
    standard,
    tensors,
    texts,
)
from train.corpus.dumps.items import FAMILIES, Family, Item, dumped
from train.corpus.dumps.traits import traits

MAX_BYTES = 300_000
ITEM_LIMIT_S = 20


@contextmanager
def _sandbox() -> Iterator[None]:
    """Give recipes a `__main__` of their own and take back what they put into `sys.modules`."""
    before = dict(sys.modules)
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.modules["__main__"] = before["__main__"]
        for name, module in list(sys.modules.items()):
            if name not in before and getattr(module, "__spec__", None) is None:
                del sys.modules[name]


@contextmanager
def _time_limit(limit_s: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {limit_s} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _seed(number: int) -> None:
    random.seed(number)
    for name in ("numpy", "torch"):
        if name not in sys.modules:
            continue
        if name == "numpy":
            sys.modules["numpy"].random.seed(number % 2**32)
        else:
            sys.modules["torch"].manual_seed(number)


@cache
def _installed(form: str) -> bool:
    library = form.partition("-")[0].rstrip("0123456789")
    return library in ("raw", "optimized") or importlib.util.find_spec(library) is not None


class Writer:
    """Writes files below a folder, a manifest row each, and counts what it wrote and what failed."""

    def __init__(self, output: Path, manifest: TextIO) -> None:
        """Write below `output`; rows go to `manifest`."""
        self.output = output
        self.manifest = manifest
        self.rows: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def write(self, family: Family, version: str, item: Item, forms: Sequence[str]) -> None:
        """Make one value and write it in each form; what raises is counted and skipped."""
        try:
            with _time_limit(ITEM_LIMIT_S):
                value = item.make()
        except Exception as problem:
            self._failed(item, "made", problem)
            return
        for form in forms:
            try:
                with _time_limit(ITEM_LIMIT_S):
                    data = dumped(value, form)
            except Exception as problem:
                self._failed(item, form, problem)
                continue
            if len(data) > MAX_BYTES:
                self.failures[f"{item.name}: over {MAX_BYTES} bytes"] += 1
                continue
            self._keep(family, version, item, form, data)

    def _failed(self, item: Item, when: str, problem: Exception) -> None:
        reason = str(problem).partition("\n")[0][:120]
        self.failures[f"{item.name} ({when}): {type(problem).__name__}: {reason}"] += 1

    def _keep(self, family: Family, version: str, item: Item, form: str, data: bytes) -> None:
        self.counts[family.library] += 1
        slug = re.sub(r"[^A-Za-z0-9]+", "-", item.name).strip("-")[:60]
        file = f"{family.library}/{self.counts[family.library]:04}-{slug}-{form}.pkl"
        path = self.output / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        row = {"file": file, "library": family.library, "version": version, "recipe": item.name, "form": form}
        row |= {"size": len(data), **traits(data)}
        row["hard"] |= item.is_hard
        self.rows.append(row)
        self.manifest.write(json.dumps(row) + "\n")


def version_of(family: Family) -> str | None:
    """Import the library of a family and return its version, or None if it is not installed or does not import."""
    try:
        importlib.import_module(family.imports)
    except Exception as problem:
        print(f"skipped {family.library}: {problem}".partition("\n")[0], file=sys.stderr)
        return None
    try:
        return platform.python_version() if family.library == "python" else metadata.version(family.library)
    except metadata.PackageNotFoundError:
        return ""


def run(
    output: Path, seed: int = 0, libraries: Sequence[str] = (), share: float = 1.0, rounds: int = 1
) -> dict[str, Any]:
    """Dump everything that is installed into `output`, in place of what an earlier run left there.

    Args:
        output: folder for the files and `manifest.jsonl`.
        seed: of every random choice.
        libraries: only these; all if empty.
        share: of the items that are made, 0 to 1.
        rounds: how often each recipe runs, with other random choices each time.

    Returns:
        `files` by library, `hard` (share of them), quantiles of `bytes` and `opcodes`, and `failures` by message.

    Raises:
        FileExistsError: `output` holds something that is not an earlier run's.
    """
    if output.exists() and any(output.iterdir()) and not (output / "manifest.jsonl").exists():
        raise FileExistsError(f"{output} is not empty and has no manifest.jsonl: name another folder")
    fresh = output.with_name(output.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with _sandbox(), (fresh / "manifest.jsonl").open("w", encoding="utf-8") as manifest:
        writer = Writer(fresh, manifest)
        for family in FAMILIES:
            if libraries and family.library not in libraries:
                continue
            version = version_of(family)
            for number in range(rounds if version is not None else 0):
                _run_family(writer, family, version or "", f"{seed}.{number}" if number else f"{seed}", share)
    shutil.rmtree(output, ignore_errors=True)
    fresh.rename(output)
    return {
        "files": dict(sorted(writer.counts.items())),
        **summary(writer.rows),
        "failures": dict(writer.failures.most_common()),
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts and sizes of the rows of a manifest."""
    if not rows:
        return {}
    quantiles = {}
    for key in ("size", "opcodes"):
        ordered = sorted(row[key] for row in rows)
        quantiles[key] = {
            str(share): ordered[round(share * (len(ordered) - 1))] for share in (0, 0.1, 0.5, 0.9, 0.99, 1)
        }
    return {
        "total": len(rows),
        "libraries": len({row["library"] for row in rows}),
        "hard": round(sum(row["hard"] for row in rows) / len(rows), 3),
        "quantiles": quantiles,
        **{key: dict(Counter(str(row[key]) for row in rows).most_common()) for key in ("protocol", "container")},
    }


def _run_family(writer: Writer, family: Family, version: str, seed: str, share: float) -> None:
    rng = Random(f"{seed}:{family.library}:{family.recipe.__name__}")
    choice = Random(f"{seed}:{family.library}:forms")
    before = writer.counts.total()
    try:
        for item in family.recipe(rng):
            if choice.random() >= share:
                continue
            _seed(zlib.crc32(f"{seed}:{item.name}".encode()))
            possible = [form for form in item.forms if _installed(form)]
            forms = choice.sample(possible, min(item.n_forms, len(possible)))
            writer.write(family, version, item, list(dict.fromkeys(forms)))
    except Exception as problem:
        writer.failures[f"{family.library}.{family.recipe.__name__}: {type(problem).__name__}: {problem}"] += 1
    print(f"{family.library}.{family.recipe.__name__}: {writer.counts.total() - before} files", file=sys.stderr)
