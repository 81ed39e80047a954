"""One file, from bytes to slices: containers, streams, machines. Scanning and training both start here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from safepickle_dl.containers import Note, Problem, open_file
from safepickle_dl.core import opcodes as op
from safepickle_dl.core.slices import Slices
from safepickle_dl.limits import DEFAULT_LIMITS, Budget, Limits, OutOfTimeError
from safepickle_dl.memory import SALT
from safepickle_dl.nested import find_streams
from safepickle_dl.reader import Buffer
from safepickle_dl.rules import rule_findings
from safepickle_dl.stream import PickleStream
from safepickle_dl.types import Coverage, Finding

PORTION_STREAMS = 256
"""Streams whose machines are kept at a time (count)."""
PORTION_BYTES = 96 << 20
"""Memory of the machines and decompressed bytes that are kept at a time, about (bytes)."""
MAX_MESSAGES = 1000
"""Errors, and notes, of one file that are kept (count)."""


@dataclass(slots=True)
class Portion:
    """A few streams of a file; stream `i` of them is number `first + i` of the file."""

    first: int
    streams: list[PickleStream] = field(default_factory=list)
    rule_findings: list[tuple[int, Finding]] = field(default_factory=list)
    """With the number of the stream in the file."""


class Reading:
    """Reads a file portion by portion, so that an archive of many pickles never needs much memory.

    After the last portion, `slices` holds the distinct slices of all of them; slice `k` comes from stream
    `slices.source[k]` of the file.
    """

    def __init__(self, data: Buffer, limits: Limits = DEFAULT_LIMITS) -> None:
        """Read nothing yet."""
        self.slices = Slices(limits.max_tokens, SALT)
        self.n_streams = 0
        self.errors: list[str] = []
        """Why a loader could read further than this did, or why none could read to the end; empty if neither."""
        self.n_errors = 0
        self.notes: list[str] = []
        self._data = data
        self._limits = limits
        self._unread = 0

    @property
    def coverage(self) -> Coverage:
        """Return how much was examined so far."""
        size = len(self._data)
        return Coverage(bytes=size, read=max(0, size - self._unread), complete=not self.n_errors)

    def portions(self) -> Iterator[Portion]:
        """Yield the streams of the file, nested ones behind their own. Never raises on what the bytes are."""
        portion = Portion(0)
        used = 0
        try:
            for part in self._parts():
                used += self._add(part, portion)
                if len(portion.streams) >= PORTION_STREAMS or used > PORTION_BYTES:
                    yield portion
                    portion, used = Portion(self.n_streams), 0
        except OutOfTimeError as error:
            self._error("", str(error))
            self._unread = max(self._unread, 1)
        if self.slices.cut_short:
            self._error("", f"more than {self._limits.max_tokens} tokens: long arguments were cut")
        yield portion

    def _parts(self) -> Iterator[PickleStream | Problem]:
        budget = Budget(self._limits)
        for part in open_file(self._data, self._limits, budget):
            if isinstance(part, Note):
                if len(self.notes) < MAX_MESSAGES:
                    self.notes.append(_located(part.name, part.message))
            elif isinstance(part, Problem):
                yield part
            else:
                yield from find_streams(part, budget)

    def _add(self, part: PickleStream | Problem, portion: Portion) -> int:
        """Add a stream's slices, or a problem; return what keeping it takes (bytes)."""
        if isinstance(part, Problem):
            self._unread += part.unread_bytes
            self._error(part.name, part.message)
            return 0
        machine = part.machine
        self.slices.add_machine(machine, self.n_streams)
        portion.streams.append(part)
        portion.rule_findings.extend((self.n_streams, finding) for finding in rule_findings(part))
        self.n_streams += 1
        if not part.complete and (part.certain or part.over_limit):
            self._error(part.name, _break_message(part))
        outside = 0 if part.data is self._data or not isinstance(part.data, bytes) else len(part.data)
        return 16_384 + 60 * machine.nodes.count + 100 * machine.n_sites + outside

    def _error(self, name: str, message: str) -> None:
        self.n_errors += 1
        if len(self.errors) < MAX_MESSAGES:
            self.errors.append(_located(name, message))


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
    notes: tuple[str, ...] = ()
    """What else is known: formats without pickles, code that is not examined."""


def analyse(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Analysis:
    """Find every pickle stream in `data` and slice its call sites. Never raises on what the bytes are."""
    reading = Reading(data, limits)
    streams = [stream for portion in reading.portions() for stream in portion.streams]
    return Analysis(tuple(streams), reading.slices, reading.coverage, tuple(reading.errors), tuple(reading.notes))


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
