"""Formats that carry no pickle, and other facts that are worth a note beside the verdict."""

from __future__ import annotations

import re

_ONNX = re.compile(rb"\x08[\x01-\x1f](?:[\x12\x1a\x22\x32](.)(?:[\x20-\x7e]*)|\x3a|\x42)", re.DOTALL)
_SAFETENSORS = re.compile(rb".{5}\x00{3}\{[ \t\r\n]*\"", re.DOTALL)


def foreign_format(head: bytes, size: int) -> str:
    """Name the format without pickles that begins here, or "".

    Args:
        head: the first bytes, 64 or more if there are that many.
        size: the length of all that follows, `head` included (bytes).
    """
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a Git LFS pointer: the file itself was not fetched"
    if head.startswith(b"GGUF") and len(head) >= 8 and 0 < int.from_bytes(head[4:8], "little") < 256:
        return "GGUF: a format without pickles"
    if _SAFETENSORS.match(head) and 8 + int.from_bytes(head[:8], "little") <= size:
        return "safetensors: a format without pickles"
    if _ONNX.match(head):
        return "looks like ONNX: a format without pickles"
    return ""


def member_note(name: str, head: bytes) -> str:
    """Say what a member of an archive means that is no pickle and that its loader runs or trusts, or ""."""
    folder, _, base = name.rpartition("/")
    if base.endswith(".py") and (folder.partition("/")[2] + "/").startswith("code/"):
        return "TorchScript code, which is not examined"
    if base == "schema.json" and b'"__loader__"' in head:
        return "skops: a format without pickles"
    if base.endswith(".py"):
        return "Python code, which is not examined"
    return ""
