"""Modules that hold `os`, `subprocess` and their like as attributes: dotted names and `getattr` reach them there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from train.corpus.gadgets.facts import Module
from train.corpus.gadgets.sinks import SINKS

HOLDERS = Path(__file__).with_name("holders.jsonl")
HELD = frozenset((
    "os", "sys", "subprocess", "builtins", "importlib", "shutil", "socket", "pickle", "ctypes", "runpy", "code",
    "pty", "marshal", "types", "timeit", "pdb", "pkgutil", "imp", "multiprocessing", "asyncio", "urllib",
    "urllib.request", "http.client", "requests", "webbrowser", "posix", "nt", "cloudpickle", "dill", "commands",
    "__builtin__", "cPickle", "tempfile", "zipimport",
))  # fmt: skip
"""Modules worth reaching."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A module and what it holds."""

    module: str
    holds: dict[str, str]
    """Attribute to the module or sink behind it."""

    def line(self) -> str:
        """Return the row as it is written."""
        return json.dumps([self.module, self.holds], separators=(",", ":")) + "\n"


def holders(modules: Iterable[Module]) -> Iterator[Holder]:
    """Yield a row for each module that holds something."""
    for module in modules:
        holds = {name: target for name, target in sorted(module.aliases.items()) if target in HELD or target in SINKS}
        if holds:
            yield Holder(module.name, holds)


def read_holders(path: Path = HOLDERS) -> list[Holder]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8") as lines:
        return [Holder(*json.loads(line)) for line in lines]


def write_holders(rows: Iterable[Holder], path: Path = HOLDERS) -> None:
    """Write a table, a row a line."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(row.line() for row in rows)
