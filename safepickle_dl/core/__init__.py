"""Bytes of a pickle to instructions, call sites and slices: one small subset of Python that also compiles.

Where the package was built with Cython and a C compiler, `_compiled` holds all of it and stands in for the modules
below; the environment variable SAFEPICKLE_DL_CORE asks for one of the two (`interpreted` or `compiled`).
"""

from __future__ import annotations

import importlib
import os
import sys

from safepickle_dl.errors import SafePickleError

MODULES = ("lexer", "integers", "escapes", "nodes", "machine", "words", "slices")
"""What `_compiled` stands in for."""


def _use_compiled(wanted: str) -> bool:
    """Put `_compiled` in the place of MODULES, and return whether it is there.

    Raises:
        SafePickleError: it is asked for and missing, or the request names neither.
    """
    if wanted == "interpreted":
        return False
    if wanted not in ("", "compiled"):
        raise SafePickleError(f"SAFEPICKLE_DL_CORE is {wanted!r}, not interpreted or compiled")
    try:
        compiled = importlib.import_module("safepickle_dl.core._compiled")
    except ImportError as error:
        if wanted:
            raise SafePickleError(f"SAFEPICKLE_DL_CORE: no compiled core here: {error}") from error
        return False
    for name in MODULES:
        sys.modules[f"{__name__}.{name}"] = compiled
    return True


BUILD = "compiled" if _use_compiled(os.environ.get("SAFEPICKLE_DL_CORE", "")) else "interpreted"
"""Which core runs: `compiled` or `interpreted`."""
