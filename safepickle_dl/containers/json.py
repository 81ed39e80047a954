"""JSON that holds pickles in base64, as stable-baselines3 writes the `data` of its archives (`":serialized:"`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from safepickle_dl.containers.encoded import base64_bytes, decoded
from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Problem

MAX_STRING_BYTES = 1 << 28
"""A string longer than this is not decoded (bytes)."""

_STRING = re.compile(rb'"((?:[^"\\]|\\.){16,}+)"', re.DOTALL)

_SERIALIZED = re.compile(rb'":serialized:"\s*:\s*\Z')


def open_json(node: Node) -> Iterator[Node | Problem]:
    """Yield the decoded form of each string that a pickle may begin in, or that is unpickled whatever it holds."""
    for found in _STRING.finditer(node.data, node.start, node.end):
        lo, hi = found.span(1)
        node.budget.check_time()
        serialized = _SERIALIZED.search(node.data[max(node.start, lo - 64) : lo - 1]) is not None
        if not serialized and decoded(_unescaped(node.data[lo : min(hi, lo + 1024)])) is None:
            continue
        node.budget.nested_bytes -= hi - lo
        if node.budget.nested_bytes < 0 or hi - lo > MAX_STRING_BYTES:
            yield node.problem(f"limit max_nested_bytes reached ({node.budget.limits.max_nested_bytes})", hi - lo)
            return
        text = _unescaped(node.data[lo:hi])
        whole = ("base64", base64_bytes(text)) if serialized else decoded(text)
        if whole is not None:
            yield node.unpacked(f"{whole[0]}@{lo - node.start}", whole[1], hi - lo, certain=serialized)


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    try:
        value = json.loads(b'"' + text.rstrip(b"\\") + b'"', strict=False)
    except ValueError:
        return text
    return value.encode("utf-8", "replace") if isinstance(value, str) else text
