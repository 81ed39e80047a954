"""One file, from bytes to slices: containers, streams, machines. Scanning and training both start here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from safepickle_dl.containers import Problem, open_file
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import DEFAULT_LIMITS, Limits
from safepickle_dl.reader import Buffer
from safepickle_dl.streams import PickleStream, read_streams
from safepickle_dl.types import Coverage

SALT = int.from_bytes(os.urandom(6), "little")
"""Makes the digests of slices unpredictable; nothing that is reported depends on it."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a file holds: its streams (nested ones behind their own), their distinct slices, and what went wrong.

    Slice `k` comes from `streams[slices.source[k]]`.
    """

    streams: tuple[PickleStream, ...]
    slices: Slices
    coverage: Coverage
    errors: tuple[str, ...]
    """Why a loader could read further than this did, or why none could read to the end; empty if neither."""


def analyse(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Analysis:
    """Find every pickle stream in `data` and slice its call sites. Never raises on what the bytes are."""
    streams: list[PickleStream] = []
    slices = Slices(limits.max_tokens, SALT)
    errors: list[str] = []
    unread = 0
    for part in open_file(data, limits):
        if isinstance(part, Problem):
            unread += part.unread_bytes
            errors.append(_located(part.name, part.message))
            continue
        for stream in _with_nested(read_streams(part, limits)):
            slices.add_machine(stream.machine, len(streams))
            streams.append(stream)
            if not stream.complete:
                errors.append(_located(stream.name, _break_message(stream)))
    if slices.cut_short:
        errors.append(f"more than {limits.max_tokens} tokens: long arguments were cut")
    size = len(data)
    coverage = Coverage(bytes=size, read=max(0, size - unread), complete=not errors)
    return Analysis(tuple(streams), slices, coverage, tuple(errors))


def _with_nested(streams: Iterable[PickleStream]) -> Iterator[PickleStream]:
    for stream in streams:
        yield stream
        yield from _with_nested(stream.nested)


def _located(name: str, message: str) -> str:
    return f"{name}: {message}" if name else message


def _break_message(stream: PickleStream) -> str:
    """Say where and why reading a stream ended too early."""
    machine = stream.machine
    at = machine.site_at[machine.n_sites - 1] if machine.n_sites else stream.end
    kind = machine.site_opcode[machine.n_sites - 1] if machine.n_sites else op.TRUNCATED
    if kind == op.LIMIT:
        return f"limit reached at byte {at}; what follows was not read"
    reason = "unknown opcode" if kind == op.BAD_OPCODE else "the data ends"
    return f"{reason} at byte {at}, before the pickle's STOP"
