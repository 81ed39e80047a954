"""Cold start of the command on one small file, beside bare Python and `import torch`: wall time and peak memory.

python -m benchmarks.cold_start
"""

from __future__ import annotations

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
    "python -c 'import onnxruntime'": [sys.executable, "-c", "import onnxruntime"],
    "safepickle-dl scan": [sys.executable, "-m", "safepickle_dl", "scan", str(SAMPLE)],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}


def run(command: list[str]) -> tuple[float, float]:
    """Return the wall time (s) and peak resident memory (MiB) of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    """Run all commands in turns and print medians and ratios."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    memory: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            wall_s, peak_mib = run(command)
            times[name].append(wall_s)
            memory[name].append(peak_mib)
    floor = statistics.median(times["python -c pass"])
    print("| command | median s | min s | peak MiB | times `python -c pass` |\n|---|--:|--:|--:|--:|")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.3f} | {min(values):.3f} | {max(memory[name]):.0f} | {median / floor:.1f} |")


if __name__ == "__main__":
    main()
