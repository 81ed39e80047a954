"""Runs the recipes of the installed libraries and writes their files and the manifest."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import random
import shutil
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

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
from train.corpus.dumps.found import run_found
from train.corpus.dumps.items import FAMILIES, Family
from train.corpus.dumps.writer import Writer, installed


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


def _seed(number: int) -> None:
    random.seed(number)
    for name in ("numpy", "torch"):
        if name not in sys.modules:
            continue
        if name == "numpy":
            sys.modules["numpy"].random.seed(number % 2**32)
        else:
            sys.modules["torch"].manual_seed(number)


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
    output: Path,
    seed: int = 0,
    libraries: Sequence[str] = (),
    share: float = 1.0,
    rounds: int = 1,
    found: int = 0,
    workers: int = 1,
) -> dict[str, Any]:
    """Dump everything that is installed into `output`, in place of what an earlier run left there.

    Args:
        output: folder for the files and `manifest.jsonl`.
        seed: of every random choice.
        libraries: only these; all if empty.
        share: of the items that are made, 0 to 1.
        rounds: how often each recipe runs, with other random choices each time.
        found: objects of each installed distribution that are made without a recipe, at most (count).
        workers: processes that make these (count).

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
        for row in run_found(fresh, seed, found, workers, libraries) if found else ():
            writer.add(row)
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
            possible = [form for form in item.forms if installed(form)]
            forms = choice.sample(possible, min(item.n_forms, len(possible)))
            writer.write(family.library, version, item, list(dict.fromkeys(forms)))
    except Exception as problem:
        writer.failures[f"{family.library}.{family.recipe.__name__}: {type(problem).__name__}: {problem}"] += 1
    print(f"{family.library}.{family.recipe.__name__}: {writer.counts.total() - before} files", file=sys.stderr)
