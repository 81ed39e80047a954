"""The place in the file where the search stands, and what it may still spend."""

from __future__ import annotations

from dataclasses import dataclass

from safepickle_dl.containers.region import Problem, Region
from safepickle_dl.limits import Budget
from safepickle_dl.reader import Buffer


@dataclass(frozen=True, slots=True)
class Node:
    """A span `data[start:end]` to be opened: the file itself, or a member of a container."""

    name: str
    data: Buffer
    start: int
    end: int
    depth: int
    """Containers around it (levels)."""
    outer_bytes: int
    """What it takes of the outermost file (bytes, an estimate inside compressed data)."""
    budget: Budget
    certain: bool = True
    """Whether a loader of the file reads it; if not, only what makes sense as a pickle counts."""

    def child(self, label: str, start: int, end: int, certain: bool = True) -> Node:
        """Return a member that lies in the same buffer as it is: nothing is copied."""
        outer = self.outer(end - start)
        certain = certain and self.certain
        return Node(self._join(label), self.data, start, end, self.depth + 1, outer, self.budget, certain)

    def unpacked(
        self, label: str, data: Buffer, packed_bytes: int, span: tuple[int, int] | None = None, certain: bool = True
    ) -> Node:
        """Return a member, a span of `data` or all of it, that had to be decompressed from `packed_bytes` of this."""
        outer = self.outer(packed_bytes)
        certain = certain and self.certain
        start, end = span or (0, len(data))
        return Node(self._join(label), data, start, end, self.depth + 1, outer, self.budget, certain)

    def region(self, search: bool = False, certain: bool = True) -> Region:
        """Return the node as a region that pickles may be in."""
        certain = certain and self.certain
        return Region(self.name, self.data, self.start, self.end, self.depth, certain, search)

    def problem(self, message: str, unread_bytes: int, label: str = "") -> Problem:
        """Return the problem that `unread_bytes` of this node (or of its member) stay unread."""
        name = self._join(label) if label else self.name
        return Problem(name, message, self.outer(unread_bytes))

    def outer(self, n_bytes: int) -> int:
        """Convert a length in this node to bytes of the outermost file, at least 1."""
        share = self.outer_bytes * n_bytes // max(1, self.end - self.start)
        return max(1, min(share, self.outer_bytes))

    def _join(self, label: str) -> str:
        label = label or "(no name)"
        return f"{self.name}!{label}" if self.name else label


def skip_zeros(data: Buffer, start: int, end: int) -> int:
    """Return the offset of the first byte in `data[start:end]` that is not zero, or `end`."""
    step = 1 << 16
    for position in range(start, end, step):
        block = data[position : min(position + step, end)]
        rest = block.lstrip(b"\0")
        if rest:
            return position + len(block) - len(rest)
    return end
