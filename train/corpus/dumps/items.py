"""What a recipe yields, and how a value becomes the bytes of a file."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

PICKLES = ("pickle0", "pickle1", "pickle2", "pickle3", "pickle4", "pickle5")
MODERN = ("pickle2", "pickle3", "pickle4", "pickle5")
ANY = (*PICKLES, "joblib", "cloudpickle", "dill", "optimized")
COMPRESSED = ("joblib-zlib", "joblib-gzip", "joblib-bz2", "joblib-lzma", "joblib-xz")
MODELS = (*MODERN, "joblib", "joblib", "cloudpickle", "dill", *COMPRESSED)
BY_VALUE = ("dill", "dill", "dill-recurse", "dill-byref", "dill2", "cloudpickle", "cloudpickle", "cloudpickle4")
TORCH = ("torch", "torch", "torch-legacy")
RAW = ("raw",)


@dataclass(frozen=True, slots=True)
class Item:
    """One value to dump: it is made only if it is chosen, and dumped in `n_forms` of `forms`."""

    name: str
    make: Callable[[], Any]
    forms: tuple[str, ...] = ANY
    n_forms: int = 1
    is_hard: bool = False
    """Whether it is made to look like an attack; what looks like one by its bytes is found without this."""


Recipe = Callable[[Random], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Family:
    """A library and the recipe that uses it."""

    library: str
    """Name of the distribution, or `python`."""
    imports: str
    recipe: Recipe


FAMILIES: list[Family] = []


def family(library: str, imports: str = "") -> Callable[[Recipe], Recipe]:
    """Register a recipe for a library; `imports` is the module to import if it is not called like the library."""

    def register(recipe: Recipe) -> Recipe:
        FAMILIES.append(Family(library, imports or library, recipe))
        return recipe

    return register


def dumped(value: Any, form: str) -> bytes:
    """Return the bytes that `form` writes for `value`. Nothing is read back.

    Raises:
        ValueError: the form is unknown.
        Exception: whatever the library raises for a value that it cannot write.
    """
    name, _, option = form.partition("-")
    if form in PICKLES:
        return pickle.dumps(value, int(form[-1]))
    if form == "raw":
        return bytes(value)
    if form == "optimized":
        return pickletools.optimize(pickle.dumps(value, 4))
    if name == "joblib":
        return _joblib(value, option)
    if name in ("cloudpickle", "cloudpickle4"):
        import cloudpickle

        return cloudpickle.dumps(value, 4 if name.endswith("4") else None)
    if name in ("dill", "dill2"):
        import dill

        return dill.dumps(value, 2 if name == "dill2" else 4, byref=option == "byref", recurse=option == "recurse")
    if name == "torch":
        return _torch(value, option)
    raise ValueError(f"unknown form {form!r}")


def _joblib(value: Any, compressor: str) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=(compressor, 3) if compressor else 0)
    return buffer.getvalue()


def _torch(value: Any, option: str) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=option != "legacy")
    return buffer.getvalue()
