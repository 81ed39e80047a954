"""Which rows a table of bounded size keeps, and what it then holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from train.corpus.gadgets.holders import Holder
from train.corpus.gadgets.sinks import CLASSES
from train.corpus.gadgets.table import Gadget

Row = TypeVar("Row")

MODULE_STEP = 4
PACKAGE_STEP = 150
RANK_STEP = 3
"""Rows of one module, rows of one top-level package, and ranks, after which others go first (count)."""


def fit(
    rows: Sequence[Row], place: Callable[[Row], tuple[str, int]], line: Callable[[Row], str], max_bytes: int
) -> list[Row]:
    """Return as many rows as fit, in the same order: many modules and packages first, then more of each.

    Args:
        rows: what to choose from, in a fixed order.
        place: returns a row's module, and its rank there (the lower the more useful).
        line: returns a row as it is written.
        max_bytes: size of all lines together.
    """
    by_use = sorted(range(len(rows)), key=lambda i: (place(rows[i])[1], i))
    in_module: Counter[str] = Counter()
    turns = {}
    for i in by_use:
        module = place(rows[i])[0]
        turns[i] = in_module[module] // MODULE_STEP
        in_module[module] += 1
    in_package: Counter[str] = Counter()
    for i in sorted(by_use, key=lambda i: turns[i]):
        package = place(rows[i])[0].partition(".")[0]
        turns[i] = max(turns[i], in_package[package] // PACKAGE_STEP)
        in_package[package] += 1
    kept = set()
    room = max_bytes
    for i in sorted(by_use, key=lambda i: (turns[i] + place(rows[i])[1] // RANK_STEP, place(rows[i])[1])):
        room -= len(line(rows[i]).encode())
        if room < 0:
            break
        kept.add(i)
    return [row for i, row in enumerate(rows) if i in kept]


def summary(gadgets: Iterable[Gadget], holders: Sequence[Holder]) -> str:
    """Return a table of the gadgets by top-level package and sink, and the number of holders."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    modules = set()
    for gadget in gadgets:
        modules.add(gadget.module)
        counts["all"][gadget.sink] += 1
        counts[gadget.module.partition(".")[0]][gadget.sink] += 1
    width = max(map(len, counts), default=0)
    lines = [" ".join([f"{'package':{width}}", *(f"{name:>8}" for name in ("total", *CLASSES))])]
    for package, sinks in sorted(counts.items(), key=lambda item: (-item[1].total(), item[0])):
        lines.append(
            " ".join([f"{package:{width}}", *(f"{n:8}" for n in (sinks.total(), *(sinks[c] for c in CLASSES)))])
        )
    total = counts["all"].total()
    lines.append(f"{total} gadgets in {len(modules)} modules of {len(counts) - 1} packages; {len(holders)} holders")
    return "\n".join(lines)
