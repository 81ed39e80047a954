import os
import socket
import sys
from pathlib import Path

import pytest

from safepickle_dl.types import Verdict
from safepickle_dl.walk import Walk


def names(walk: Walk, *paths: Path | str) -> list[str]:
    return [path.name for path in walk.files(str(path) for path in paths)]


def reasons(walk: Walk) -> list[str]:
    problems = list(walk.take_problems())
    assert all(problem.verdict is Verdict.ERROR for problem in problems)
    return [problem.error or "" for problem in problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub" / ".deep").mkdir(parents=True)
    for name in ("z.txt", ".hidden", "a", "sub/b.pkl", "sub/.deep/c"):
        (folder / name).write_bytes(b"N.")
    return folder


def test_every_file_sorted_hidden_ones_too(folder: Path) -> None:
    walk = Walk()
    assert names(walk, folder) == [".hidden", "a", "z.txt", "b.pkl", "c"]
    assert reasons(walk) == []
    assert walk.passed_over == 0


def test_links_stay_inside(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.pkl"
    outside.write_bytes(b"N.")
    (folder / "link-out").symlink_to(outside)
    (folder / "link-dangling").symlink_to(tmp_path / "nothing")
    (folder / "link-loop").symlink_to(folder / "link-loop")
    (folder / "link-dir").symlink_to(folder / "sub")
    (folder / "link-up").symlink_to(folder)
    (folder / "link-in").symlink_to(folder / "a")
    walk = Walk()
    found = names(walk, folder)
    assert [name for name in found if name.startswith("link")] == ["link-in"]
    assert walk.passed_over == 5
    assert reasons(walk) == []


def test_a_link_named_by_the_user_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file-link").symlink_to(folder / "a")
    (tmp_path / "folder-link").symlink_to(folder)
    walk = Walk()
    assert names(walk, tmp_path / "file-link") == ["file-link"]
    assert len(names(walk, tmp_path / "folder-link")) == 5


def test_pipes_and_sockets_are_never_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # a socket's path must be short
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        walk = Walk()
        assert len(names(walk, folder)) == 5
        assert walk.passed_over == 2
        assert names(walk, folder / "fifo", folder / "socket", os.devnull) == []
    assert len(reasons(walk)) == 3


def test_problems_are_values_and_are_given_once(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "sub").mkdir(parents=True)
    walk = Walk()
    assert names(walk, "missing", folder / "a", "", "nul\0", empty) == ["a"]
    missing, blank, nul, no_files = reasons(walk)
    assert missing == "No such file or directory"
    assert "not a regular file" in blank
    assert nul
    assert no_files == "no files to scan in this folder"
    assert reasons(walk) == []


def test_an_unreadable_folder_is_a_problem(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    walk = Walk()
    assert names(walk, folder) == [".hidden", "a", "z.txt"]
    assert reasons(walk) == ["Permission denied"]


def test_a_tree_deeper_than_python_recurses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = sys.getrecursionlimit() + 100
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("f").write_bytes(b"N.")
    try:
        os.chdir(tmp_path)
        assert [path.name for path in Walk().files(["d"])] == ["f"]
    finally:  # what pytest cleans up with does recurse
        os.chdir(tmp_path)
        deepest = Path(*["d"] * depth)
        (deepest / "f").unlink()
        for level in range(depth, 0, -1):
            Path(*["d"] * level).rmdir()
