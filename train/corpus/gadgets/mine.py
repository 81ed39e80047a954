"""`python -m train.corpus.gadgets.mine`: find the callables of installed packages that reach a sink within a few calls.

Sources are parsed, never imported. Whoever has other packages gets another table; for one environment it is always the
same. The versioned one was mined where `environment.txt` was installed; what the standard libraries of Python 3.13, 3.8
and 3.6 add to it (`--also`) is taken over from the table before. A second table, `holders.jsonl`, says which modules
hold `os` and its like as attributes.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from train.corpus.gadgets.facts import Call, Function, Module, Taint, read_module
from train.corpus.gadgets.fit import fit, summary
from train.corpus.gadgets.holders import HOLDERS, Holder, holders, read_holders, write_holders
from train.corpus.gadgets.sinks import CLASSES, SINKS
from train.corpus.gadgets.table import KNOWN, TABLE, Gadget, line_of, read_gadgets, write_gadgets

MAX_DEPTH = 3
"""Calls between a gadget and its sink (count)."""
MAX_DOTS = 20
"""Of a name: aliases that contain each other grow for ever (count)."""
MAX_PARAMETERS = 9
"""Parameters of a callable that are kept, besides those that reach the sink (count)."""
MAX_BYTES = 2_450_000
"""Size of the table."""
MAX_HOLDER_BYTES = 450_000
"""Size of the table of holders."""
MAX_SOURCE_BYTES = 2_000_000
SKIPPED_FOLDERS = frozenset({"tests", "test", "idle_test", "_test", "__pycache__", "site-packages", "lib-dynload"})
PARAMETER = {
    "exec": ("source",),
    "process": ("command",),
    "import": ("name",),
    "unpickle": ("data",),
    "ctypes": ("name",),
    "network": ("url",),
    "write": ("path",),
}
"""What a sink without a source is taken to expect."""
OWN = frozenset({"safepickle_dl", "train"})
EVERYWHERE = sys.stdlib_module_names | {
    *("test", "_pyrepl", "numpy", "pandas", "scipy", "sklearn", "joblib", "torch", "transformers", "huggingface_hub"),
    *("pip", "setuptools", "yaml", "requests", "cloudpickle", "dill", "fsspec"),
}
"""Top-level packages that most victims have."""

Reach = dict[str, tuple[int, Taint]]
"""Class of sink to (calls in between, parameters that reach it)."""


def sources(roots: Iterable[Path]) -> Iterator[tuple[str, bool, Path]]:
    """Yield (module, whether a package, path) of every source below import roots, tests left out, in a fixed order."""
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[:2] != ("test", "support") and SKIPPED_FOLDERS.intersection(map(str.lower, parts[:-1])):
                continue
            if not all(part.isidentifier() for part in parts) or parts[0] in OWN:
                continue
            if parts[-1].lower().startswith(("test_", "conftest")) or parts[-1].endswith("_test"):
                continue
            is_package = parts[-1] == "__init__"
            yield ".".join(parts[:-1] if is_package else parts), is_package, path


def read_sources(found: Iterable[tuple[str, bool, Path]], workers: int = 1) -> dict[str, Module]:
    """Parse sources; those that are no Python of this version are left out."""
    modules: dict[str, Module] = {}
    readable = [source for source in found if source[0] and source[2].stat().st_size <= MAX_SOURCE_BYTES]
    with ProcessPoolExecutor(workers) as pool:
        for module in pool.map(_read, readable, chunksize=100):
            if module is not None:
                modules.setdefault(module.name, module)
    return modules


def _read(source: tuple[str, bool, Path]) -> Module | None:
    name, is_package, path = source
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's sources
        try:
            return read_module(name, is_package, path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError, RecursionError):
            return None


class Graph:
    """All functions by dotted name, and what they reach."""

    def __init__(self, modules: dict[str, Module]) -> None:
        """Start with nothing reached."""
        self.modules = modules
        self.functions: dict[str, Function] = {}
        self.owner: dict[str, Module] = {}
        for module in modules.values():
            for name, function in module.functions.items():
                self.functions[f"{module.name}.{name}"] = function
                self.owner[f"{module.name}.{name}"] = module
        self.resolved: dict[str, str] = {}
        self.reach: dict[str, Reach] = defaultdict(dict)

    def split(self, dotted: str) -> tuple[Module, str] | None:
        """Return the module that a dotted name begins with, and the rest."""
        parts = dotted.split(".")
        for i in range(len(parts) - 1, 0, -1):
            module = self.modules.get(".".join(parts[:i]))
            if module is not None:
                return module, ".".join(parts[i:])
        return None

    def resolve(self, dotted: str) -> str:
        """Return the function behind a dotted name (for a class its constructor), "" if there is none."""
        known = self.resolved.get(dotted)
        if known is None:
            self.resolved[dotted] = ""  # in case of a cycle
            known = self.resolved[dotted] = self._resolve(dotted)
        return known

    def _resolve(self, dotted: str) -> str:
        if dotted in self.functions:
            return dotted
        if dotted.count(".") > MAX_DOTS:
            return ""
        found = self.split(dotted)
        if found is None:
            return ""
        module, rest = found
        first, _, tail = rest.partition(".")
        if first in module.bases:
            for name in [tail] if tail else ["__init__", "__new__"]:
                method = self._method(module, first, name)
                if method:
                    return method
            return ""
        if first in module.aliases:
            target = module.aliases[first] + ("." + tail if tail else "")
            return self.resolve(target) if target != dotted else ""
        return ""

    def _method(self, module: Module, class_name: str, name: str, level: int = 0) -> str:
        own = f"{module.name}.{class_name}.{name}"
        if own in self.functions:
            return own
        for base in module.bases[class_name] if level < 6 else ():
            found = self.split(base)
            while found is not None and found[1] in found[0].aliases and level < 6:
                level += 1
                found = self.split(found[0].aliases[found[1]])
            if found is not None and found[1] in found[0].bases:
                method = self._method(found[0], found[1], name, level + 1)
                if method:
                    return method
        return ""

    def propagate(self) -> None:
        """Fill `reach`, one level of calls after the other."""
        callers: dict[str, list[tuple[str, Call]]] = defaultdict(list)
        for name, function in self.functions.items():
            for call in function.calls:
                if call.sink:
                    self._note(name, call.sink, 1, call.anywhere)
                elif (target := self.resolve(call.target)) and target != name:
                    callers[target].append((name, call))
        for depth in range(1, MAX_DEPTH):
            level = [
                (name, sink, taint)
                for name in sorted(self.reach)
                for sink, (at, taint) in sorted(self.reach[name].items())
                if at == depth and sink != "call"
            ]
            for name, sink, taint in level:
                for caller, call in callers[name]:
                    reached = _through(self.functions[name], call, taint)
                    if self.functions[caller].is_method:
                        reached |= {part for part in taint if part.startswith("self.")}
                    self._note(caller, sink, depth + 1, reached)

    def _note(self, name: str, sink: str, depth: int, taint: Taint) -> None:
        known = self.reach[name].get(sink)
        if known is None or (taint and not known[1]):
            self.reach[name][sink] = (depth, taint)
        elif known[0] == depth:
            self.reach[name][sink] = (depth, known[1] | taint)

    def gadgets(self) -> Iterator[Gadget]:
        """Yield a row for each callable that can be named, under the sink that says most."""
        for name in self.reach:
            module, function = self.owner[name], self.functions[name]
            yield self._gadget(module.name, _spoken(function.name), name)
        for module in self.modules.values():
            for class_name in module.bases:  # constructors that are inherited
                found = self.resolve(f"{module.name}.{class_name}")
                if found in self.reach:
                    yield self._gadget(module.name, class_name, found)
            for alias, target in module.aliases.items() if module.is_package else ():  # what a package re-exports
                found = self.resolve(target)
                if found in self.reach and target.startswith(module.name + "."):
                    yield self._gadget(module.name, alias, found)

    def _gadget(self, module: str, name: str, function: str) -> Gadget:
        best = min(self.reach[function].items(), key=lambda item: (not item[1][1], CLASSES.index(item[0]), item[1][0]))
        sink, (depth, taint) = best
        found = self.functions[function]
        reaches = tuple(p for p in found.parameters if p.lstrip("*") in taint)
        parameters = tuple(p for i, p in enumerate(found.parameters) if i < MAX_PARAMETERS or p in reaches)
        constructor, stored = (), ()
        if found.is_method and found.name == name:
            constructor, stored = self._constructor(module, name.rpartition(".")[0], taint)
        return Gadget(module, name, sink, parameters, reaches, depth, constructor, stored)

    def _constructor(self, module: str, class_name: str, taint: Taint) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the parameters of a class, and those that reach what `taint` reads from its objects."""
        constructor = self.resolve(f"{module}.{class_name}")
        if not constructor:
            return (), ()
        function, owner = self.functions[constructor], self.owner[constructor]
        stores = owner.stores.get(function.name.rpartition(".")[0], {})
        from_object = frozenset[str]().union(
            *(stores.get(part.removeprefix("self."), ()) for part in taint if "." in part)
        )
        stored = tuple(p for p in function.parameters if p.lstrip("*") in from_object)
        return tuple(p for i, p in enumerate(function.parameters) if i < MAX_PARAMETERS or p in stored), stored


def _spoken(name: str) -> str:
    """Return how a caller writes it: `Class` for its constructor."""
    head, _, last = name.rpartition(".")
    return head if head and last in ("__init__", "__new__") else name


def _through(callee: Function, call: Call, taint: Taint) -> Taint:
    """Return the caller's parameters that reach those of the callee in `taint`."""
    reached: Taint = frozenset()
    names = [p for p in callee.parameters if not p.startswith("**")]
    for i, argument in enumerate(call.positional):
        if argument:
            name = names[i].lstrip("*") if i < len(names) else (names[-1].lstrip("*") if names else "")
            if name in taint:
                reached |= argument
    for key, argument in call.keywords.items():
        if key in taint or key == "**" or (argument and key not in callee.parameters and taint):
            reached |= argument
    return reached


def mine(roots: Iterable[Path], others: Iterable[Path] = (), workers: int = 1) -> tuple[list[Gadget], list[Holder]]:
    """Return the gadgets below import roots with all sinks, and the holders; both sorted, without duplicates.

    Args:
        roots: folders that one Python imports from.
        others: standard libraries of other Pythons, each by itself: what they have and nothing before them had.
        workers: processes that parse (count).
    """
    rows: dict[str, Gadget] = {gadget.path: gadget for gadget in KNOWN}
    held: dict[str, Holder] = {}
    for group in ([*roots], *([root] for root in others)):
        graph = Graph(read_sources(sources(group), workers))
        graph.propagate()
        for gadget in sorted(graph.gadgets(), key=lambda g: (g.path, g.depth, g.sink)):
            rows.setdefault(gadget.path, gadget)
        for holder in holders(graph.modules.values()):
            held.setdefault(holder.module, holder)
    for path, sink in SINKS.items():  # what has no source here: C functions, other platforms, older Pythons
        module, _, name = path.rpartition(".")
        if module.rpartition(".")[2][:1].isupper():  # a method
            module, _, class_name = module.rpartition(".")
            name = f"{class_name}.{name}"
        rows.setdefault(path, Gadget(module, name, sink, PARAMETER[sink], PARAMETER[sink], 0))
    return sorted(rows.values(), key=lambda g: (g.module, g.name)), sorted(held.values(), key=lambda h: h.module)


def installed_roots() -> list[Path]:
    """Return the folders of the standard library and of the installed packages."""
    paths = sysconfig.get_paths()
    return [Path(path) for path in dict.fromkeys((paths["stdlib"], paths["purelib"], paths["platlib"]))]


def main() -> None:
    """Parse the command line and mine."""
    parser = argparse.ArgumentParser(prog="python -m train.corpus.gadgets.mine", description=__doc__)
    parser.add_argument("--output", type=Path, default=TABLE, help="the table (default: %(default)s)")
    parser.add_argument("--holders", type=Path, default=HOLDERS, help="the table of holders (default: %(default)s)")
    parser.add_argument("--also", type=Path, action="append", default=[], help="another Python's library (repeatable)")
    parser.add_argument("--workers", type=int, default=2, help="processes that parse (default: %(default)s)")
    parser.add_argument("--summary", action="store_true", help="mine nothing, print what the tables hold")
    given = parser.parse_args()
    if not given.summary:
        gadgets, held = mine(installed_roots(), given.also, given.workers)
        kept = fit(gadgets, lambda g: (g.module, _usefulness(g)), line_of, MAX_BYTES)
        write_gadgets(kept, given.output)
        kept_holders = fit(held, lambda h: (h.module, 0), lambda h: h.line(), MAX_HOLDER_BYTES)
        write_holders(kept_holders, given.holders)
        print(f"{len(kept)} of {len(gadgets)} gadgets, {len(kept_holders)} of {len(held)} holders", file=sys.stderr)
    print(summary(read_gadgets(given.output), read_holders(given.holders)))


def _usefulness(gadget: Gadget) -> int:
    """Return least for the sinks themselves, the deeper, more private, commoner, vaguer and rarer the more."""
    if gadget.depth == 0 or gadget.path in SINKS:
        return -1000
    reaching = bool(gadget.reaches or gadget.stored)
    private = any(part.startswith("_") for part in gadget.path.split("."))
    common = {"write": 1, "call": 3}.get(gadget.sink, 0)
    spared = 6 if gadget.module.partition(".")[0] in EVERYWHERE else 0
    return gadget.depth - 1 + private + common + 9 * (not reaching) - spared


if __name__ == "__main__":
    main()
