"""The miner on a small source tree: what reaches a sink, through which parameter, in how many calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.corpus.gadgets.fit import fit, summary
from train.corpus.gadgets.holders import HELD, HOLDERS, Holder, read_holders, write_holders
from train.corpus.gadgets.mine import MAX_BYTES, MAX_HOLDER_BYTES, mine
from train.corpus.gadgets.sinks import CLASSES, SINKS
from train.corpus.gadgets.table import KNOWN, TABLE, Gadget, line_of, read_gadgets, write_gadgets

SOURCES = {
    "shop/__init__.py": "from .tools import run as go\nfrom shop.deep import Base\n",
    "shop/tools.py": """
import os, subprocess as sp
from importlib import import_module as imp

def run(command, log=None):
    text = command.strip()
    sp.Popen(["sh", "-c", text], shell=True)

def outer(a, b):
    return run(a, log=b)

def third(x):
    return outer(1, x) or outer(x, 1)

def fourth(x):
    return third(x)

def harmless(x):
    return os.path.join(x, "a") + str(open(x).read())

def save(path, text):
    with open(path, "w") as f:
        f.write(text)

def always():
    os.system("ls")

def fixed():
    return imp("json")

def by_name(name):
    return getattr(imp(name), "x")

def filled(*args):
    line = ["sh"]
    line.extend(args)
    sp.call(line)

def apply(func, *rest):
    return func(*rest)
""",
    "shop/deep.py": """
from . import tools

class Base:
    def __init__(self, code, name=""):
        exec(code)

    def method(self, q):
        self._inner(q)

    def _inner(self, q):
        tools.run(q)

class Child(Base):
    pass

class Writer:
    def __call__(self, where):
        where.write_text("x")
""",
    "shop/stored.py": """
import os
from dataclasses import dataclass
from subprocess import Popen as start
from os import system
import shop.tools as kit
spawn = kit.run
alias = start

class Task:
    def __init__(self, name, command, log=None):
        self.name = name
        self.line = "sh -c " + command

    def run(self, times):
        os.system(self.line)

    def later(self):
        self.run(1)

    def shown(self):
        print(self.name)

class Sub(Task):
    pass

@dataclass
class Job:
    path: str
    text: str = ""

    def save(self):
        with open(self.path, "w") as f:
            f.write(self.text)

class Server:
    def handle(self, first, handler, request):
        return handler(request)

    def quiet(self, handler):
        return handler()
""",
    "shop/loop.py": "from shop.loop import b as a\nb = a.c\ndef grows(x):\n    a(x)\n",
    "shop/tests/test_x.py": "import os\ndef bad(x):\n    os.system(x)\n",
    "shop/broken.py": "def (:\n",
    "test/support/helper.py": "import os\ndef spawn(x):\n    os.system(x)\n",
    "test/other.py": "import os\ndef spawn(x):\n    os.system(x)\n",
}


HELD_IN_SOURCES = {
    "shop.stored": {"os": "os", "start": "subprocess.Popen", "alias": "subprocess.Popen", "system": "os.system"},
    "shop.tools": {"imp": "importlib.import_module", "os": "os", "sp": "subprocess"},
    "test.support.helper": {"os": "os"},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gadget]:
    root = tmp_path_factory.mktemp("sources")
    for name, source in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    rows, held = mine([root])
    assert (rows, held) == mine([root])
    assert {h.module: h.holds for h in held} == HELD_IN_SOURCES
    assert rows == sorted(rows, key=lambda g: (g.module, g.name))
    return {g.path: g for g in rows}


@pytest.mark.parametrize(
    ("path", "sink", "reaches", "depth"),
    [
        ("shop.tools.run", "process", ("command",), 1),
        ("shop.tools.outer", "process", ("a",), 2),
        ("shop.tools.third", "process", ("x",), 3),
        ("shop.tools.save", "write", ("path",), 1),
        ("shop.tools.always", "process", (), 1),
        ("shop.tools.by_name", "import", ("name",), 1),
        ("shop.tools.filled", "process", ("*args",), 1),
        ("shop.tools.apply", "call", ("func", "*rest"), 1),
        ("shop.deep.Base", "exec", ("code",), 1),
        ("shop.deep.Child", "exec", ("code",), 1),
        ("shop.deep.Base.method", "process", ("q",), 3),
        ("shop.deep.Writer.__call__", "write", ("where",), 1),
        ("shop.go", "process", ("command",), 1),
        ("shop.stored.Server.handle", "call", ("handler", "request"), 1),
        ("test.support.helper.spawn", "process", ("x",), 1),
    ],
)
def test_reaches(table: dict[str, Gadget], path: str, sink: str, reaches: tuple[str, ...], depth: int) -> None:
    gadget = table[path]
    assert (gadget.sink, gadget.reaches, gadget.depth) == (sink, reaches, depth)


@pytest.mark.parametrize(
    ("path", "constructor", "stored", "depth"),
    [
        ("shop.stored.Task.run", ("name", "command", "log"), ("command",), 1),
        ("shop.stored.Task.later", ("name", "command", "log"), ("command",), 2),
        ("shop.stored.Job.save", ("path", "text"), ("path",), 1),
        ("shop.deep.Base.method", ("code", "name"), (), 3),
        ("shop.tools.run", (), (), 1),
    ],
)
def test_methods_say_what_their_object_is_made_from(
    table: dict[str, Gadget], path: str, constructor: tuple[str, ...], stored: tuple[str, ...], depth: int
) -> None:
    gadget = table[path]
    assert (gadget.constructor, gadget.stored, gadget.depth) == (constructor, stored, depth)


@pytest.mark.parametrize(
    "path",
    [
        "shop.stored.Task.shown",
        "shop.stored.Server.quiet",
        "shop.tools.harmless",
        "shop.tools.fixed",
        "shop.tools.fourth",
        "shop.tests.test_x.bad",
        "shop.loop.grows",
        "test.other.spawn",
    ],
)
def test_does_not_reach(table: dict[str, Gadget], path: str) -> None:
    assert path not in table


def test_parameters_are_named_as_callers_write_them(table: dict[str, Gadget]) -> None:
    assert table["shop.tools.run"].parameters == ("command", "log")
    assert table["shop.deep.Base.method"].parameters == ("q",)


def test_known_sinks_are_in_every_table(table: dict[str, Gadget]) -> None:
    assert all(table[g.path].depth == 0 for g in KNOWN)
    assert {"os.system", "posix.system", "nt.system", "builtins.exec", "subprocess.Popen"} <= table.keys()


def test_other_pythons_add_what_is_not_here(tmp_path: Path) -> None:
    for name, body in {"new/a.py": "os.system(x)", "old/a.py": "os.remove(x)", "old/b.py": "eval(x)"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"import os\ndef f(x):\n    {body}\n", encoding="utf-8")
    rows, held = mine([tmp_path / "new"], [tmp_path / "old"])
    mined = {g.path: g.sink for g in rows if g.depth}
    assert mined == {"a.f": "process", "b.f": "exec"}
    assert [h.module for h in held] == ["a", "b"]


def test_a_small_table_has_something_of_every_module() -> None:
    rows = [Gadget(f"{package}.{module}", f"f{i}", "exec") for package in "abc" for module in "xyz" for i in range(50)]
    size = sum(len(line_of(row)) for row in rows[: len(rows) // 5])
    kept = fit(rows, lambda g: (g.module, int(g.name[1:])), line_of, size)
    assert kept == [row for row in rows if row in kept]
    assert {row.module for row in kept} == {row.module for row in rows}
    assert all(int(row.name[1:]) < 15 for row in kept)
    assert fit(rows, lambda g: (g.module, 0), line_of, 10**6) == rows
    assert fit(rows, lambda g: (g.module, 0), line_of, 0) == []


def test_a_large_package_leaves_room_for_a_small_one() -> None:
    rows = [Gadget(f"big.m{i}", "f", "exec") for i in range(900)] + [
        Gadget("small", f"f{i}", "exec") for i in range(30)
    ]
    kept = fit(rows, lambda g: (g.module, 0), line_of, 10_000)
    assert sum(row.module == "small" for row in kept) >= 6


def test_the_summary_counts_by_package_and_sink(table: dict[str, Gadget]) -> None:
    lines = summary(table.values(), []).splitlines()
    assert lines[0].split() == ["package", "total", *CLASSES]
    shop = next(line for line in lines if line.startswith("shop ")).split()
    counted = [sum(g.module.startswith("shop") and g.sink == sink for g in table.values()) for sink in CLASSES]
    assert [int(n) for n in shop[1:]] == [sum(counted), *counted]
    assert lines[-1].startswith(f"{len(table)} gadgets in")


def test_holders_survive_the_file(tmp_path: Path) -> None:
    rows = [Holder(module, holds) for module, holds in HELD_IN_SOURCES.items()]
    write_holders(rows, tmp_path / "holders.jsonl")
    assert read_holders(tmp_path / "holders.jsonl") == rows


def test_the_versioned_holders() -> None:
    rows = read_holders()
    held = {row.module: row.holds for row in rows}
    assert len(held) == len(rows) > 2000
    assert HOLDERS.stat().st_size <= MAX_HOLDER_BYTES
    assert held["shlex"]["os"] == "os"
    assert held["joblib.disk"]["os"] == "os"
    assert held["timeit"]["sys"] == "sys"
    assert {target for holds in held.values() for target in holds.values()} <= HELD | SINKS.keys()


def test_a_table_survives_the_file(table: dict[str, Gadget], tmp_path: Path) -> None:
    rows = list(table.values())
    write_gadgets(rows, tmp_path / "table.jsonl")
    assert read_gadgets(tmp_path / "table.jsonl") == rows


def test_the_versioned_table() -> None:
    rows = read_gadgets()
    paths = {g.path for g in rows}
    assert len(paths) == len(rows) > 10_000
    assert {g.path for g in KNOWN} | SINKS.keys() <= paths
    assert TABLE.stat().st_size <= MAX_BYTES + 200 * len(SINKS)
    assert {g.sink for g in rows} == set(CLASSES)
    assert len({g.module for g in rows}) > 4000
    assert sum(bool(g.stored) for g in rows) > 300
    assert {
        "timeit.timeit",
        "cProfile.run",
        "pydoc.pipepager",
        "_pyrepl.pager.pipe_pager",
        "uuid._get_command_stdout",
        "idlelib.pyshell.ModifiedInterpreter.execsource",
        "lib2to3.pgen2.pgen.ParserGenerator.make_label",
        "ensurepip._run_pip",
        "test.support.script_helper.assert_python_ok",
        "imaplib.IMAP4_stream",
        "numpy.testing._private.utils.runstring",
        "torch.utils.collect_env.run",
        "torch.hub.load",
        "distutils.spawn.spawn",
    } <= paths


BROUGHT_ALONG = """
numpy torch scipy sklearn pandas pip setuptools transformers IPython fsspec yaml huggingface_hub mlflow requests jinja2
click tqdm matplotlib networkx sympy gensim nltk joblib dill cloudpickle werkzeug flask sqlalchemy _pytest wheel
idlelib lib2to3 distutils ensurepip test _pyrepl asyncore imp smtpd pydoc_data
"""


def test_the_versioned_table_covers_what_models_bring_along() -> None:
    packages = {g.module.partition(".")[0] for g in read_gadgets()}
    assert set(BROUGHT_ALONG.split()) - packages == {"pydoc_data"}  # texts alone: nothing in it reaches a sink
