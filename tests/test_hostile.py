"""Files that are made to exhaust: bounded memory, never `benign`. Each in a process of its own; `tests/hostile.py`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.hostile import HOSTILE, MEMORY

UNREAD = {"layers", "xz_dictionary", "headers", "pickles_in_pickles"}
"""What no loader of ours reads to its payload; a limit, or a format's own bound, says so."""


@pytest.mark.parametrize("name", HOSTILE)
def test_bounded_and_never_benign(name: str) -> None:
    command = [sys.executable, "-m", "tests.hostile", name]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(run.stdout)
    assert answer["memory"] <= MEMORY
    assert answer["verdict"] == ("error" if name in UNREAD else "malicious")
    if name in UNREAD or name in ("bzip2_bomb", "base64_literals"):
        assert "limit" in answer["error"]
