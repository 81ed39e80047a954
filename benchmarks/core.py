"""Throughput of the core beside what others have: opcodes/s, MB/s, peak memory, growth from 10^3 to 10^7 opcodes.

python -m benchmarks.core [--picklescan PYTHON] [--output FILE] [--only INPUT ...] [--rounds N]

Each tool runs over each input in a process of its own, after its imports and on files that are in the page cache, on
one thread. Times are of the processor (user and system), which others on the machine disturb less than the clock's; the
JSON has both. Inputs are made here, and are safe; `unpickler` makes its own, since nothing else may be unpickled.
`torchscript` is the exported module, net included. Python that has picklescan installed is named by `--picklescan`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.core_inputs import INPUTS

TOOLS = ("genops", "unpickler", "picklescan", "lex", "core", "scan", "torchscript")
BUILDS = ("interpreted", "compiled")
OURS = ("lex", "core", "scan")
"""Tools that run once with each build of the core: instructions; slices; everything up to the verdict."""
WORKER = Path(__file__).with_name("core_worker.py")
TIMEOUT_S = 300


def variants(tools: Sequence[str], builds: Sequence[str]) -> list[tuple[str, str]]:
    """Return (tool, build of the core) for everything that is to be run."""
    return [(tool, build) for tool in tools for build in (builds if tool in OURS else ("",))]


def run(tool: str, build: str, name: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Return what a worker measured: opcodes, bytes, seconds of each round, peak memory; None if it could not run."""
    python = arguments.picklescan if tool == "picklescan" else sys.executable
    if not python:
        return None
    command = [python, str(WORKER), tool, name, str(folder), str(arguments.rounds), arguments.module or ""]
    environment = dict(os.environ, PYTHONPATH=str(WORKER.parent.parent), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    if build:
        environment["SAFEPICKLE_DL_CORE"] = build
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {TIMEOUT_S} s"}
    if done.returncode != 0:
        return {"failed": (done.stderr.strip().splitlines() or ["?"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def table(name: str, rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return the Markdown table of one input; ratios are speeds relative to genops and to picklescan."""
    lines = [
        f"\n### {INPUTS[name].description}\n",
        "| tool | CPU s (min) | median | M opcodes/s | MB/s | peak MiB | x genops | x picklescan |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    n_opcodes = max((row.get("opcodes") or 0 for row in rows.values()), default=0)
    for tool, row in rows.items():
        if "failed" in row:
            lines.append(f"| {tool} | {row['failed']} | | | | | | |")
            continue
        seconds = sorted(row["seconds"])
        best, median = seconds[0], seconds[len(seconds) // 2]
        ratios = [
            f"{min(rows[other]['seconds']) / best:.1f}" if "seconds" in rows.get(other, {}) else ""
            for other in ("genops", "picklescan")
        ]
        speed = f"{n_opcodes / best / 1e6:.2f}"
        lines.append(
            f"| {tool} | {best:.4f} | {median:.4f} | {speed} | {row['bytes'] / best / 1e6:.1f} | {row['peak_mib']:.0f} "
            f"| {' | '.join(ratios)} |"
        )
    return lines


def growth(results: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return the Markdown table of time against size: nanoseconds for each opcode."""
    sizes = [name for name in INPUTS if name.startswith("mixed_") and name in results]
    tools = list(dict.fromkeys(tool for name in sizes for tool in results[name]))
    lines = ["\n### Growth: CPU ns/opcode (peak MiB)\n", "| tool | " + " | ".join(sizes) + " |"]
    lines.append("|---|" + "--:|" * len(sizes))
    for tool in tools:
        cells = []
        for name in sizes:
            row = results[name].get(tool, {})
            n_opcodes = max((other.get("opcodes") or 0 for other in results[name].values()), default=0)
            fine = "seconds" in row and n_opcodes > 0
            cells.append(f"{min(row['seconds']) / n_opcodes * 1e9:.0f} ({row['peak_mib']:.0f})" if fine else "")
        lines.append(f"| {tool} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Make the inputs, run every tool on every input, print tables and write the numbers as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=__doc__)
    parser.add_argument("--picklescan", metavar="PYTHON", help="the interpreter of an environment that has picklescan")
    parser.add_argument("--module", metavar="FILE", help="the exported safepickle.ts")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write all numbers, as JSON")
    parser.add_argument("--only", nargs="+", choices=list(INPUTS), default=list(INPUTS), metavar="INPUT")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=TOOLS, metavar="TOOL")
    parser.add_argument("--builds", nargs="+", choices=BUILDS, default=BUILDS, metavar="BUILD")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each tool in each process (count)")
    arguments = parser.parse_args()
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            # in a process of its own: what this one holds would count as memory of all that it starts
            made = subprocess.run([sys.executable, "-m", "benchmarks.core_inputs", name, folder])
            if made.returncode != 0:
                print(f"\n### {INPUTS[name].description}\n\nnot run: its files could not be made")
                continue
            rows = results.setdefault(name, {})
            for tool, build in variants(arguments.tools, arguments.builds):
                row = run(tool, build, name, Path(folder), arguments)
                if row is not None:
                    rows[f"{tool} ({build})" if build else tool] = row
        print("\n".join(table(name, rows)), flush=True)
    print("\n".join(growth(results)))
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
