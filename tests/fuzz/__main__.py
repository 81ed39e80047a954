"""Fuzzing: mutated pickles and containers through the lexer, the machine, the containers, the scanner and the command.

    python -m tests.fuzz --seconds 300        # or --inputs 1000000; --seed to begin elsewhere
    python -m tests.fuzz --files              # wrappings above all, and nothing to the core alone

An input that raises, hangs, needs too much memory or gets an ill-formed answer is written to tests/fuzz/failures, which
the tests replay.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import FrameType

from safepickle_dl import Scanner
from safepickle_dl.analysis import Reading
from safepickle_dl.core.slices import MAX_HEAD, OVERLAP, Slices
from safepickle_dl.disasm import disassemble
from safepickle_dl.limits import Budget, Limits
from safepickle_dl.scanner import INTERNAL_ERROR
from safepickle_dl.stream import read_stream
from safepickle_dl.types import Verdict
from tests.containers.wrappings import WRAPPINGS
from tests.fuzz.generate import generate
from tests.fuzz.mutate import mutate

FAILURES = Path(__file__).parent / "failures"
MEMORY = 3 << 30
HANG_S = 60
"""What one input may take of a core (seconds); the clock on the wall would measure who else is at work."""
REFILL = 100_000
"""Inputs behind which the hosts are made anew (count)."""
LIMITS = Limits(
    max_depth=5,
    max_members=300,
    max_unpacked_bytes=16 << 20,
    max_member_bytes=4 << 20,
    max_opcodes=200_000,
    max_values=200_000,
    max_streams=300,
    max_trials=200_000,
    max_nested_bytes=1 << 20,
)
SCANNER = Scanner(limits=LIMITS)


def core(data: bytes) -> None:
    """The core alone, on whatever it is: most inputs go here, since it takes a fraction of the time."""
    stream = read_stream("", data, 0, len(data), Budget(LIMITS))
    machine, slices = stream.machine, Slices(LIMITS.max_tokens)
    assert 0 < stream.end <= max(1, len(data))
    assert stream.complete or machine.n_anomalies > 0
    assert machine.memo.count() <= machine.n_instructions
    slices.add_machine(machine, 0)
    assert slices.first[slices.count] <= slices.n_written + (MAX_HEAD + OVERLAP) * slices.count


def read(data: bytes) -> None:
    """From bytes to slices, through the containers and nested pickles."""
    reading = Reading(data, LIMITS)
    for portion in reading.portions():
        for stream in portion.streams:
            assert 0 <= stream.start < stream.end <= len(stream.data)
    coverage = reading.coverage
    assert coverage.bytes == len(data) and 0 <= coverage.read <= coverage.bytes
    assert coverage.complete == (not reading.errors)


def scan(data: bytes) -> None:
    """The whole engine."""
    result = SCANNER.scan_bytes(data)
    assert INTERNAL_ERROR not in (result.error or ""), result.error
    assert result.verdict is not Verdict.BENIGN or result.coverage.complete
    json.dumps(result.to_dict(), allow_nan=False)


def show(data: bytes) -> None:
    """The disassembler: nothing that it prints may steer a terminal."""
    for line in disassemble(data, LIMITS):
        assert line.isprintable(), line


def command(data: bytes) -> None:
    """The command, from standard input to its exit code."""
    from safepickle_dl import cli

    class Stdin:
        buffer = io.BytesIO(data)

    out = io.StringIO()
    sys.stdin, before = Stdin(), sys.stdin  # type: ignore[assignment]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = cli.main(["disasm" if len(data) % 2 else "scan", "-"])
    finally:
        sys.stdin = before
    assert code in (0, 1, 2), code
    assert all(line.isprintable() for line in out.getvalue().split("\n")), out.getvalue()
    assert "internal error" not in out.getvalue(), out.getvalue()


TARGETS: list[tuple[float, Callable[[bytes], None]]] = [
    (0.95, core),
    (0.993, read),
    (0.997, scan),
    (0.9995, show),
    (1.0, command),
]
"""The share of inputs up to which each is called."""
FILE_TARGETS: list[tuple[float, Callable[[bytes], None]]] = [(0.7, read), (0.85, scan), (0.93, show), (1.0, command)]
"""The same for files as a whole."""
WRAPPED, WRAPPED_FILES = 0.2, 0.9
"""How many of the inputs are mutated wrappings, the others being mutated pickles (share)."""


class Inputs:
    """Mutations of a few thousand pickles and wrapped pickles, which are made anew now and then."""

    def __init__(self, seed: int, n_pickles: int = 2000, n_wrapped: int = 10, wrapped: float = WRAPPED) -> None:
        self._chance = Random(seed)
        self._n_pickles, self._n_wrapped, self._share = n_pickles, n_wrapped, wrapped
        self._pickles: list[bytes] = []
        self._wrapped: list[bytes] = []
        self._left = 0

    def next(self) -> bytes:
        """Return an input."""
        if self._left == 0:
            self._refill()
        self._left -= 1
        chance = self._chance
        hosts = self._wrapped if chance.random() < self._share else self._pickles
        return mutate(chance.choice(hosts), chance.choice(self._pickles), chance)

    def _refill(self) -> None:
        chance = self._chance
        self._left = REFILL
        self._pickles = [generate(chance.randrange(1 << 40)) for _ in range(self._n_pickles)]
        self._wrapped.clear()
        for wrap in WRAPPINGS.values():
            for _ in range(self._n_wrapped):
                data = chance.choice(self._pickles)[:1500]
                with contextlib.suppress(UnicodeDecodeError):
                    data = mutate(data, data, chance) if chance.random() < 0.5 else data
                    data = wrap(data)
                    self._wrapped.append(chance.choice(list(WRAPPINGS.values()))(data) if len(data) < 3000 else data)


def failing(target: Callable[[bytes], None], data: bytes) -> str:
    """Return what goes wrong with an input, or ""."""
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        target(data)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def kept(data: bytes) -> str:
    """Write an input that failed to FAILURES and return the name of its file."""
    FAILURES.mkdir(exist_ok=True)
    path = FAILURES / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
    path.write_bytes(data)
    return path.name


def _hangs(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {HANG_S} seconds")


def main() -> int:
    """Run until the time or the inputs are used up."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz everything that reads bytes.")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--inputs", type=int, default=1 << 62)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", action="store_true", help="wrapped pickles above all, and nothing to the core alone")
    args = parser.parse_args()
    targets = FILE_TARGETS if args.files else TARGETS
    signal.signal(signal.SIGPROF, _hangs)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    inputs = Inputs(args.seed, wrapped=WRAPPED_FILES if args.files else WRAPPED)
    start = shown = time.monotonic()
    failures = done = 0
    of_target: Counter[str] = Counter()
    while done < args.inputs and time.monotonic() - start < args.seconds:
        data = inputs.next()
        share = done * 0.61803398875 % 1
        target = next(target for upto, target in targets if share < upto)
        done += 1
        of_target[target.__name__] += 1
        if message := failing(target, data):
            failures += 1
            print(f"input {done} of seed {args.seed}, {target.__name__}: {kept(data)}\n{message}", flush=True)
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            print(f"{done} inputs, {shown - start:.0f} seconds, {failures} failures", flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    shares = ", ".join(f"{name} {n}" for name, n in of_target.items())
    print(f"{done} inputs ({shares}), {time.monotonic() - start:.0f} seconds, {failures} failures, at most {memory} MB")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
