"""From the paths that a user named to the files to scan: regular ones, chosen by nothing else."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from safepickle_dl.errors import reason_of
from safepickle_dl.types import Coverage, ScanResult, Verdict


def unscanned(path: str, reason: str) -> ScanResult:
    """Return the result of something that could not be scanned at all."""
    return ScanResult(path=path, verdict=Verdict.ERROR, score=0.0, coverage=Coverage(0, 0, False), error=reason)


class Walk:
    """Expands paths, and remembers what it had to leave out.

    Folders are read recursively, hidden files too, in the order of their names. Links are not
    followed out of a folder: a link to a folder, or to a file outside, is passed over, and so are
    pipes, sockets and devices.
    """

    def __init__(self) -> None:
        """Start with nothing left out."""
        self.passed_over = 0
        """Links and special files that were not scanned (count)."""
        self._problems: deque[ScanResult] = deque()

    def take_problems(self) -> Iterator[ScanResult]:
        """Yield, once, an error result for each path that could not be expanded."""
        while self._problems:
            yield self._problems.popleft()

    def files(self, names: Iterable[str]) -> Iterator[Path]:
        """Yield the files that `names` stand for; what cannot be expanded becomes a problem."""
        for name in names:
            try:
                mode = Path(name).stat().st_mode if name else 0
            except (OSError, ValueError) as error:
                self._problem(name, reason_of(error))
                continue
            if stat.S_ISDIR(mode):
                yield from self._folder(Path(name))
            elif stat.S_ISREG(mode):
                yield Path(name)
            else:
                self._problem(name, "not a regular file or folder (standard input is `-`)")

    def _folder(self, root: Path) -> Iterator[Path]:
        inside = root.resolve()
        empty = True
        pending = [root]  # a stack of our own: a hostile tree may be deeper than Python recurses
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except OSError as error:
                self._problem(str(folder), reason_of(error))
                empty = False
                continue
            below: list[Path] = []
            for entry in entries:
                path = folder / entry.name
                if _is_folder(entry):
                    below.append(path)
                elif _is_file(entry) or _links_to_file_in(path, inside):
                    empty = False
                    yield path
                else:
                    self.passed_over += 1
            pending.extend(reversed(below))
        if empty:
            self._problem(str(root), "no files to scan in this folder")

    def _problem(self, name: str, reason: str) -> None:
        self._problems.append(unscanned(name, reason))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:  # cannot even be looked at: let the engine say so
        return True


def _links_to_file_in(path: Path, folder: Path) -> bool:
    if not path.is_symlink():
        return False
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        return False
    return target.is_file() and target.is_relative_to(folder)
