"""Objects that are made without a recipe: from a small package of our own, with a constructor that does harm."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from safepickle_dl import Verdict, scan
from train.corpus.dumps.found import distributions, modules_of, run_found
from train.corpus.dumps.guesses import Guesser
from train.corpus.dumps.names import Names

SOURCE = """
import os
from pathlib import Path

class Point:
    def __init__(self, x: int, y: float, name="origin"):
        self.x, self.y, self.name = x, y, name
    def moved(self, by):
        return self

class Reader:
    def __init__(self, path: str, *, encoding):
        self.path, self.encoding = path, encoding

class Harmful:
    def __init__(self):
        os.system("echo > {marker}")

class Careless:
    def __init__(self):
        Path("{marker}").write_text("x")

class Tidy:
    def __init__(self):
        Path("own").write_text("x")
        self.left = "own"

class Endless:
    def __init__(self):
        while True:
            pass

def distance(a, b):
    return 0
"""
FORKING = """
import os, time
child = os.fork()
if child == 0:
    time.sleep(600)
    os._exit(0)
open("{child}", "w").write(str(child))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the harmful constructors would write; a distribution `geometry-kit` is installed."""
    site, marker = tmp_path / "site", tmp_path / "marker"
    (site / "geometry").mkdir(parents=True)
    (site / "geometry" / "__init__.py").write_text("")
    (site / "geometry" / "shapes.py").write_text(SOURCE.format(marker=marker))
    (site / "geometry" / "broken.py").write_text("raise SystemExit(3)")
    (site / "geometry" / "forking.py").write_text(FORKING.format(child=tmp_path / "child"))
    (site / "geometry" / "test_shapes.py").write_text("raise AssertionError('tests are not imported')")
    info = site / "geometry_kit-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: geometry-kit\nVersion: 1.5\n")
    files = [f"geometry/{name}.py,," for name in ("__init__", "shapes", "broken", "forking", "test_shapes")]
    (info / "RECORD").write_text("\n".join(files) + "\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", f"{site}:{Path.cwd()}")
    return marker


def test_objects_of_a_package(package: Path, tmp_path: Path) -> None:
    assert "geometry-kit" in distributions() and "python" in distributions()
    modules = modules_of("geometry-kit", Random(0))
    assert modules[0] == "geometry" and {*modules[1:]} == {"geometry.shapes", "geometry.broken", "geometry.forking"}
    rows = run_found(tmp_path / "out", seed=0, n_objects=24, workers=1, only=["geometry-kit"])
    recipes = {row["recipe"] for row in rows}
    assert {"found.geometry.shapes.Point", "found.geometry.shapes.Reader", "found.geometry.shapes.Tidy"} <= recipes
    assert {"found.distance partial", "found.distance function"} <= recipes
    assert not {"found.geometry.shapes.Harmful", "found.geometry.shapes.Careless"} & recipes
    assert not package.exists()  # neither constructor got through
    for row in rows:
        assert row["library"] == "geometry-kit" and row["version"] == "1.5"
        result = scan(tmp_path / "out" / row["file"])
        assert result.coverage.complete and result.verdict is not Verdict.ERROR
    again = run_found(tmp_path / "again", seed=0, n_objects=24, workers=1, only=["geometry-kit"])
    assert [row["recipe"] for row in again] == [row["recipe"] for row in rows]
    child = int((tmp_path / "child").read_text())
    for _ in range(200):  # what an import forked goes with its parent, as soon as the system has got to it
        if not _runs(child):
            break
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_the_guard_refuses_programs_connections_and_writing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    script = f"""
import os, socket, subprocess
from pathlib import Path
from train.corpus.dumps.found import guard
guard(Path({str(tmp_path / "inside")!r}))
Path({str(tmp_path / "inside" / "kept")!r}).write_text("x")
for harm in (
    lambda: os.system("true"),
    lambda: subprocess.run(["true"]),
    lambda: open({str(tmp_path / "outside")!r}, "w"),
    lambda: os.remove({str(tmp_path / "inside")!r} + "/../other"),
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: os.fork(),
    lambda: os.rename({str(tmp_path / "inside" / "kept")!r}, {str(tmp_path / "moved")!r}),
):
    try:
        harm()
    except PermissionError:
        print("refused")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["refused"] * 7
    assert (tmp_path / "inside" / "kept").exists() and not (tmp_path / "outside").exists()
    assert not (tmp_path / "moved").exists()


def test_guesses_fit_names_and_annotations() -> None:
    def made_by(path: str, count: int, flag: bool, callback, url="http://x", *, ratio: float, **others):  # type: ignore[no-untyped-def]
        return locals()

    for seed in range(30):
        made = Guesser(Names(Random(seed))).call(made_by)
        assert isinstance(made["path"], str) and isinstance(made["count"], int) and isinstance(made["flag"], bool)
        assert callable(made["callback"]) and isinstance(made["ratio"], float) and isinstance(made["url"], str)
        assert made["others"] == {}
    with pytest.raises((TypeError, ValueError)):
        Guesser(Names(Random(0))).call(inspect)  # type: ignore[arg-type]
