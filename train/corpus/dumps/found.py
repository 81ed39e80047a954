"""Objects of whatever is installed: public classes of every package, made with guessed arguments.

Recipes know what people keep of a library; this knows nothing and goes everywhere. Each distribution has a process of
its own, which must not write outside its temporary folder, start a program or connect (an audit hook sees to it,
PEP 578); what it makes is dumped and never read back.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from importlib import metadata
from itertools import chain
from pathlib import Path
from random import Random
from types import FunctionType, ModuleType
from typing import Any

from train.corpus.dumps.borrowed import borrowed
from train.corpus.dumps.guesses import MAKE_LIMIT_S, Guesser
from train.corpus.dumps.items import FAMILIES, MODERN, Item
from train.corpus.dumps.names import Names
from train.corpus.dumps.writer import Writer, time_limit

PROCESS_LIMIT_S = 60
MANIFEST = "manifest.jsonl"
IMPORT_LIMIT_S = 20
MEMORY_BYTES = 12 << 30
MAX_MODULES = 40
MAX_OBJECT_BYTES = 60_000
METHOD_SHARE = 0.06
"""How often a method of an object follows it (probability)."""
TRIES = 6
"""Attempts for each object that is wanted (count)."""
FORMS = (*MODERN, *MODERN, "pickle4", "pickle0", "pickle1", "joblib", "joblib-zlib", "cloudpickle", "dill")
OWN = frozenset({"safepickle-dl", "pip", "setuptools", "wheel"})
SKIPPED = frozenset(
    """
    tests test testing conftest setup __main__ examples example benchmarks docs cli _vendor vendor antigravity this
    idlelib turtledemo lib2to3 ensurepip pydoc_data turtle webbrowser tkinter
    """.split()  # noqa: SIM905
)
DENIED = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "subprocess.Popen", "pty.spawn",
          "socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request", "webbrowser.open", "ftplib.connect",
          "smtplib.connect", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate")  # fmt: skip
WRITING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "shutil.rmtree", "shutil.move", "shutil.copyfile")


def distributions() -> list[str]:
    """Return the names of the installed distributions, sorted, `python` for the standard library among them.

    A library that has recipes is called as they call it, so that all its files are of one split.
    """
    called = {_canonical(family.library): family.library for family in FAMILIES}
    names = {_canonical(entry.metadata["Name"]) for entry in metadata.distributions()} - OWN
    return sorted(called.get(name, name) for name in names | {"python"})


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def run_found(output: Path, seed: int, n_objects: int, workers: int, only: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Dump `n_objects` objects of each distribution below `output`; return the rows of the manifest.

    Args:
        output: folder for the files, one folder each library.
        seed: of every random choice.
        n_objects: of one distribution, at most; the standard library has three times as many.
        workers: processes at a time.
        only: these distributions; all if empty.
    """
    names = [name for name in distributions() if not only or name in only]
    with ThreadPoolExecutor(workers) as pool:
        made = list(pool.map(lambda name: _rows_of(output, seed, n_objects, name), names))
    return [row for rows in made for row in rows]


def _rows_of(output: Path, seed: int, n_objects: int, name: str) -> list[dict[str, Any]]:
    """Run the process of one distribution; whatever becomes of it, what it wrote before counts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "train.corpus.dumps.found", name, folder, str(seed), str(n_objects)]
        environment = {"HOME": folder, "TMPDIR": folder, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        nowhere = subprocess.DEVNULL
        process = subprocess.Popen(
            command, env=os.environ | environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(PROCESS_LIMIT_S)
        with suppress(ProcessLookupError):  # with all that other people's objects have forked
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        manifest = Path(folder) / MANIFEST
        lines = manifest.read_text(encoding="utf-8").splitlines() if manifest.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        for row in rows:
            (output / row["file"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(folder) / row["file"], output / row["file"])
    print(f"{name}: {len(rows)} objects", file=sys.stderr)
    return rows


# --- in the process of one distribution ------------------------------------------------------------------------------


def guard(folder: Path) -> None:
    """Refuse, from now on, to start programs, to connect, and to change anything outside a folder (PEP 578)."""
    allowed = os.path.realpath(folder)

    def below(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a descriptor that is open already
        return os.path.realpath(os.fsdecode(path)).startswith((allowed + os.sep, os.devnull))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        touched = arguments[:1] if writes else arguments if event in WRITING else ()  # a move touches both its ends
        if event in DENIED or not all(map(below, touched)):
            raise PermissionError(f"{event} is not for guessed objects")

    sys.addaudithook(hook)


def modules_of(name: str, rng: Random) -> list[str]:
    """Return the modules of a distribution that are worth importing, the shallow ones first."""
    if name == "python":
        names = [module for module in sys.stdlib_module_names if not module.startswith("_")]
    else:
        paths = [Path(str(file)) for file in metadata.files(name) or () if str(file).endswith(".py")]
        parts = [path.parts[:-1] if path.name == "__init__.py" else path.with_suffix("").parts for path in paths]
        names = [".".join(part) for part in parts if part and all(word.isidentifier() for word in part)]
    names = [module for module in sorted(names) if not _is_skipped(module)]
    rng.shuffle(names)
    return sorted(names, key=lambda module: min(module.count("."), 2))[:MAX_MODULES]


def _is_skipped(module: str) -> bool:
    words = module.split(".")
    return any(word in SKIPPED or word.startswith("test_") or word.endswith("_test") for word in words)


def imported(names: Sequence[str]) -> Iterator[ModuleType]:
    """Import modules one by one; those that cannot be imported are left out."""
    with suppress(TimeoutError), time_limit(IMPORT_LIMIT_S):
        for name in names:
            try:
                yield importlib.import_module(name)
            except TimeoutError:
                raise
            except BaseException:
                continue


def public(modules: Sequence[ModuleType], kind: type) -> list[Any]:
    """Return the public classes or functions that modules define, each once."""
    tops = {module.__name__.partition(".")[0].lstrip("_") for module in modules}
    found = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            home = str(getattr(value, "__module__", None))
            if isinstance(value, kind) and not name.startswith("_") and home.partition(".")[0].lstrip("_") in tops:
                found[f"{home}.{getattr(value, '__qualname__', name)}"] = value
    return [found[name] for name in sorted(found)]


def objects(
    classes: Sequence[type], functions: Sequence[FunctionType], names: Names, n_objects: int, n_registries: int
) -> Iterator[tuple[str, Any]]:
    """Yield (what it is, object): instances above all, some of their methods, partial functions and references.

    Registries keep functions and classes without calling them; the standard library's share stays small, since a kept
    `subprocess.run` is nothing to learn trust from.
    """
    guesser = Guesser(names)
    rng = names.rng
    left = n_objects
    order: list[type] = []
    for _ in range(TRIES * n_objects):
        if left == 0 or not classes:
            break
        order = order or rng.sample(list(classes), len(classes))
        cls = order.pop()
        try:
            with time_limit(MAKE_LIMIT_S):
                value = guesser.call(cls)
        except BaseException:
            continue
        left -= 1
        guesser.pool = [*guesser.pool[-20:], value]
        yield f"{cls.__module__}.{cls.__qualname__}", value
        if rng.random() < METHOD_SHARE and (methods := _methods(cls)):
            yield f"{cls.__qualname__} method", getattr(value, rng.choice(methods))
    for function in rng.sample(list(functions), min(len(functions), n_objects // 8)):
        parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
        known = {name: names.value() for name in rng.sample(parameters, min(2, len(parameters)))}
        yield f"{function.__qualname__} partial", partial(function, **known)
        yield f"{function.__qualname__} function", function
    for cls in rng.sample(list(classes), min(len(classes), n_objects // 12)):
        yield f"{cls.__qualname__} class", cls
    known = [*functions, *classes]
    for _ in range(n_registries if known else 0):
        kept = rng.sample(known, min(len(known), rng.choice((1, 1, 1, 2, 3, 6))))
        yield "registry", rng.choice((kept, {names.field(): value for value in kept}, tuple(kept)))


def _methods(cls: type) -> list[str]:
    return [name for name, value in vars(cls).items() if isinstance(value, FunctionType) and not name.startswith("_")]


def main(name: str, folder: str, seed: str, n_objects: str) -> None:
    """Dump what one distribution has into a folder, and a manifest beside it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.chdir(folder)
    rng = Random(f"{seed}:found:{name}")
    names = Names(rng)
    version = sys.version.partition(" ")[0] if name == "python" else metadata.version(name)
    modules = list(imported(modules_of(name, rng)))
    classes, functions = public(modules, type), public(modules, FunctionType)
    guard(Path(folder))
    with Path(MANIFEST).open("w", encoding="utf-8", buffering=1) as manifest:
        writer = Writer(Path(folder), manifest, MAX_OBJECT_BYTES)
        n = int(n_objects)
        wanted = (3 * n, 0) if name == "python" else (n, n // 4)
        found = ((what, value, FORMS) for what, value in objects(classes, functions, names, *wanted))
        for what, value, forms in chain(found, borrowed(classes, functions, names, n // 5, FORMS)):
            item = Item(f"found.{what}", partial(_in_company, names, value))
            writer.write(name, version, item, [rng.choice(forms)])


def _in_company(names: Names, value: Any) -> Any:
    return names.rng.choice((value, value, {names.field(): value, **names.state()}, [value, names.text()]))


if __name__ == "__main__":
    with warnings.catch_warnings(), redirect_stdout(None), redirect_stderr(None):
        warnings.simplefilter("ignore")
        main(*sys.argv[1:])
    os._exit(0)  # threads that other people's objects started do not keep it alive
