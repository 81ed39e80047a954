"""The facts about real files, and fetching them again from git repositories made here."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import lzma
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from train.corpus.real import fetch as fetching
from train.corpus.real.__main__ import main
from train.corpus.real.facts import check, import_facts, read_facts, write_facts
from train.corpus.real.fetch import UnavailableError, unpacked, why_unpublished
from train.corpus.sources import group_of, read_manifest

CORPUS = Path(__file__).parents[4].with_name("shared") / "corpus"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs the git program")
FIRST, SECOND, INNER = b"\x80\x04K\x01.", b"\x80\x04K\x02.", b"\x80\x04K\x03."


def archive(key: str, value: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("data", json.dumps({key: {":serialized:": base64.b64encode(value).decode()}}))
    return buffer.getvalue()


def fact(data: bytes, path: str, commit: str = "0" * 40, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {
        "file": f"benign/{digest[:16]}.pkl",
        "sha256": digest,
        "size": len(data),
        "kind": "pickle",
        "label": "benign",
        "source": "owner/models",
        "commit": commit,
        "path": path,
        **more,
    }


def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *identity, "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """Return a base URL and the commits of `owner/models`: an old one and the last one."""
    hosts = tmp_path_factory.mktemp("hosts")
    repository = hosts / "owner" / "models"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "config", "uploadpack.allowFilter", "true")
    contents = {
        "a b/first.pkl": FIRST,
        "agent.zip": archive("policy", INNER),
        "small.pkl.xz": lzma.compress(INNER + b"x"),
        ".gitattributes": b"*.pkl filter=evil\n",
    }
    for name, data in contents.items():
        path = repository / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (repository / "link.pkl").symlink_to("/etc/hostname")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "one")
    old = git(repository, "rev-parse", "HEAD")
    (repository / "a b" / "first.pkl").write_bytes(SECOND)
    git(repository, "commit", "--quiet", "-am", "two")
    return hosts.as_uri(), old, git(repository, "rev-parse", "HEAD")


def run(tmp_path: Path, rows: list[dict[str, Any]], base_url: str, *more: str) -> int:
    write_facts(rows, tmp_path / "facts.jsonl")
    where = ("--facts", str(tmp_path / "facts.jsonl"), "--output", str(tmp_path / "out"))
    return main(["fetch", *where, "--base-url", base_url, *more])


@needs_git
def test_files_come_back_and_stand_in_for_the_corpus(tmp_path: Path, published: tuple[str, str, str]) -> None:
    url, old, last = published
    rows = [
        fact(FIRST, "a b/first.pkl", old, hard=True),
        fact(SECOND, "a b/first.pkl", last),
        fact(INNER, "agent.zip!data:policy", last),
        fact(INNER + b"x", "small.pkl.xz!xz", last),
    ]
    assert run(tmp_path, rows, url) == 0
    out = tmp_path / "out"
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {
        "manifest.jsonl", *(row["file"] for row in rows)}  # fmt: skip
    manifest = read_manifest(out)
    assert {group_of(row) for row in manifest} == {"benign", "benign-hard"}
    assert manifest == sorted(rows, key=lambda row: row["file"])
    assert import_facts(out) == manifest


@needs_git
@pytest.mark.parametrize("deny_filter", [False, True])
def test_a_server_that_refuses_old_commits_is_asked_for_all(
    tmp_path: Path, published: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch, deny_filter: bool
) -> None:
    url, old, last = published
    options = (*fetching._OPTIONS, "-c", "protocol.version=0")
    monkeypatch.setattr(fetching, "_OPTIONS", options)
    repository = Path(url.removeprefix("file://")) / "owner" / "models"
    if deny_filter:
        git(repository, "config", "uploadpack.allowFilter", "false")
    rows = [fact(SECOND, "a b/first.pkl", last), fact(FIRST, "a b/first.pkl", old)]
    try:
        assert run(tmp_path, rows, url) == 0
    finally:
        git(repository, "config", "uploadpack.allowFilter", "true")


@needs_git
def test_what_is_there_is_kept(
    tmp_path: Path, published: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    url, old, last = published
    rows = [fact(FIRST, "a b/first.pkl", old), fact(SECOND, "a b/first.pkl", last)]
    assert run(tmp_path, rows, url, "--limit", "1") == 0
    (tmp_path / "out" / rows[1]["file"]).write_bytes(b"half")
    capsys.readouterr()
    assert run(tmp_path, rows, url) == 0
    assert "1 of 1 files" in capsys.readouterr().err
    assert run(tmp_path, rows, "file:///nowhere") == 0  # nothing is left to ask for


@needs_git
@pytest.mark.parametrize("digit", "0f")
def test_what_cannot_be_had_is_named_with_the_reason(
    tmp_path: Path, published: tuple[str, str, str], capsys: pytest.CaptureFixture[str], digit: str
) -> None:
    """A commit that isn't there is asked for before the one that is, and after it."""
    url, _, last = published
    rows = [
        fact(FIRST, "a b/first.pkl", last),
        fact(b"1", "none.pkl", last),
        fact(b"2", "a b/first.pkl", digit * 40),
        fact(b"3" * 20, "link.pkl", last),
        fact(b"4", "agent.zip!data:none", last),
        fact(b"5", "tests/test_x.py::test_y", last),
    ]
    assert run(tmp_path, rows, url) == 1
    said = capsys.readouterr().err
    reasons = {line.split(": ")[1]: line for line in said.splitlines() if line.startswith(("failed", "not fetchable"))}
    assert "not the bytes" in reasons[rows[0]["file"]]
    assert "none.pkl" in reasons[rows[1]["file"]]
    assert "git" in reasons[rows[2]["file"]]
    assert "not the bytes" in reasons[rows[3]["file"]]
    assert "cannot be unpacked" in reasons[rows[4]["file"]]
    assert reasons[rows[5]["file"]].startswith("not fetchable")
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["manifest.jsonl"]


@needs_git
def test_nothing_of_a_repository_runs(
    tmp_path: Path, published: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, old, _ = published
    marker = tmp_path / "ran"
    templates = tmp_path / "templates" / "hooks"
    templates.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-merge", "pre-auto-gc"):
        (templates / name).write_text(f"#!/bin/sh\ntouch {marker}\n", encoding="utf-8")
        (templates / name).chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(templates.parent))
    config = tmp_path / "gitconfig"
    config.write_text(f'[filter "evil"]\n\tsmudge = touch {marker}\n[init]\n\ttemplateDir = {templates.parent}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert run(tmp_path, [fact(FIRST, "a b/first.pkl", old)], url) == 0
    assert not marker.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file", "../x.pkl"),
        ("file", "benign/../x"),
        ("file", "/etc/x"),
        ("file", "benign/.git"),
        ("source", "../models"),
        ("source", "owner/.."),
        ("source", "-owner/x"),
        ("commit", "--upload-pack=x"),
        ("commit", "main"),
        ("sha256", "0"),
        ("path", "a\nb"),
        ("size", -1),
    ],
)
def test_a_malformed_row_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        check({**fact(FIRST, "a.pkl"), key: value})


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("https://example.com/pull/7", {}),
        ("tests/x.py::test_y", {}),
        ("tests/x.py", {}),
        ("made", {"reconstructed": True}),
    ],
)
def test_what_no_repository_holds_as_a_file(path: str, more: dict[str, Any]) -> None:
    assert path in why_unpublished(fact(FIRST, path, **more))


def test_a_bomb_is_cut() -> None:
    assert len(unpacked(lzma.compress(bytes(10**6)), "xz", 10)) == 11


@pytest.mark.parametrize(
    ("data", "inner"),
    [(b"no archive", "xz"), (b"no archive", "data:a"), (archive("a", b"x"), "data:b"), (b"", "rar")],
)
def test_what_is_no_archive_is_said(data: bytes, inner: str) -> None:
    with pytest.raises(UnavailableError):
        unpacked(data, inner, 5)


def test_an_import_notices_a_changed_file(tmp_path: Path) -> None:
    row = fact(FIRST, "a.pkl", technique="", hard=False)
    write_facts([row], tmp_path / "manifest.jsonl")
    (tmp_path / "benign").mkdir()
    (tmp_path / row["file"]).write_bytes(FIRST)
    assert import_facts(tmp_path) == [{k: v for k, v in row.items() if v}]
    (tmp_path / row["file"]).write_bytes(SECOND)
    with pytest.raises(ValueError, match="is not the file"):
        import_facts(tmp_path)


def test_the_versioned_facts() -> None:
    rows = read_facts()
    assert len({row["file"] for row in rows}) == len(rows) > 2000
    assert sum(not why_unpublished(row) for row in rows) > 1600
    assert {row["label"] for row in rows} == {"benign", "malicious", "grey"}
    assert all(row["stratum"] in ("strict", "weak") for row in rows if row["label"] == "malicious")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus of real files beside the checkout")
def test_the_facts_are_those_of_the_corpus() -> None:
    facts = {row["file"]: row for row in read_facts()}
    manifest = {row["file"]: row for row in read_facts(CORPUS / "manifest.jsonl")}
    assert facts.keys() == manifest.keys()
    for file, row in manifest.items():
        assert facts[file] == {key: value for key, value in row.items() if value}


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus of real files beside the checkout")
def test_pickles_inside_archives_unpack_as_listed() -> None:
    rows = read_facts()
    whole = {(row["source"], row["commit"], row["path"]): row for row in rows}
    checked = 0
    for row in rows:
        path, _, inner = row["path"].partition("!")
        holder = whole.get((row["source"], row["commit"], path))
        if inner and holder:
            data = unpacked((CORPUS / holder["file"]).read_bytes(), inner, row["size"])
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
            checked += 1
    assert checked > 40
