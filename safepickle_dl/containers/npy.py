"""NumPy's .npy: a header that is a Python literal, then raw data or, for objects, a pickle.

Source: `numpy.lib.format`, versions 1.0 to 3.0.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Problem, Region

MAX_HEADER_BYTES = 1 << 16
"""NumPy itself refuses more than 10,000 unless pickles are allowed (bytes)."""

_PYTHON2_LONG = re.compile(r"(?<=[0-9])L\b")


def open_npy(node: Node) -> Iterator[Region | Problem]:
    """Yield the pickle of an object array; nothing for an array of plain numbers."""
    data, start = node.data, node.start
    fixed = data[start : min(start + 12, node.end)]
    major = fixed[6] if len(fixed) > 6 else 0
    n_length = 2 if major == 1 else 4
    length = int.from_bytes(fixed[8 : 8 + n_length], "little")
    begin = start + 8 + n_length
    if not 1 <= major <= 3 or begin + length > node.end:
        yield node.problem("corrupt npy header", node.end - start)
        return
    if length > MAX_HEADER_BYTES:
        yield node.problem(f"npy header of {length} bytes", node.end - start)
        return
    text = data[begin : begin + length].decode("utf-8" if major == 3 else "latin-1", "replace")
    header = _literal(text)
    if not isinstance(header, dict) or "descr" not in header:
        yield node.problem("corrupt npy header", node.end - start)
    elif not has_objects(header["descr"]):
        return
    elif begin + length < node.end:
        yield Region(node.name, data, begin + length, node.end, node.depth, node.certain, promised=node.certain)
    else:
        yield node.problem("truncated npy: no objects", 1)


def _literal(text: str) -> object:
    """Evaluate a literal as NumPy does: leading blanks, and `3L` of Python 2, are fine."""
    for form in (text.strip(), _PYTHON2_LONG.sub("", text.strip())):
        try:
            with warnings.catch_warnings():  # of odd escapes: they would write the header's bytes to the terminal
                warnings.simplefilter("ignore")
                value: object = ast.literal_eval(form)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        return value
    return None


def has_objects(descr: object) -> bool:
    """Whether a dtype description has an object field: `O`, `|O8`, `i4,O`, `object`, nested."""
    if isinstance(descr, str):
        return "O" in descr or "object" in descr
    if isinstance(descr, list):
        return any(has_objects(field[1] if isinstance(field, tuple) and len(field) > 1 else field) for field in descr)
    if isinstance(descr, tuple):
        return bool(descr) and has_objects(descr[0])
    if isinstance(descr, dict):
        return any(has_objects(value) for value in descr.values())
    return False
