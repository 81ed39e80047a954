"""Parity of the runtimes over files: interpreted and compiled core; numpy, ONNX Runtime, torch; TorchScript, C++.

python -m benchmarks.parity [--corpus FOLDER] [--limit N] [--program BUILD/safepickle_embed] [--module safepickle.ts]

Cores must agree bit for bit; nets in the verdict, and in the score within 1e-4. TorchScript and the C++ program get
each distinct region that the containers yield, the smallest first (the program as a file of its own). Regions above
--max-bytes, and those that --seconds leave no time for, are left out for them and counted. Prints what differs and a
summary; exits with 1 if anything does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from safepickle_dl.analysis import Analysis, analyse
from safepickle_dl.batch import SliceArrays, pad
from safepickle_dl.bundle import load_bundle, sigmoid
from safepickle_dl.containers import Region, open_file
from safepickle_dl.core import BUILD
from safepickle_dl.core import tokens as tk
from safepickle_dl.ensemble import Ensemble
from safepickle_dl.limits import DEFAULT_LIMITS
from safepickle_dl.reader import read_path
from safepickle_dl.scanner import Scanner

TOLERANCE = 1e-4
BATCH_REGIONS = 512
"""Regions that the C++ program gets at a time (count)."""
BATCH_BYTES = 16 << 20
"""Bytes of regions from which on it gets no more (bytes)."""
VERDICTS = ("benign", "suspicious", "malicious", "error", "skipped")
"""As the TorchScript module numbers them."""


def digest(analysis: Analysis) -> str:
    """Return a digest of everything that the core made of a file: places, call sites, tokens, trigrams."""
    slices = analysis.slices
    found = hashlib.sha256()
    for buffer, size in (
        (slices.tokens, slices.first[slices.count]),
        (slices.first, slices.count + 1),
        (slices.site, slices.count),
        (slices.source, slices.count),
        (slices.words.grams, slices.words.n_words * tk.N_GRAMS),
    ):
        found.update(np.asarray(memoryview(buffer)[:size]).tobytes())
    for stream in analysis.streams:
        machine = stream.machine
        found.update(repr((stream.start, stream.end, machine.n_instructions, machine.n_anomalies)).encode())
        found.update(np.asarray(memoryview(machine.site_opcode)[: machine.n_sites]).tobytes())
        found.update(np.asarray(memoryview(machine.site_at)[: machine.n_sites]).tobytes())
    return found.hexdigest()


def files_of(corpus: Path, limit: int | None) -> list[Path]:
    """Return the files of a folder with a manifest, or all files of any other folder."""
    manifest = corpus / "manifest.jsonl"
    if manifest.is_file():
        rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        return [corpus / row["file"] for row in rows][:limit]
    return sorted(path for path in corpus.rglob("*") if path.is_file())[:limit]


def digests_in_other_core(corpus: Path, limit: int | None) -> list[str]:
    """Return the digests of all files, in a process that runs the other build of the core."""
    other = "interpreted" if BUILD == "compiled" else "compiled"
    command = [sys.executable, "-m", "benchmarks.parity", "--corpus", str(corpus), "--digests"]
    if limit is not None:
        command += ["--limit", str(limit)]
    environment = dict(os.environ, SAFEPICKLE_DL_CORE=other)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"no {other} core: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return []
    return done.stdout.split()


class Torch:
    """The net in torch."""

    def __init__(self) -> None:
        """Load the weights of the shipped bundle."""
        from safepickle_dl.embed.module import load_net

        self.net = load_net(load_bundle())

    def highest(self, arrays: SliceArrays, chosen: Any) -> float:
        """Return the highest logit of a file."""
        import torch

        highest = -np.inf
        by_length = chosen[np.argsort(arrays.lengths[chosen])]
        with torch.no_grad():
            for part in np.array_split(by_length, max(1, int(arrays.lengths[chosen].sum()) // 4096)):
                if len(part):
                    highest = max(highest, float(self.net(torch.from_numpy(pad(arrays, part))).max()))
        return highest


def regions(path: Path) -> Iterator[bytes]:
    """Yield the bytes of each region of a file."""
    for part in open_file(read_path(path), DEFAULT_LIMITS):
        if isinstance(part, Region):
            yield bytes(part.data[part.start : part.end])


class Script:
    """The exported module in Python."""

    def __init__(self, path: str) -> None:
        """Load it."""
        import torch

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.load` is", DeprecationWarning)
            self.module = torch.jit.load(path)

    def run(self, data: bytes) -> tuple[float, str]:
        """Return score and verdict of a region."""
        import torch

        from safepickle_dl.embed.module import tensor_of

        with torch.jit.optimized_execution(False), torch.no_grad():
            found = self.module(tensor_of(data))
        return float(found["score"]), VERDICTS[int(found["verdict"])]


class Program:
    """The C++ example, which gets regions as files."""

    def __init__(self, program: str, module: str) -> None:
        """Name the program and its module."""
        self.command = [program, module]

    def run_all(self, all_regions: list[bytes]) -> list[tuple[float, str]]:
        """Return score and verdict of each region."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for i, data in enumerate(all_regions):
                paths.append(Path(folder) / f"{i}.bin")
                paths[-1].write_bytes(data)
            command = [*self.command, "--raw", *map(str, paths)]
            done = subprocess.run(command, capture_output=True, text=True)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        if len(rows) != len(all_regions):
            raise RuntimeError(f"the program printed {len(rows)} of {len(all_regions)} results: {done.stderr[-500:]}")
        return [(row["score"], row["verdict"]) for row in rows]


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--module", help="safepickle.ts")
    parser.add_argument("--program", help="the built C++ example; needs --module")
    parser.add_argument("--max-bytes", type=int, default=200_000, help="largest region for them (bytes)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time for TorchScript and C++ (seconds)")
    parser.add_argument("--digests", action="store_true", help="print the core's digests and nothing else")
    arguments = parser.parse_args()
    files = files_of(arguments.corpus, arguments.limit)
    if arguments.digests:
        for path in files:
            print(digest(analyse(read_path(path))))
        return 0
    scanner = Scanner()
    differences = compare_nets(files, scanner)
    if arguments.module:
        differences += compare_regions(files, scanner, arguments)
    others = digests_in_other_core(arguments.corpus, arguments.limit)
    if others:
        wrong = [path for path, other in zip(files, others, strict=True) if digest(analyse(read_path(path))) != other]
        differences += [f"{path}: the cores differ" for path in wrong]
        print(f"interpreted and compiled core: {len(files)} files, {len(wrong)} differ")
    print("\n".join(differences) or "no differences")
    return 1 if differences else 0


def compare_nets(files: list[Path], scanner: Scanner) -> list[str]:
    """Return in which files ONNX Runtime or torch differ from numpy, and print by how much at most."""
    from safepickle_dl.runtime.onnx import OnnxClassifier

    torch_, ensemble = Torch(), Ensemble(scanner.bundle)
    onnx = {name: OnnxClassifier(scanner.bundle.onnx_of(name)) for name in scanner.bundle.members}
    differences: list[str] = []
    worst = {"onnx": 0.0, "torch": 0.0}
    for path in files:
        result = scanner.scan_path(path)
        arrays = SliceArrays.of(analyse(read_path(path)).slices)
        chosen = np.flatnonzero(arrays.channel == 0)
        if len(chosen) == 0:
            continue
        each = {name: member.logits(arrays, chosen) for name, member in onnx.items()}
        found = {
            "onnx": (sigmoid(float(ensemble.combined(each).max())), result.score),
            "torch": (
                scanner.bundle.members["sequence"].probability(torch_.highest(arrays, chosen)),
                result.members["sequence"],
            ),
        }
        for name, (score, expected_score) in found.items():
            worst[name] = max(worst[name], abs(score - expected_score))
            if abs(score - expected_score) > TOLERANCE:
                differences.append(f"{path}: {name} {score}, numpy {expected_score}")
    print(f"{len(files)} files; largest difference of a score from numpy's: {_summary(worst)}", flush=True)
    return differences


def batches(distinct: dict[bytes, Path], max_bytes: int) -> Iterator[list[tuple[Path, bytes]]]:
    """Yield the regions that are small enough, with a file that each is of, the smallest first, some at a time."""
    batch: list[tuple[Path, bytes]] = []
    n_bytes = 0
    for data in sorted((data for data in distinct if len(data) <= max_bytes), key=len):
        batch.append((distinct[data], data))
        n_bytes += len(data)
        if len(batch) == BATCH_REGIONS or n_bytes > BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
    yield batch


def compare_regions(files: list[Path], scanner: Scanner, arguments: argparse.Namespace) -> list[str]:
    """Return in which regions TorchScript differs from numpy, or the C++ program from it; print how many were run."""
    script = Script(arguments.module)
    program = Program(arguments.program, arguments.module) if arguments.program else None
    distinct = {data: path for path in reversed(files) for data in regions(path)}
    differences: list[str] = []
    worst = {"torchscript": 0.0, "c++": 0.0}
    n_run = n_bytes = n_late = 0
    start = time.monotonic()
    for batch in batches(distinct, arguments.max_bytes):
        if time.monotonic() - start > arguments.seconds:
            n_late += len(batch)
            continue
        n_run += len(batch)
        n_bytes += sum(len(data) for _, data in batch)
        found = [script.run(data) for _, data in batch]
        expected = [scanner.scan_bytes(data) if _alone(data) else None for _, data in batch]
        known = [(one.score, one.verdict.value) if one else own for one, own in zip(expected, found, strict=True)]
        each = {"torchscript": (found, known)}
        if program:
            each["c++"] = (program.run_all([data for _, data in batch]), found)
        for name, (those, these) in each.items():
            for (path, data), (score, verdict), (other, right) in zip(batch, those, these, strict=True):
                worst[name] = max(worst[name], abs(score - other))
                if verdict != right or abs(score - other) > TOLERANCE:
                    what = f"{name} {verdict} {score}, not {right} {other}"
                    differences.append(f"{path}, {len(data)} bytes: {what}")
    n_large = len(distinct) - n_run - n_late
    print(f"{n_run} distinct regions, {n_bytes / 1e6:.1f} MB, for TorchScript{' and C++' if program else ''}")
    print(f"  left out: {n_large} too large, {n_late} for lack of time")
    print(f"  largest difference of a score: {_summary(worst)}", flush=True)
    return differences


def _summary(worst: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2g}" for name, value in worst.items())


def _alone(data: bytes) -> bool:
    """Return whether bytes are one region and nothing else (no archive behind the pickle)."""
    parts = list(open_file(data, DEFAULT_LIMITS))
    return len(parts) == 1 and isinstance(parts[0], Region) and (parts[0].start, parts[0].end) == (0, len(data))


if __name__ == "__main__":
    sys.exit(main())
