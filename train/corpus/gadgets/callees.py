"""What callables are, by name: functions, methods, classes or exceptions, and the sinks that their parameters reach.

Most reach none. There are a hundred times as many as gadgets, and a net that has learned to tell them apart has an
opinion of names that no attack and no dump of its training holds (`train/callees.py`).
"""

from __future__ import annotations

import builtins
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from train.corpus.gadgets.sinks import CLASSES

if TYPE_CHECKING:
    from train.corpus.gadgets.mine import Graph

KINDS = ("function", "method", "class", "exception")
LABELS = (*KINDS, *(sink for sink in CLASSES if sink != "read"))
"""What is told of each; `read` is not mined."""
PER_PACKAGE = 300
"""Callables of one top-level package that reach a sink, and of those that reach none (count)."""
MAX_LENGTH = 200
"""Of a dotted name (characters)."""
MAX_BASES = 8
"""Between a class and the exception that it derives from (count)."""

_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)

SCHEMA = pa.schema([("library", pa.string()), ("module", pa.string()), ("name", pa.string()),
                    ("labels", pa.list_(pa.string()))])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Callee:
    """A callable that a pickle can name."""

    module: str
    name: str
    """Dotted for methods."""
    labels: tuple[str, ...]
    """Of `LABELS`: its kind, and the sinks that some parameter of its reaches."""

    @property
    def path(self) -> str:
        """Return `module.name`."""
        return f"{self.module}.{self.name}"


def callees(graph: Graph) -> list[Callee]:
    """Return some of the callables of each package, those that reach a sink apart from the others, by a fixed hash."""
    pools: dict[tuple[str, bool], list[Callee]] = defaultdict(list)
    for callee in _all(graph):
        if len(callee.path) <= MAX_LENGTH and callee.path.isascii():
            pools[callee.module.partition(".")[0], len(callee.labels) > 1].append(callee)
    kept = [one for pool in pools.values() for one in sorted(pool, key=_ticket)[:PER_PACKAGE]]
    return sorted(kept, key=lambda one: one.path)


def _ticket(callee: Callee) -> bytes:
    return hashlib.sha256(callee.path.encode()).digest()


def _all(graph: Graph) -> Iterator[Callee]:
    for module in graph.modules.values():
        for name in module.functions:
            if not name.rpartition(".")[2].startswith("__"):
                kind = "method" if "." in name else "function"
                yield Callee(module.name, name, (kind, *_steered(graph, f"{module.name}.{name}")))
        for name in module.bases:
            kind = "exception" if _is_exception(graph, f"{module.name}.{name}") else "class"
            yield Callee(module.name, name, (kind, *_steered(graph, graph.resolve(f"{module.name}.{name}"))))


def _steered(graph: Graph, function: str) -> list[str]:
    """Return the sinks that a parameter of a function reaches."""
    reach = graph.reach.get(function, {})
    return [sink for sink in CLASSES if sink in reach and reach[sink][1]]


def _is_exception(graph: Graph, dotted: str, level: int = 0) -> bool:
    module, _, name = dotted.rpartition(".")
    if module == "builtins":
        return name in _EXCEPTIONS
    found = graph.split(dotted)
    if found is None or level > MAX_BASES:
        return False
    bases = found[0].bases.get(found[1], [found[0].aliases[found[1]]] if found[1] in found[0].aliases else [])
    return any(_is_exception(graph, base, level + 1) for base in bases)


def write_callees(rows: Iterable[Callee], libraries: Mapping[str, str], path: Path) -> None:
    """Write a Parquet table.

    Args:
        rows: the callables.
        libraries: top-level package to the library that it comes with, as dumps call it; others are left empty.
        path: where to.
    """
    table = [
        {"library": libraries.get(one.module.partition(".")[0], ""), "module": one.module, "name": one.name,
         "labels": list(one.labels)}
        for one in rows
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(table, SCHEMA), path, compression="zstd")
