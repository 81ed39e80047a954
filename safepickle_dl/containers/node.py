"""The place in the file where the search stands, and what it may still spend."""

from __future__ import annotations

from dataclasses import dataclass

from safepickle_dl.containers.region import Problem
from safepickle_dl.limits import Limits
from safepickle_dl.reader import Buffer


@dataclass(slots=True)
class Budget:
    """What is left of the totals that `limits` allows one file."""

    limits: Limits
    members: int
    """Members that may still be opened (count)."""
    unpacked_bytes: int
    """Output that all decompressors may still give (bytes)."""

    def take_member(self) -> bool:
        """Count one member; False if the limit is reached."""
        self.members -= 1
        return self.members >= 0


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

    def child(self, label: str, start: int, end: int) -> Node:
        """Return a member that lies in the same buffer as it is: nothing is copied."""
        outer = self.outer(end - start)
        name = self._join(label)
        return Node(name, self.data, start, end, self.depth + 1, outer, self.budget)

    def unpacked(self, label: str, data: bytes, packed_bytes: int) -> Node:
        """Return a member whose bytes had to be decompressed from `packed_bytes` of this node."""
        outer = self.outer(packed_bytes)
        name = self._join(label)
        return Node(name, data, 0, len(data), self.depth + 1, outer, self.budget)

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
