"""Whole commands, from nothing to the exit code, beside bare Python, `import torch` and picklescan: time, peak memory.

python -m benchmarks.cold_start [--picklescan COMMAND] [--command COMMAND]

One small file without a call, one with calls, and a file of three million instructions. CPU time is the one to compare
on a shared machine. `benchmarks.core` writes the same tables into docs/speed.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.core_inputs import write_input

ROUNDS = 5
EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = ("benign_dict.pkl", "malicious_system.pkl")
LARGE = "mixed_3m"
BARE = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}


def run(command: list[str]) -> tuple[float, float, float]:
    """Return the wall time (s), the CPU time (s) and the peak resident memory (MiB) of one run."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def scanners(picklescan: str | None, installed: str | None) -> dict[str, list[str]]:
    """Return the commands that scan a file, without the file."""
    commands = {"safepickle-dl scan": [sys.executable, "-m", "safepickle_dl", "scan"]}
    if installed:
        commands["safepickle-dl scan, installed"] = [installed, "scan"]
    if picklescan:
        commands["picklescan -p"] = [picklescan, "-p"]
    return commands


def table(commands: dict[str, list[str]]) -> list[str]:
    """Run all commands in turns and return their times in Markdown.

    Each has run before, so that its bytecode is there, as pip leaves it.
    """
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for command in commands.values():
        run(command)
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs[name].append(run(command))
    lines = ["| command | median s | min s | CPU s, median | CPU s, min | peak MiB |", "|---|--:|--:|--:|--:|--:|"]
    for name, values in runs.items():
        wall, cpu, memory = zip(*values, strict=True)
        lines.append(
            f"| {name} | {statistics.median(wall):.3f} | {min(wall):.3f} "
            f"| {statistics.median(cpu):.3f} | {min(cpu):.3f} | {max(memory):.0f} |"
        )
    return lines


def report(picklescan: str | None, installed: str | None = None) -> list[str]:
    """Return the tables of small files and of a large one in Markdown."""
    commands = scanners(picklescan, installed)
    small = {f"{name} {file}": [*command, str(EXAMPLES / file)] for file in SMALL for name, command in commands.items()}
    lines = ["", "### Commands on one small file", "", *table(BARE | small)]
    with tempfile.TemporaryDirectory() as folder:
        write_input(LARGE, Path(folder))
        (file,) = Path(folder).iterdir()
        lines += ["", "### Commands on 3 million small opcodes", ""]
        lines += table({name: [*command, str(file)] for name, command in commands.items()})
    return lines


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--picklescan", metavar="COMMAND", help="picklescan, wherever it is installed")
    parser.add_argument("--command", metavar="COMMAND", help="an installed safepickle-dl to measure as well")
    arguments = parser.parse_args()
    print("\n".join(report(arguments.picklescan, arguments.command)))


if __name__ == "__main__":
    main()
