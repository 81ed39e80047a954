"""Mutated pickles through both builds of the core: `python -m tests.fuzz.cores SEED INPUTS`.

It runs on the interpreted core (SAFEPICKLE_DL_CORE=interpreted) and builds the compiled one beside it. Instructions,
call sites, nodes and tokens must be the same, bit for bit; what differs is written to tests/fuzz/failures.
"""

from __future__ import annotations

import sys
import time

from tests.core.compiled import compiled_core
from tests.core.test_compiled import INTERPRETED, trace
from tests.fuzz.__main__ import Inputs, kept


def main(seed: int, count: int) -> int:
    """Compare on `count` inputs, say how many differ and return the exit code."""
    compiled, inputs = compiled_core(), Inputs(seed)
    assert INTERPRETED.Lexer.__module__ != compiled.__name__, "SAFEPICKLE_DL_CORE=interpreted is needed"
    start = shown = time.monotonic()
    differing = 0
    for done in range(1, count + 1):
        data = inputs.next()
        if trace(compiled, data) != trace(INTERPRETED, data):
            differing += 1
            print(f"input {done} of seed {seed}: {kept(data)}", flush=True)
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            print(f"{done} inputs, {shown - start:.0f} seconds, {differing} differ", flush=True)
    print(f"{count} inputs of seed {seed}, {time.monotonic() - start:.0f} seconds, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
