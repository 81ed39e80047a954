"""JSON Lines: one object per file, written as soon as the file is done."""

from __future__ import annotations

import json
import math
from typing import Any

from safepickle_dl.types import ScanResult


def format_result(result: ScanResult) -> str:
    """Return the file's object on one line: ASCII, and valid for strict parsers too."""
    return json.dumps(clean(result.to_dict()), allow_nan=False) + "\n"


def clean(value: Any) -> Any:
    r"""Return `value` without what strict JSON parsers refuse.

    A lone surrogate (a file name may hold one) becomes the text `\udcNN`, a number that is not
    finite becomes null: one hostile name must not make a whole report unreadable.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value
