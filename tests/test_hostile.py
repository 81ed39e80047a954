"""Files that are made to exhaust: bounded memory, never `benign`. Each in a process of its own; `tests/hostile.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.hostile import HOSTILE, MEMORY

UNREAD = {"layers", "xz_dictionary", "headers", "pickles_in_pickles"}
"""What no loader of ours reads to its payload; a limit, or a format's own bound, says so."""


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[str]]]:
    """Yield what each hostile file's own process prints; as many run at a time as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(output_of, name) for name in HOSTILE}


def output_of(name: str) -> str:
    command = [sys.executable, "-m", "tests.hostile", name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", HOSTILE)
def test_bounded_and_never_benign(name: str, runs: dict[str, Future[str]]) -> None:
    answer = json.loads(runs[name].result())
    assert answer["memory"] <= MEMORY
    assert answer["verdict"] == ("error" if name in UNREAD else "malicious")
    if name in UNREAD or name in ("bzip2_bomb", "base64_literals"):
        assert "limit" in answer["error"]
