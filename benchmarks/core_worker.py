"""One tool of benchmarks.core over one input, in a process of its own: prints what it measured as JSON.

Started as a file, not as a module, so that a Python without this package can run picklescan with it.
"""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.core_inputs import INPUTS

Run = Callable[[], int]
"""Goes over all files once and returns the opcodes that it saw, 0 if it does not count them."""


class _NoGlobals(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name}")


def genops(files: list[Path]) -> Run:
    """Lex with the standard library."""
    return lambda: sum(sum(1 for _ in pickletools.genops(path.read_bytes())) for path in files)


def unpickler(name: str) -> Run:
    """Load, with C's Unpickler and without any import, pickles that this process makes itself."""
    pickles = INPUTS[name].pickles
    if pickles is None:
        raise SystemExit("not a plain pickle")
    own = pickles()

    def run() -> int:
        for data in own:
            _NoGlobals(io.BytesIO(data)).load()
        return 0

    return run


def picklescan(files: list[Path]) -> Run:
    """Scan with picklescan, in this process."""
    from picklescan.scanner import scan_file_path

    def run() -> int:
        for path in files:
            scan_file_path(str(path))
        return 0

    return run


def lex(files: list[Path]) -> Run:
    """Cut into instructions."""
    from safepickle_dl.core.lexer import Lexer

    def run() -> int:
        n = 0
        for path in files:
            data = path.read_bytes()
            lexer = Lexer(data, 0, len(data))
            more = True
            while more:
                more = lexer.read_block()
                n += lexer.count
        return n

    return run


def core(files: list[Path]) -> Run:
    """Cut into instructions, run the machine, write the slices."""
    from safepickle_dl.core.slices import Slices
    from safepickle_dl.limits import DEFAULT_LIMITS, Budget
    from safepickle_dl.reader import read_path
    from safepickle_dl.stream import read_stream

    def run() -> int:
        n = 0
        for path in files:
            data = read_path(path)
            machine = read_stream("", data, 0, len(data), Budget()).machine
            Slices(DEFAULT_LIMITS.max_tokens).add_machine(machine, 0)
            n += machine.n_instructions
        return n

    return run


def scan(files: list[Path]) -> Run:
    """From path to verdict."""
    from safepickle_dl import Scanner

    scanner = Scanner()
    return lambda: sum(stream.opcodes for path in files for stream in scanner.scan_path(path).streams)


def torchscript(files: list[Path], module: str) -> Run:
    """Bytes to score in the exported module."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    net = torch.jit.load(module)

    def run() -> int:
        with torch.jit.optimized_execution(False):
            for path in files:
                net(torch.from_numpy(np.fromfile(path, dtype=np.uint8)))
        return 0

    return run


def main() -> None:
    """Run the tool that the command line names: tool, input, folder, rounds, module."""
    tool, name, folder, rounds, module = sys.argv[1:]
    files = sorted(Path(folder).iterdir())
    tools: dict[str, Callable[[], Run]] = {
        "genops": lambda: genops(files),
        "unpickler": lambda: unpickler(name),
        "picklescan": lambda: picklescan(files),
        "lex": lambda: lex(files),
        "core": lambda: core(files),
        "scan": lambda: scan(files),
        "torchscript": lambda: torchscript(files, module),
    }
    if tool == "torchscript" and not module:
        raise SystemExit("no --module")
    run = tools[tool]()
    seconds: list[float] = []
    wall_seconds: list[float] = []
    n_opcodes = 0
    while len(seconds) < int(rounds) and sum(seconds) < 20:
        start, wall_start = time.process_time(), time.perf_counter()
        n_opcodes = run()
        seconds.append(time.process_time() - start)
        wall_seconds.append(time.perf_counter() - wall_start)
    print(
        json.dumps(
            {
                "opcodes": n_opcodes,
                "bytes": sum(path.stat().st_size for path in files),
                "seconds": seconds,
                "wall_seconds": wall_seconds,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
