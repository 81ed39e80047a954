"""The recipes that need nothing but the development environment: what they write reads well, and nothing is loaded."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from safepickle_dl.analysis import analyse
from safepickle_dl.reader import read_path
from train.corpus.build import CorpusConfig, dump_rows, rows_of
from train.corpus.dumps.items import dumped
from train.corpus.dumps.runner import run

LIBRARIES = ("python", "numpy", "scikit-learn")
SHARE = 0.06


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


def rows(output: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (output / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_manifest_names_every_file(written: tuple[Path, dict[str, Any]]) -> None:
    output, summary = written
    found = rows(output)
    assert {row["library"] for row in found} == set(LIBRARIES)
    assert {row["file"] for row in found} == {p.relative_to(output).as_posix() for p in output.rglob("*.pkl")}
    assert summary["files"] == {name: sum(row["library"] == name for row in found) for name in sorted(LIBRARIES)}
    assert len(found) > 80
    assert all(row["version"] and row["recipe"] and row["protocol"] for row in found)


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
    config = CorpusConfig(corpus="unused", output="unused", dumps=str(output), workers=1)
    made = list(dump_rows(config, set()))
    assert len(made) > 0.5 * len(rows(output))
    assert {row["split"] for row in made} == {"train"}
    assert {(row["group"], row["kind"], row["label"]) for row in made} == {("dump", "dump", 0)}
    assert {row["owner"] for row in made} == set(LIBRARIES)
    assert len({row["signature"] for row in made}) == len(made)


def test_a_missing_folder_names_the_command(tmp_path: Path) -> None:
    config = CorpusConfig(corpus=str(tmp_path), output="unused", dumps=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match=r"python -m train\.corpus\.dumps --output"):
        next(rows_of(config))
