"""Where the files that ship with the package are."""

from __future__ import annotations

from pathlib import Path


def checkpoints_dir() -> Path:
    """Return the folder that holds the model bundles.

    A wheel carries it inside the package; in a checkout (on `sys.path` or installed with
    `pip install -e`) it stands beside the package.
    """
    package = Path(__file__).resolve().parent
    installed = package / "checkpoints"
    return installed if installed.is_dir() else package.parent / "checkpoints"
