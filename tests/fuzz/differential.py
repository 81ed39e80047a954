"""Our call sites against what CPython asks for: `python -m tests.fuzz.differential 0 100000`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from safepickle_dl.containers.region import Region
from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.limits import Budget
from safepickle_dl.stream import PickleStream, global_text, read_stream
from safepickle_dl.streams import read_streams
from tests.fuzz.loaders import cases

BATCH = 5000


def ours(data: bytes) -> Counter[tuple[str, str, str]]:
    """Return what we say that loading would ask for, also where it is too little to count as a pickle."""
    events: Counter[tuple[str, str, str]] = Counter()
    region = Region("", data, 0, len(data))
    streams = list(read_streams(region)) or [read_stream("", data, 0, len(data), Budget())]
    for stream in streams:
        events += _asked(stream)
    return events


def _asked(stream: PickleStream) -> Counter[tuple[str, str, str]]:
    events: Counter[tuple[str, str, str]] = Counter()
    for site in range(stream.machine.n_sites):
        events.update(_events(stream, site))
    for inner in stream.nested:  # as another loader reads it
        events += _asked(inner)
    return events


def _events(stream: PickleStream, site: int) -> Iterator[tuple[str, str, str]]:
    machine = stream.machine
    opcode, callee = machine.site_opcode[site], machine.site_callee[site]
    if opcode in op.IMPORTS or (opcode == op.INST and machine.site_arguments[site] < 0):
        yield "import", *_named(stream, callee)
    elif opcode in op.CALLS:
        yield "call", *_named(stream, callee)
    elif opcode in (op.PERSID, op.BINPERSID):
        yield "persistent", "", ""
    elif opcode == op.BUILD:
        yield "state", "", ""


def _named(stream: PickleStream, node: int) -> tuple[str, str]:
    nodes = stream.machine.nodes
    if nodes.kind[node] == kd.EXTENSION:
        return "extmod", f"e{int.from_bytes(nodes.data[nodes.lo[node] : nodes.end(node)], 'little')}"
    return global_text(stream.machine, node) if nodes.kind[node] == kd.GLOBAL else ("", "")


def missed(first: int, count: int) -> Iterator[tuple[int, bytes, list[tuple[str, str, str]], int]]:
    """Yield (number, pickle, what we missed, how many of the loaders got through) of every pickle of the seeds."""
    command = [sys.executable, "-m", "tests.fuzz.loaders", str(first), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for number, (data, line) in enumerate(zip(cases(first, count), process.stdout, strict=True)):
            known = ours(data)
            answers = json.loads(line)
            asked = [Counter(tuple(event) for event in events) for _, events in answers]
            lost = sorted({event for events in asked for event in events - known})
            yield number, data, lost, sum(done for done, _ in answers)


def main(first: int, count: int) -> int:
    """Compare pickles of many seeds and say what was missed."""
    total = through = failures = 0
    for start in range(first, first + count, BATCH):
        for number, data, lost, done in missed(start, min(BATCH, first + count - start)):
            total += 1
            through += done
            if lost:
                failures += 1
                print(f"seed {start + number // 2}: missed {lost}: {data!r}")
        print(f"{total} pickles, half of them mutated: {failures} missed; {through} of {3 * total} loads got through")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
