"""Every resource limit, with its unit. Reaching one is reported in coverage, never silent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the work that one file may cause."""

    max_depth: int = 8
    """Containers within containers, and pickles within pickles (levels)."""
    max_members: int = 200_000
    """Members of all archives of one file (count)."""
    max_unpacked_bytes: int = 8 << 30
    """Output of all decompressors of one file together (bytes)."""
    max_member_bytes: int = 4 << 30
    """Output of one decompressor (bytes)."""
    max_memory_bytes: int = 64 << 20
    """Output of one decompressor that is kept in memory; more goes to a temporary file without a name (bytes)."""
    max_ratio: int = 2_000
    """Decompressed to compressed size of one member, once it is over a megabyte (ratio)."""
    max_chunks: int = 4_000_000
    """Deflated chunks of one HDF5 file (count)."""
    max_opcodes: int = 50_000_000
    """Instructions of one stream (count)."""
    max_values: int = 16_000_000
    """Values of one stream that stay reachable: operands, results, memo entries (count)."""
    max_tokens: int = 8_000_000
    """Tokens of all call sites of one file; behind it, long arguments are cut (count)."""
    max_streams: int = 200_000
    """Pickle streams of one file (count)."""
    max_trials: int = 20_000_000
    """Instructions that the search for pickles where no loader reads in order may try in one file (count)."""
    max_search_bytes: int = 1 << 30
    """How far a file that begins with nothing known is searched for pickles; a note says so (bytes)."""
    max_nested_bytes: int = 1 << 30
    """Literals of one file that are decoded (base64, hex, zlib) to look for pickles in them (bytes)."""
    max_seconds: float = 900.0
    """Time for one file; a worker process is ended a while after it (seconds)."""
    max_process_bytes: int = 4 << 30
    """Memory of a worker process, files that are mapped aside (bytes)."""


DEFAULT_LIMITS = Limits()


class OutOfTimeError(Exception):
    """The time for a file is over; caught where the file's analysis ends."""


@dataclass(slots=True)
class Budget:
    """What is left of the totals that `limits` allows one file."""

    limits: Limits = DEFAULT_LIMITS
    members: int = field(init=False)
    """Members that may still be opened (count)."""
    unpacked_bytes: int = field(init=False)
    """Output that all decompressors may still give (bytes)."""
    streams: int = field(init=False)
    """Pickle streams that may still be read (count)."""
    trials: int = field(init=False)
    """Instructions that the search may still try (count)."""
    nested_bytes: int = field(init=False)
    """Bytes of literals that may still be decoded (bytes)."""
    deadline: float = field(init=False)
    """When the time is over (seconds, of the monotonic clock)."""

    def __post_init__(self) -> None:
        """Start with everything that the limits allow."""
        self.members = self.limits.max_members
        self.unpacked_bytes = self.limits.max_unpacked_bytes
        self.streams = self.limits.max_streams
        self.trials = self.limits.max_trials
        self.nested_bytes = self.limits.max_nested_bytes
        self.deadline = time.monotonic() + self.limits.max_seconds

    def take_member(self) -> bool:
        """Count one member; False if the limit is reached."""
        self.check_time()
        self.members -= 1
        return self.members >= 0

    def out_of_time(self) -> bool:
        """Whether the time for this file is over."""
        return time.monotonic() > self.deadline

    def check_time(self) -> None:
        """Go on, or not.

        Raises:
            OutOfTimeError: the time for this file is over.
        """
        if self.out_of_time():
            raise OutOfTimeError(f"limit max_seconds reached ({self.limits.max_seconds:g})")
