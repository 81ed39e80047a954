"""Builds the compiled core into a folder, for the tests that compare it with the interpreted one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
NAME = "safepickle_dl.core._compiled"


@cache
def built() -> Path:
    """Return the extension, built by this checkout's setup.py; skips where Cython or a C compiler is missing."""
    pytest.importorskip("Cython", reason="no Cython")
    folder = Path(mkdtemp())
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(folder), "--build-temp", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = [path for path in folder.rglob("_compiled.*") if path.suffix in (".so", ".pyd")]
    if not found:
        pytest.skip("no C compiler")
    return found[0]


@cache
def compiled_core() -> ModuleType:
    """Return the compiled core, whichever core this process runs on."""
    spec = importlib.util.spec_from_file_location(NAME, built())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
