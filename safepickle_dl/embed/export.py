"""`safepickle-dl export`: the model as files for programs without this package."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safepickle_dl.bundle import Bundle, load_bundle
from safepickle_dl.errors import InputError, SafePickleError, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE = "safepickle.ts"
DEBUG = ".debug_pkl"
"""End of the names of what TorchScript notes about source files, with the paths of the machine."""
MADE = (1980, 1, 1, 0, 0, 0)
"""The date of every member of an archive, so that equal modules are equal files."""


def export(format: str, folder: Path, bundle: str | os.PathLike[str] | None = None) -> list[Path]:
    """Write a bundle's model to a folder and return the files.

    Args:
        format: `torchscript` (bytes to verdict, see `embed.detector`) or `onnx` (the net, and its configuration).
        folder: made if it is not there.
        bundle: None for the one that ships with the package.

    Raises:
        BundleError: the bundle is missing or altered.
        InputError: the folder cannot be written to.
        SafePickleError: torch is not installed, and is needed.
    """
    writers: dict[str, Callable[[Bundle, Path], list[Path]]] = {"torchscript": write_torchscript, "onnx": copy_onnx}
    loaded = load_bundle(bundle)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return writers[format](loaded, folder)
    except OSError as error:
        raise InputError(f"{folder}: {reason_of(error)}") from error


def copy_onnx(bundle: Bundle, folder: Path) -> list[Path]:
    """Copy the members for ONNX Runtime, with calibration and thresholds."""
    paths = [*map(bundle.onnx_of, bundle.members), bundle.path / "config.json"]
    return [Path(shutil.copyfile(path, folder / path.name)) for path in paths]


def write_torchscript(bundle: Bundle, folder: Path) -> list[Path]:
    """Script the detector and save it without anything about this machine."""
    try:
        from safepickle_dl.embed.module import script
    except ImportError as error:
        raise SafePickleError(
            f"export to TorchScript needs torch ({error}): pip install 'safepickle-dl[export]'"
        ) from error
    path = folder / MODULE
    path.write_bytes(archive(script(bundle)))
    return [path]


def archive(module: Any) -> bytes:
    """Return a scripted module as the bytes of its archive, without source paths and dates."""
    saved = io.BytesIO(module.save_to_buffer())
    result = io.BytesIO()
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            if not name.endswith(DEBUG):
                new.writestr(zipfile.ZipInfo(name, MADE), old.read(name))
    return result.getvalue()
