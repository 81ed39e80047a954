"""Containers made in memory around an inert pickle; nothing here is ever unpickled."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

from safepickle_dl.containers import Problem, Region, open_file
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer
from train.corpus.archives import Member, gzipped, tarred, zipped

__all__ = ["NOISE", "OTHER", "PICKLE", "Found", "Member", "gzipped", "look", "tarred", "zipped"]

PICKLE = pickle.dumps({"weights": [1, 2, 3], "name": "inert"}, protocol=2)
OTHER = pickle.dumps(["another", 4.5], protocol=4)
NOISE = bytes(3 * i % 251 + 5 for i in range(3000)).replace(b"PK", b"..")
"""Begins with no opcode and no magic number."""


@dataclass(frozen=True)
class Found:
    regions: list[tuple[str, bytes]]
    problems: list[Problem]

    @property
    def messages(self) -> list[str]:
        return [problem.message for problem in self.problems]


def look(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Found:
    """Open `data` to the end and check what holds for every answer."""
    found = Found([], [])
    for item in open_file(data, limits):
        if isinstance(item, Region):
            assert 0 <= item.start < item.end <= len(item.data)
            found.regions.append((item.name, item.data[item.start : item.end]))
        else:
            assert 1 <= item.unread_bytes <= len(data)
            found.problems.append(item)
    return found
