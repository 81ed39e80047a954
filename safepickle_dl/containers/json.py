"""JSON that holds pickles in base64, as stable-baselines3 writes the `data` of its archives (`":serialized:"`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from safepickle_dl.containers.encoded import decoded
from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Problem

MAX_STRING_BYTES = 1 << 28
"""A string longer than this is not decoded (bytes)."""

_STRING = re.compile(rb'"((?:[^"\\]|\\.){16,}+)"', re.DOTALL)


def open_json(node: Node) -> Iterator[Node | Problem]:
    """Yield the decoded form of each string that a pickle may begin in."""
    for found in _STRING.finditer(node.data, node.start, node.end):
        lo, hi = found.span(1)
        node.budget.check_time()
        head = _unescaped(node.data[lo : min(hi, lo + 1024)])
        if decoded(head) is None:
            continue
        node.budget.nested_bytes -= hi - lo
        if node.budget.nested_bytes < 0 or hi - lo > MAX_STRING_BYTES:
            yield node.problem(f"limit max_nested_bytes reached ({node.budget.limits.max_nested_bytes})", hi - lo)
            return
        if (whole := decoded(_unescaped(node.data[lo:hi]))) is not None:
            encoding, content = whole
            yield node.unpacked(f"{encoding}@{lo - node.start}", content, hi - lo, certain=False)


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    try:
        value = json.loads(b'"' + text.rstrip(b"\\") + b'"', strict=False)
    except ValueError:
        return text
    return value.encode("utf-8", "replace") if isinstance(value, str) else text
