"""Cold start of the command on one small file, beside bare Python, `import torch` and picklescan: time, peak memory.

python -m benchmarks.cold_start [--picklescan COMMAND] [--command COMMAND]

CPU time is the one to compare on a shared machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 7
SAMPLE = Path(__file__).parent.parent / "examples" / "benign_dict.pkl"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
    "safepickle-dl scan": [sys.executable, "-m", "safepickle_dl", "scan", str(SAMPLE)],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}


def run(command: list[str]) -> tuple[float, float, float]:
    """Return the wall time (s), the CPU time (s) and the peak resident memory (MiB) of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Run all commands in turns and print their times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--picklescan", metavar="COMMAND", help="picklescan, wherever it is installed")
    parser.add_argument("--command", metavar="COMMAND", help="an installed safepickle-dl to measure as well")
    arguments = parser.parse_args()
    commands = dict(COMMANDS)
    if arguments.picklescan:
        commands["picklescan -p"] = [arguments.picklescan, "-p", str(SAMPLE)]
    if arguments.command:
        commands["safepickle-dl scan, installed"] = [arguments.command, "scan", str(SAMPLE)]
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs[name].append(run(command))
    print("| command | median s | min s | CPU s, median | CPU s, min | peak MiB |\n|---|--:|--:|--:|--:|--:|")
    for name, values in runs.items():
        wall, cpu, memory = zip(*values, strict=True)
        print(
            f"| {name} | {statistics.median(wall):.3f} | {min(wall):.3f} "
            f"| {statistics.median(cpu):.3f} | {min(cpu):.3f} | {max(memory):.0f} |"
        )


if __name__ == "__main__":
    main()
