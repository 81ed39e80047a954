"""Every resource limit, with its unit. Reaching one is reported in coverage, never silent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the work that one file may cause."""

    max_depth: int = 8
    """Containers within containers (levels)."""
    max_members: int = 100_000
    """Members of all archives of one file (count)."""
    max_unpacked_bytes: int = 4 << 30
    """Output of all decompressors of one file together (bytes)."""
    max_member_bytes: int = 1 << 30
    """Output of one decompressor (bytes)."""
    max_ratio: int = 2_000
    """Decompressed to compressed size of one member, once it is over a megabyte (ratio)."""
    max_opcodes: int = 50_000_000
    """Instructions of one stream (count)."""
    max_tokens: int = 8_000_000
    """Tokens of all call sites of one file; behind it, long arguments are cut (count)."""
    max_streams: int = 10_000
    """Pickle streams of one region: a raw file, or one member of an archive (count)."""


DEFAULT_LIMITS = Limits()
