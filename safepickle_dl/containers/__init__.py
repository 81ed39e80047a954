"""Everything in a file where a loader would begin to unpickle, found by content, never by name.

What opens a format is imported when that format is met: most of the time that one small file takes is start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from safepickle_dl.containers.encoded import decoded, open_encoded
from safepickle_dl.containers.foreign import foreign_format, member_note
from safepickle_dl.containers.node import Node
from safepickle_dl.containers.region import Note, Problem, Region
from safepickle_dl.containers.sniff import (
    HDF5_MAGIC,
    NPY_MAGIC,
    SEVENZIP_MAGIC,
    SQLITE_MAGIC,
    ZIP_MAGIC,
    compression,
    find_superblock,
    find_zip_end,
    is_json,
    is_skippable,
    is_tar,
    may_be_pickle,
)
from safepickle_dl.limits import DEFAULT_LIMITS, Budget, Limits
from safepickle_dl.reader import Buffer

__all__ = ["Note", "Part", "Problem", "Region", "open_file", "open_node"]

Part = Region | Problem | Note


def open_file(data: Buffer, limits: Limits = DEFAULT_LIMITS, budget: Budget | None = None) -> Iterator[Part]:
    """Yield the regions of a file that may hold pickles, what could not be opened, and what else it is.

    A file may be several things at once (a pickle with a zip behind it): all are yielded. Stored
    members are spans of `data` itself; of the decompressed ones, one per level is in memory at a
    time, as long as the caller keeps no region. Hostile bytes never raise.

    Args:
        data: the whole file.
        limits: bounds on depth, members and decompressed bytes.
        budget: what is left of them; all of it if there is none.

    Raises:
        OutOfTimeError: the time that the limits allow is over.
    """
    yield from open_node(Node("", data, 0, len(data), 0, len(data), budget or Budget(limits)))


def open_node(node: Node) -> Iterator[Part]:
    """Yield what is in a span of bytes, as `open_file` does for a whole file."""
    yield from _open(node, node.data, set())


def _open(node: Node, file: Buffer, seen: set[tuple[int, int]]) -> Iterator[Part]:
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
    node.budget.check_time()
    head = node.data[node.start : min(node.start + 512, node.end)]
    foreign = foreign_format(head, node.end - node.start)
    yield from _regions(node, head, bool(foreign))
    if note := foreign or (member_note(node.name, head) if node.depth else ""):
        yield Note(node.name, note)
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


def _regions(node: Node, head: bytes, foreign: bool) -> Iterator[Part]:
    """Yield the node as a region, if a pickle may begin in it.

    A file of its own, and data that a loader may have got from anywhere, is searched for pickles
    further on; a member of an archive is not: what does not begin as a pickle is a tensor or a text.
    """
    superblock = find_superblock(node.data, node.start, node.end)
    whole = (node.depth == 0 or not node.certain or superblock >= 0) and not foreign
    if superblock >= 0:
        from safepickle_dl.containers.hdf5 import open_hdf5

        yield from open_hdf5(node, superblock)
    if head.startswith(NPY_MAGIC):
        from safepickle_dl.containers.npy import open_npy

        yield from open_npy(node)
    elif head.startswith(HDF5_MAGIC):  # PyTables and pandas unpickle attributes and objects
        yield node.region(search=True, certain=False)
    elif may_be_pickle(head, node.end - node.start):
        yield node.region(search=whole)
    elif whole and not _is_container(node, head):
        end = min(node.end, node.start + node.budget.limits.max_search_bytes)
        yield replace(node.region(search=True, certain=False), end=end)
        if end < node.end:
            yield Note(
                node.name, f"begins with no pickle; searched for {end - node.start} of {node.end - node.start} bytes"
            )


def _is_container(node: Node, head: bytes) -> bool:
    magics = (ZIP_MAGIC, SEVENZIP_MAGIC, SQLITE_MAGIC)
    return bool(head.startswith(magics) or compression(head) or is_tar(head))


def _members(node: Node, head: bytes, spans: list[tuple[int, int]]) -> list[Iterator[Node | Problem]]:
    """Return, for each container that a node is, its members; nothing is read before use.

    `spans` is the list of members met so far that lie in the node's own buffer: the tail of a tar
    may be a zip member's tail, which is then the member's and not the tar's.
    """
    members: list[Iterator[Node | Problem]] = []
    if kind := compression(head):
        from safepickle_dl.containers.compressed import open_compressed

        members.append(open_compressed(node, kind))
    if is_skippable(head):
        from safepickle_dl.containers.compressed import open_skippable

        members.append(open_skippable(node))
    if is_tar(head):
        from safepickle_dl.containers.tar import open_tar

        members.append(open_tar(node))
    if head.startswith(SEVENZIP_MAGIC):
        from safepickle_dl.containers.sevenzip import open_7z

        members.append(open_7z(node))
    if head.startswith(SQLITE_MAGIC):
        from safepickle_dl.containers.sqlite import open_sqlite

        members.append(open_sqlite(node))
    if not node.certain and decoded(head) is not None:  # text in a literal that was compressed, say
        members.append(open_encoded(node))
    if is_json(head):
        from safepickle_dl.containers.json import open_json

        members.append(open_json(node))
    if head.startswith(ZIP_MAGIC) or find_zip_end(node.data, node.start, node.end) >= 0:
        from safepickle_dl.containers.zip import open_zip

        members.append(open_zip(node, spans))
    return members
