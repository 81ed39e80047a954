"""The compiled core gives the same instructions, call sites and tokens as the interpreted one, bit for bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import lexer, machine, slices
from safepickle_dl.core import tokens as tk
from tests.core.compiled import NAME, ROOT, built, compiled_core
from tests.golden.regenerate import PICKLES

CORPUS = ROOT.parent / "shared" / "corpus"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(lexer.Lexer.__module__ == NAME, reason="the interpreted core is not running"),
]
INTERPRETED: Any = SimpleNamespace(Lexer=lexer.Lexer, Machine=machine.Machine, Slices=slices.Slices)
SITE_FIELDS = ("opcode", "at", "callee", "arguments", "result")
NODE_FIELDS = ("kind", "opcode", "lo", "hi", "extra", "use")


def trace(core: Any, data: bytes) -> dict[str, object]:
    """Return everything that a core makes of a pickle; joblib's arrays are run over as any other loader would."""
    lexer, machine = core.Lexer(data, 0, len(data)), core.Machine(data)
    instructions: list[list[int]] = []
    more = True
    while more:
        more = lexer.read_block()
        instructions.extend(list(buffer[: lexer.count]) for buffer in (lexer.ops, lexer.at, lexer.lo, lexer.hi))
        done = 0
        while done < lexer.count:
            done = machine.run(lexer, done)
            instructions.append([machine.pause])
            if machine.pause == kd.SKIP_ARRAY:
                instructions.append([machine.skip_bytes, machine.skip_padding])
    slices = core.Slices(10_000, 7)
    slices.add_machine(machine, 0)
    slices.add_machine(machine, 1)
    nodes, words = machine.nodes, slices.words
    return {
        "instructions": instructions,
        "sites": {f: list(getattr(machine, f"site_{f}")[: machine.n_sites]) for f in SITE_FIELDS},
        "nodes": {field: list(getattr(nodes, field)[: nodes.count]) for field in NODE_FIELDS},
        "machine": (
            machine.protocol,
            machine.n_instructions,
            machine.n_anomalies,
            machine.stopped,
            machine.depth,
            machine.size(),
        ),
        "tokens": list(slices.tokens[: slices.first[slices.count]]),
        "first": list(slices.first[: slices.count + 1]),
        "pairs": (list(slices.pair_source[: slices.n_pairs]), list(slices.pair_slice[: slices.n_pairs])),
        "grams": list(words.grams[: words.n_words * tk.N_GRAMS]),
    }


@pytest.mark.parametrize("name", PICKLES)
def test_golden_pickles(name: str) -> None:
    assert trace(compiled_core(), PICKLES[name]) == trace(INTERPRETED, PICKLES[name])


opcode = st.sampled_from(sorted(set(b"".join(PICKLES.values()))))
noise = st.binary(max_size=300)
streams = st.lists(st.one_of(st.sampled_from(sorted(PICKLES.values())), noise, opcode.map(lambda b: bytes([b])))).map(
    b"".join
)


@given(st.one_of(streams, noise))
@example(b"\x8e" + b"\xff" * 8 + b".")
@example(b"\x8d" + b"\xff" * 7 + b"\x7f.")
@example(b"p-1\ng-1\n" + b"p4611686018427387905\n" * 2 + b"g9\n.")
@example(b"(I99999999999999999999\nI0x" + b"f" * 40 + b"\nt.")
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes(data: bytes) -> None:
    assert trace(compiled_core(), data) == trace(INTERPRETED, data)


def test_mutations_of_pickles() -> None:
    source = random.Random(0)
    for data in PICKLES.values():
        for _ in range(20):
            mutated = bytearray(data * source.randrange(1, 4))
            for _ in range(source.randrange(1, 6)):
                mutated[source.randrange(len(mutated))] = source.randrange(256)
            assert trace(compiled_core(), bytes(mutated)) == trace(INTERPRETED, bytes(mutated))


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_sample_of_real_files() -> None:
    rows = [json.loads(line) for line in (CORPUS / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    sample = random.Random(1).sample([row["file"] for row in rows if row["size"] < 100_000], 150)
    for file in sample:
        data = (CORPUS / file).read_bytes()
        assert trace(compiled_core(), data) == trace(INTERPRETED, data), file


def test_an_index_outside_of_a_buffer_is_an_error() -> None:
    core = compiled_core()
    lexer = core.Lexer(b"NN", 0, 100)  # more than there is
    with pytest.raises(IndexError):
        while lexer.read_block():
            pass


def test_other_threads_run_meanwhile() -> None:
    core = compiled_core()
    data = b"N0" * 4_000_000 + b"N."
    ticks: list[float] = []
    ready, done = threading.Event(), threading.Event()

    def tick() -> None:
        ready.set()
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.0001)

    other = threading.Thread(target=tick)
    other.start()
    ready.wait()
    lexer, machine = core.Lexer(data, 0, len(data)), core.Machine(data)
    sys_interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # from here on the GIL changes hands only where it is let go
    try:
        before = len(ticks)
        while lexer.read_block():
            machine.run(lexer, 0)
        after = len(ticks)
    finally:
        sys.setswitchinterval(sys_interval)
        done.set()
    other.join()
    assert after > before


def test_the_tests_of_the_core_pass_on_it() -> None:
    """Run them in a process where the built extension is the core."""
    code = (
        "import importlib.util, sys, pytest\n"
        f"spec = importlib.util.spec_from_file_location({NAME!r}, {str(built())!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        f"sys.modules[{NAME!r}] = module\n"
        "from safepickle_dl.core import BUILD\n"
        "assert BUILD == 'compiled'\n"
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    tests = [
        "tests/core",
        "tests/test_streams.py",
        "tests/test_batch.py",
        "tests/test_scanner.py",
        "tests/test_render.py",
    ]
    command = [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", "-m", "not corpus", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


def test_the_source_is_there_once() -> None:
    assert [path.name for path in Path(lexer.__file__).parent.glob("*.py[xd]*")] == []
