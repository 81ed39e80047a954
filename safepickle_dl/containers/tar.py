"""Tar archives of any dialect that the standard library reads; members stay where they lie."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from safepickle_dl.containers.node import Node, skip_zeros
from safepickle_dl.containers.region import Problem
from safepickle_dl.reader import Buffer

MAX_HEADER_BYTES = 1 << 20
"""The most that `tarfile` may read for one member: headers, never contents (bytes)."""

FAILURES = (
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    MemoryError,
    RecursionError,
    LookupError,
    TypeError,
)
"""What `tarfile` raises on hostile headers.

Chained long names recurse, odd character sets fail to look up.
"""


class SpanFile(io.RawIOBase):
    """`data[start:end]` as a file that can be read and sought, without a copy."""

    def __init__(self, data: Buffer, start: int, end: int) -> None:
        """Stand at the start."""
        super().__init__()
        self._data, self._start, self._end = data, start, end
        self._position = start
        self.allowance = MAX_HEADER_BYTES

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; a place before the start is an error."""
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._position, io.SEEK_END: self._end}
        position = base[whence] + offset
        if position < self._start:
            raise OSError("seek before the start")
        self._position = position
        return position - self._start

    def tell(self) -> int:
        """Return the position, from the start of the span."""
        return self._position - self._start

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes.

        Raises:
            OSError: more was asked for since `allowance` was set than any honest header takes.
        """
        self.allowance -= size
        if size < 0 or self.allowance < 0:
            raise OSError("header too large")
        block = self._data[self._position : min(self._position + size, self._end)]
        self._position += len(block)
        return block


def open_tar(node: Node) -> Iterator[Node | Problem]:
    """Yield the members of a tar archive, then what follows its end."""
    budget = node.budget
    previous, failure = -1, ""
    file = SpanFile(node.data, node.start, node.end)
    try:
        archive = tarfile.open(  # noqa: SIM115  (holds nothing that needs closing)
            fileobj=file, mode="r:", encoding="utf-8", errors="replace"
        )
    except FAILURES as error:
        yield node.problem(f"corrupt tar: {error}", node.end - node.start)
        return
    while True:
        file.allowance = MAX_HEADER_BYTES
        try:
            member = archive.next()
        except FAILURES as error:
            failure = f"corrupt tar: {error}"
            break
        if member is None:
            break
        if archive.offset <= previous:
            failure = "corrupt tar: members run backwards"
            break
        previous = archive.offset
        archive.members.clear()  # type: ignore[attr-defined]
        if not budget.take_member():
            failure = f"limit max_members reached ({budget.limits.max_members})"
            break
        yield from _member(node, member)
    place = min(max(node.start + archive.offset, node.start), node.end)
    if failure:
        yield node.problem(failure, node.end - place)
        return
    rest = skip_zeros(node.data, place, node.end)
    if rest < node.end < place + tarfile.BLOCKSIZE:
        yield node.problem("truncated tar header", node.end - rest)
    if rest < node.end:
        yield node.child(f"trailing@{rest - node.start}", rest, node.end)


def _member(node: Node, member: tarfile.TarInfo) -> Iterator[Node | Problem]:
    if member.size <= 0 or not (member.isreg() or member.type not in tarfile.SUPPORTED_TYPES):
        return
    start = node.start + member.offset_data
    end = min(start + member.size, node.end)
    if member.issparse():
        yield node.problem("sparse tar member", 1, member.name)
    elif start + member.size > node.end:
        yield node.problem("truncated tar member", 1, member.name)
    if node.start <= start < end:
        yield node.child(member.name, start, end)
