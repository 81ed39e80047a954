"""Fetches files out of public git repositories, by commit and path, and checks their hashes.

The repositories are hostile: nothing is checked out (no hooks, filters, links or submodules), blobs are read from a
bare repository that is thrown away, and only bytes with the expected hash are written, under a name of ours.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

BASE_URL = "https://github.com"
GIT_LIMIT_S = 900
MAX_ARCHIVE_BYTES = 1 << 29
"""Size of an archive that a file is taken out of."""
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "credential.helper="),
    *("-c", "submodule.recurse=false"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "maintenance.auto=false"),
    *("-c", "gc.auto=0"),
)
_TEXTS = (".py", ".md")
_BAD_ARCHIVE = (lzma.LZMAError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, RuntimeError)


class UnavailableError(Exception):
    """A file cannot be had; the message says why."""


@dataclass(slots=True)
class Fetched:
    """What came of it."""

    present: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the files that are in the folder now."""
    unpublished: dict[str, str] = field(default_factory=dict)
    """File to the reason why no repository holds it as a file."""
    failed: dict[str, str] = field(default_factory=dict)
    """File to the reason why it could not be had."""


def why_unpublished(row: Mapping[str, Any]) -> str:
    """Return why no git repository holds this file as it is, "" if one does."""
    if row.get("reconstructed"):
        return f"assembled from a listing: {row['path']}"
    if "::" in row["path"] or row["path"].endswith(_TEXTS):
        return f"written out in a source text: {row['path']}"
    if "://" in row["path"]:
        return f"from a web page: {row['path']}"
    return ""


def fetch(rows: Sequence[dict[str, Any]], output: Path, base_url: str = BASE_URL) -> Fetched:
    """Fetch what is not in `output` yet; progress goes to standard error.

    Args:
        rows: checked facts (`train.corpus.real.facts.check`).
        output: folder for the files, under the names that their rows give them.
        base_url: what precedes `owner/repository`.
    """
    output.mkdir(parents=True, exist_ok=True)
    result = Fetched()
    wanted = []
    for row in rows:
        reason = why_unpublished(row)
        if _is_file(output / row["file"], row):
            result.present.append(row)
        elif reason:
            result.unpublished[row["file"]] = reason
        else:
            wanted.append(row)
    done = 0
    wanted.sort(key=lambda row: (row["source"], row["commit"], row["path"]))
    for source, group in groupby(wanted, key=lambda row: row["source"]):
        chosen = list(group)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=output) as folder:
            repository = Repository(Path(folder), f"{base_url.rstrip('/')}/{source}")
            for row in chosen:
                try:
                    _write(output / row["file"], file_of(repository, row))
                    result.present.append(row)
                except UnavailableError as problem:
                    result.failed[row["file"]] = f"{source}: {problem}"
        done += len(chosen)
        print(f"{done} of {len(wanted)} files ({source})", file=sys.stderr, flush=True)
    result.present.sort(key=lambda row: row["file"])
    return result


def file_of(repository: Repository, row: Mapping[str, Any]) -> bytes:
    """Return the bytes that a row is about.

    Raises:
        UnavailableError: they cannot be had, or are others.
    """
    path, _, inner = row["path"].partition("!")
    blob = repository.blob(row["commit"], path, MAX_ARCHIVE_BYTES if inner else row["size"])
    data = unpacked(blob, inner, row["size"]) if inner else blob
    if not _is_it(data, row):
        raise UnavailableError("not the bytes that were listed")
    return data


def unpacked(data: bytes, inner: str, size: int) -> bytes:
    """Return what a path names behind its `!`.

    `xz` is the compressed content; `data:KEY` a pickle in base64, in the JSON that stable-baselines3 keeps as member
    `data` of its zips.

    Args:
        data: the archive.
        inner: what stands behind the `!`.
        size: of the file within, in bytes.

    Raises:
        UnavailableError: there is no such thing in it.
    """
    kind, _, key = inner.partition(":")
    try:
        if kind == "xz":
            return lzma.LZMADecompressor().decompress(data, max_length=size + 1)
        if kind == "data":
            with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("data") as member:
                text = member.read(MAX_ARCHIVE_BYTES)
            return base64.b64decode(json.loads(text)[key][":serialized:"])
    except _BAD_ARCHIVE as problem:
        raise UnavailableError(f"cannot be unpacked: {type(problem).__name__}: {problem}") from problem
    raise UnavailableError(f"unknown kind of archive: {kind!r}")


class Repository:
    """A bare repository that gets commits and blobs as they are asked for, and everything if the server wants it so."""

    def __init__(self, folder: Path, url: str) -> None:
        """Keep it in `folder`, an empty one, and fetch from `url`; nothing is done yet."""
        self._folder = folder
        self._url = url
        self._asked: set[str] = set()
        self._is_whole = False
        self._problem = ""
        """Why not even the whole repository can be had."""
        kept = {key: value for key, value in os.environ.items() if not re.match("GIT_(?!SSL_)", key)}
        self._environment = kept | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": url.partition(":")[0],
            "LC_ALL": "C",
        }

    def blob(self, commit: str, path: str, max_bytes: int) -> bytes:
        """Return the content of a path at a commit.

        Raises:
            UnavailableError: the commit or the path cannot be had, or holds more than `max_bytes`.
        """
        name = f"{commit}:{path}"
        if not self._is_whole and not self._is_given(commit, name):
            self._get_all()
        size = int(self._git("cat-file", "-s", name))
        if size > max_bytes:
            raise UnavailableError(f"{size} bytes, more than the {max_bytes} expected")
        return self._git("cat-file", "blob", name)

    def _is_given(self, commit: str, name: str) -> bool:
        """Return whether the server gives single commits and blobs, this one at least.

        Raises:
            UnavailableError: the commit is there, and has no such path.
        """
        if self._problem:
            return False
        try:
            if commit not in self._asked:
                self._asked.add(commit)
                self._start()
                self._git("fetch", "--quiet", "--no-tags", "--depth=1", "--filter=blob:none", "origin", commit)
            self._git("cat-file", "-e", f"{commit}^{{tree}}")
        except UnavailableError:
            return False
        self._git("rev-parse", name)
        try:
            self._git("cat-file", "-e", name)
        except UnavailableError:
            return False
        return True

    def _get_all(self) -> None:
        if self._problem:
            raise UnavailableError(self._problem)
        try:
            for entry in self._folder.iterdir():  # a repository once asked for parts goes on asking for parts
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            self._start()
            self._git("fetch", "--quiet", "origin", "+refs/*:refs/all/*")
        except UnavailableError as problem:
            self._problem = str(problem)
            raise
        self._is_whole = True

    def _start(self) -> None:
        if not (self._folder / "HEAD").exists():
            self._git("init", "--quiet", "--bare", "--template=", ".")
            self._git("remote", "add", "origin", self._url)

    def _git(self, *arguments: str) -> bytes:
        command = ["git", *_OPTIONS, "--git-dir", str(self._folder), *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as problem:
            raise UnavailableError(f"git {arguments[0]} took longer than {GIT_LIMIT_S} s") from problem
        except OSError as problem:
            raise UnavailableError(f"git does not run: {problem}") from problem
        if done.returncode:
            said = re.sub(r"[^!-~]+", " ", done.stderr.decode("ascii", "replace")).strip()
            raise UnavailableError(f"git {arguments[0]}: {said[-200:] or f'exit code {done.returncode}'}")
        return done.stdout


def _is_it(data: bytes, row: Mapping[str, Any]) -> bool:
    return len(data) == row["size"] and hashlib.sha256(data).hexdigest() == row["sha256"]


def _is_file(path: Path, row: Mapping[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == row["size"] and _is_it(path.read_bytes(), row)


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    unfinished.replace(path)
