"""The miner on a small source tree: what reaches a sink, through which parameter, in how many calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.corpus.gadgets import KNOWN, Gadget, read_gadgets, write_gadgets
from train.corpus.mine import fit, mine
from train.corpus.sinks import CLASSES

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
    "shop/tests/test_x.py": "import os\ndef bad(x):\n    os.system(x)\n",
    "shop/broken.py": "def (:\n",
    "test/support/helper.py": "import os\ndef spawn(x):\n    os.system(x)\n",
    "test/other.py": "import os\ndef spawn(x):\n    os.system(x)\n",
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gadget]:
    root = tmp_path_factory.mktemp("sources")
    for name, source in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    rows = mine([root])
    assert rows == mine([root])
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
        ("test.support.helper.spawn", "process", ("x",), 1),
    ],
)
def test_reaches(table: dict[str, Gadget], path: str, sink: str, reaches: tuple[str, ...], depth: int) -> None:
    gadget = table[path]
    assert (gadget.sink, gadget.reaches, gadget.depth) == (sink, reaches, depth)


@pytest.mark.parametrize(
    "path",
    ["shop.tools.harmless", "shop.tools.fixed", "shop.tools.fourth", "shop.tests.test_x.bad", "test.other.spawn"],
)
def test_does_not_reach(table: dict[str, Gadget], path: str) -> None:
    assert path not in table


def test_parameters_are_named_as_callers_write_them(table: dict[str, Gadget]) -> None:
    assert table["shop.tools.run"].parameters == ("command", "log")
    assert table["shop.deep.Base.method"].parameters == ("q",)


def test_known_sinks_are_in_every_table(table: dict[str, Gadget]) -> None:
    assert all(table[g.path].depth == 0 for g in KNOWN)
    assert {"os.system", "posix.system", "nt.system", "builtins.exec", "subprocess.Popen"} <= table.keys()


def test_the_most_useful_rows_stay(table: dict[str, Gadget]) -> None:
    rows = list(table.values())
    assert fit(rows) == rows
    size = next(size for size in range(100_000, 0, -100) if len(fit(rows, size)) < len(rows))
    assert {g.path for g in rows} - {g.path for g in fit(rows, size)} <= {"shop.tools.always", "shop.deep.always"}


def test_a_table_survives_the_file(table: dict[str, Gadget], tmp_path: Path) -> None:
    rows = list(table.values())
    write_gadgets(rows, tmp_path / "table.jsonl")
    assert read_gadgets(tmp_path / "table.jsonl") == rows


def test_the_versioned_table() -> None:
    rows = read_gadgets()
    paths = {g.path for g in rows}
    assert len(paths) == len(rows) > 5000
    assert {g.sink for g in rows} == set(CLASSES)
    assert {
        "timeit.timeit",
        "cProfile.run",
        "pydoc.pipepager",
        "uuid._get_command_stdout",
        "idlelib.pyshell.ModifiedInterpreter.execsource",
        "numpy.testing._private.utils.runstring",
        "torch.utils.collect_env.run",
        "torch.hub.load",
        "distutils.spawn.spawn",
    } <= paths
