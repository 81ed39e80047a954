"""Everything in a file where a loader would begin to unpickle, found by content, never by name."""

from __future__ import annotations

from collections.abc import Iterator

from safepickle_dl.containers.compressed import open_compressed
from safepickle_dl.containers.node import Budget, Node
from safepickle_dl.containers.npy import open_npy
from safepickle_dl.containers.region import Problem, Region
from safepickle_dl.containers.sniff import (
    NPY_MAGIC,
    ZIP_MAGIC,
    compression,
    is_tar,
    may_be_pickle,
    unread_format,
)
from safepickle_dl.containers.tar import open_tar
from safepickle_dl.containers.zip import find_end, open_zip
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer

__all__ = ["Problem", "Region", "open_file"]


def open_file(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Iterator[Region | Problem]:
    """Yield the regions of a file that may hold pickles, and what could not be opened.

    A file may be several things at once (a pickle with a zip behind it): all are yielded. Stored
    members are spans of `data` itself; of the decompressed ones, one per level is in memory at a
    time, as long as the caller keeps no region. Hostile bytes never raise.

    Args:
        data: the whole file.
        limits: bounds on depth, members and decompressed bytes.
    """
    budget = Budget(limits, limits.max_members, limits.max_unpacked_bytes)
    root = Node("", data, 0, len(data), 0, len(data), budget)
    seen: set[tuple[int, int]] = set()
    yield from _open(root, data, seen)


def _open(node: Node, file: Buffer, seen: set[tuple[int, int]]) -> Iterator[Region | Problem]:
    """Yield what is in a node; a span of the file itself is looked at once only.

    Args:
        node: what to open.
        file: the outermost buffer.
        seen: the spans of `file` that were looked at: archives may contain themselves.
    """
    if node.data is file:
        if (node.start, node.end) in seen:
            return
        seen.add((node.start, node.end))
    if node.start >= node.end:
        return
    head = node.data[node.start : min(node.start + 512, node.end)]
    if may_be_pickle(head, node.end - node.start):
        yield Region(node.name, node.data, node.start, node.end)
    if head.startswith(NPY_MAGIC):
        yield from open_npy(node)
    if kind := unread_format(head):
        yield node.problem(f"{kind} is not supported", node.end - node.start)
    spans: list[tuple[int, int]] = []
    members = _members(node, head, spans)
    limits = node.budget.limits
    if members and node.depth >= limits.max_depth:
        message = f"limit max_depth reached ({limits.max_depth})"
        yield node.problem(message, node.end - node.start)
        return
    for container in members:
        for item in container:
            if isinstance(item, Node):
                if item.data is node.data:
                    spans.append((item.start, item.end))
                yield from _open(item, file, seen)
            else:
                yield item


def _members(node: Node, head: bytes, spans: list[tuple[int, int]]) -> list[Iterator[Node | Problem]]:
    """Return, for each container that a node is, its members; nothing is read before use.

    `spans` is the list of members met so far that lie in the node's own buffer: the tail of a tar
    may be a zip member's tail, which is then the member's and not the tar's.
    """
    members: list[Iterator[Node | Problem]] = []
    if kind := compression(head):
        members.append(open_compressed(node, kind))
    if is_tar(head):
        members.append(open_tar(node))
    if head.startswith(ZIP_MAGIC) or find_end(node.data, node.start, node.end) >= 0:
        members.append(open_zip(node, spans))
    return members
