"""Throughput of the core beside what others have: opcodes/s, MB/s, peak memory, growth from 10^3 to 10^7 opcodes.

python -m benchmarks.core [--picklescan PYTHON] [--module FILE] [--output docs/speed.md] [--only INPUT ...] [--rounds N]

Each tool runs over each input in a process of its own, after its imports and on files that are in the page cache, on
one thread. Times are of the processor (user and system), which others on the machine disturb less than the clock's; the
JSON has both. Inputs are made here, and are safe; `unpickler` makes its own, since nothing else may be unpickled.
`torchscript` is the exported module, net included. Python that has picklescan installed is named by `--picklescan`.
The document has the whole commands of `benchmarks.cold_start` as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import cold_start
from benchmarks.core_inputs import INPUTS

TOOLS = ("genops", "unpickler", "picklescan", "lex", "core", "scan", "torchscript")
BUILDS = ("interpreted", "compiled")
OURS = ("lex", "core", "scan")
"""Tools that run once with each build of the core: instructions; slices; everything up to the verdict."""
WORKER = Path(__file__).with_name("core_worker.py")
TIMEOUT_S = 300

TEXT = """# Speed

Written by `python -m benchmarks.core` on {machine}, which others used at the same time: CPU seconds, the least of up to
{rounds} rounds and their median, one thread, each tool in a process of its own, over files in the page cache.

| tool | what it does |
|---|---|
| genops | `pickletools.genops`: instructions |
| unpickler | the C `pickle.Unpickler` on what the benchmark pickled itself, imports refused |
| picklescan | `scan_file_path` in one process |
| lex | our instructions |
| core | our instructions, call sites and slices |
| scan | from the path to the verdict: containers, core, nested pickles, nets |
| torchscript | the exported module, nets included |

picklescan stops at the first raw byte of a joblib file, and genops too: their rows of (c) are no reading of it.

Aims: lex compiled 50 times genops, core compiled 10 times, scan 20 times picklescan on three million opcodes,
TorchScript not slower than genops ([embedding](embedding.md) says why that is missed), the command on a small file
within twice picklescan's.
{tables}
"""


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
    """Run every tool on every input, print tables, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=__doc__)
    parser.add_argument("--picklescan", metavar="PYTHON", help="the interpreter of an environment that has picklescan")
    parser.add_argument("--module", metavar="FILE", help="the exported safepickle.ts")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write the document")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all numbers")
    parser.add_argument("--only", nargs="+", choices=list(INPUTS), default=list(INPUTS), metavar="INPUT")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=TOOLS, metavar="TOOL")
    parser.add_argument("--builds", nargs="+", choices=BUILDS, default=BUILDS, metavar="BUILD")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each tool in each process (count)")
    arguments = parser.parse_args()
    results: dict[str, dict[str, dict[str, Any]]] = {}
    lines: list[str] = []
    for name in arguments.only:
        rows = measured(name, arguments)
        if rows is None:
            print(f"\n{INPUTS[name].description}: not run, its files could not be made")
            continue
        results[name] = rows
        lines += table(name, rows)
        print("\n".join(table(name, rows)), flush=True)
    lines += growth(results)
    print("\n".join(growth(results)))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if arguments.output:
        command = Path(arguments.picklescan).with_name("picklescan") if arguments.picklescan else None
        lines += cold_start.report(str(command) if command else None)
        machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        text = TEXT.format(machine=machine, rounds=arguments.rounds, tables="\n".join(lines))
        arguments.output.write_text(text, encoding="utf-8")


def measured(name: str, arguments: argparse.Namespace) -> dict[str, dict[str, Any]] | None:
    """Return what every tool measured on an input; None if its files could not be made."""
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own: what this one holds would count as memory of all that it starts
        made = subprocess.run([sys.executable, "-m", "benchmarks.core_inputs", name, folder])
        if made.returncode != 0:
            return None
        for tool, build in variants(arguments.tools, arguments.builds):
            row = run(tool, build, name, Path(folder), arguments)
            if row is not None:
                rows[f"{tool} ({build})" if build else tool] = row
    return rows


def processor() -> str:
    """Return the name of the processor, if the system says it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
