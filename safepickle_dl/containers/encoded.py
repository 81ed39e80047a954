"""Pickles that are values of something else: as they are, in base64, in hex. What could be one, and its bytes."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from safepickle_dl.containers.node import Node
from safepickle_dl.containers.sniff import NPY_MAGIC, OPCODES, SEVENZIP_MAGIC, ZIP_MAGIC, compression

HEAD = 64
"""Characters of a text that tell whether its decoded form could be a pickle (count)."""
MIN_TEXT = 16
"""Shorter texts decode to nothing that could call anything (characters)."""

_HEADER = re.compile(rb"\x80[\x00-\x05]")
_TEXT_IMPORT = re.compile(rb"[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
_STACK_GLOBAL = b"\x93"
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"))
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_HEX = re.compile(rb"[0-9a-fA-F]{16,}\Z")


def may_hide_pickle(head: bytes) -> bool:
    """Whether a pickle, or a container of pickles, may begin with these bytes.

    Args:
        head: the first few hundred bytes or more.
    """
    if _HEADER.match(head) or head.startswith((ZIP_MAGIC, NPY_MAGIC, SEVENZIP_MAGIC)):
        return True
    if not head:
        return False
    if head[0] in OPCODES and (_STACK_GLOBAL in head or _TEXT_IMPORT.search(head)):
        return True
    return compression(head) not in ("", "lzma")


def decoded(text: bytes) -> tuple[str, bytes] | None:
    """Return how a text is encoded, and its bytes, if a pickle may begin with them.

    Decodes as leniently as `base64.b64decode`: whatever is not of its alphabet does not count.
    """
    if len(text) < MIN_TEXT:
        return None
    head = text[:HEAD]
    if _HEX.match(head) and may_hide_pickle(binascii.unhexlify(head[: len(head) // 2 * 2])):
        try:
            return "hex", bytes.fromhex(text.decode("ascii"))
        except ValueError:
            return None
    if not may_hide_pickle(base64_bytes(head)):
        return None
    return "base64", base64_bytes(text)


def open_encoded(node: Node) -> Iterator[Node]:
    """Yield the bytes that a text in base64 or hex stands for."""
    node.budget.nested_bytes -= node.end - node.start
    if node.budget.nested_bytes >= 0 and (whole := decoded(bytes(node.data[node.start : node.end]))) is not None:
        yield node.unpacked(whole[0], whole[1], node.end - node.start)


def base64_bytes(text: bytes) -> bytes:
    """Return what a text in base64 stands for, whatever is in it beside the alphabet."""
    clean = text.translate(None, _NOT_BASE64).translate(_FROM_URL)
    return binascii.a2b_base64(clean[: len(clean) // 4 * 4] + _padded(clean[len(clean) // 4 * 4 :]))


def _padded(rest: bytes) -> bytes:
    return b"" if len(rest) < 2 else rest + b"=" * (4 - len(rest))
