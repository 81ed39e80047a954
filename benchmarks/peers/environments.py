"""Puts each peer into a virtual environment of its own, from pinned versions, and notes what became of it."""

from __future__ import annotations

import json
import platform
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safepickle_dl.report.escape import clip

from .process import Worker, WorkerError

PINS: dict[str, tuple[str, ...]] = {
    "picklescan": ("picklescan==1.0.5", "numpy==2.2.6"),  # its README asks for numpy to scan .npy
    "modelscan": ("modelscan==0.8.8", "numpy==2.2.6"),  # newer numpy lacks a function that its .npy scan calls
    "fickling": ("fickling==0.1.12", "typing_extensions==4.15.0"),  # imports it without declaring it
    "modelaudit": ("modelaudit==0.2.54",),
    "modelaudit-picklescan": ("modelaudit-picklescan==0.1.12",),
    "hayward": ("hayward==1.4.1",),
}
"""Peer -> what pip installs: the peer itself first, then what it does not bring along."""

WORKERS = Path(__file__).parent / "workers"
VERSIONS = "versions.json"


def command_of(peer: str, folder: Path) -> list[str]:
    """Return the command that starts a peer's worker; isolated, so that no module here hides the peer's own."""
    script = WORKERS / f"{peer.replace('-', '_')}.py"
    return [str(_python(folder / peer)), "-I", str(WORKERS / "loop.py"), str(script)]


def environment_of(peer: str, folder: Path) -> dict[str, str]:
    """Return the worker's environment: no telemetry (modelaudit's is on by default) and a home of its own."""
    return {
        "PATH": f"{_python(folder / peer).parent}:/usr/bin:/bin",
        "HOME": str(folder / peer),
        "LC_ALL": "C.UTF-8",
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "NO_ANALYTICS": "1",
    }


def install(peers: Sequence[str], folder: Path) -> dict[str, Any]:
    """Install peers anew and return what `versions.json` now holds: peer -> outcome, failures too."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = read_versions(folder)
    for peer in peers:
        versions[peer] = _install_one(peer, folder.resolve())
        (folder / VERSIONS).write_text(json.dumps(versions, indent=2) + "\n")
    return versions


def read_versions(folder: Path) -> dict[str, Any]:
    """Return the outcomes that were noted in `folder`, none if there are none."""
    path = folder / VERSIONS
    return json.loads(path.read_text()) if path.is_file() else {}


def _install_one(peer: str, folder: Path) -> dict[str, Any]:
    outcome: dict[str, Any] = {"requirements": list(PINS[peer]), "python": platform.python_version()}
    python = _python(folder / peer)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    try:
        venv.create(folder / peer, clear=True, with_pip=True, symlinks=True)
        _run([*pip, "install", "--quiet", *PINS[peer]])
        packages = dict(line.split("==") for line in _run([*pip, "freeze"]).split() if "==" in line)
        Worker(command_of(peer, folder), environment_of(peer, folder), folder / peer).close()
    except subprocess.CalledProcessError as error:
        lines = [line for line in (error.stderr or "").splitlines() if "ERROR" in line] or [str(error)]
        return outcome | {"ok": False, "reason": clip(lines[-1], 300)}
    except (OSError, WorkerError) as error:
        return outcome | {"ok": False, "reason": clip(str(error), 300)}
    return outcome | {"ok": True, "version": packages[peer], "packages": packages}


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
