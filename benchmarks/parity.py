"""Parity of the runtimes over files: interpreted and compiled core; numpy, ONNX Runtime, torch; TorchScript, C++.

python -m benchmarks.parity [--corpus FOLDER] [--limit N] [--program BUILD/safepickle_embed] [--module safepickle.ts]

Cores must agree bit for bit; nets in the verdict, and in the score within 1e-4. TorchScript and the C++ program get
each region that the containers yield (the latter as a file of its own); a region above --max-bytes is left out for
them and counted. Prints what differs and a summary; exits with 1 if anything does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
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
    parser.add_argument("--max-bytes", type=int, default=200_000, help="largest region for TorchScript (bytes)")
    parser.add_argument("--digests", action="store_true", help="print the core's digests and nothing else")
    arguments = parser.parse_args()
    files = files_of(arguments.corpus, arguments.limit)
    if arguments.digests:
        for path in files:
            print(digest(analyse(read_path(path))))
        return 0
    differences = compare(files, arguments)
    others = digests_in_other_core(arguments.corpus, arguments.limit)
    if others:
        wrong = [path for path, other in zip(files, others, strict=True) if digest(analyse(read_path(path))) != other]
        differences += [f"{path}: the cores differ" for path in wrong]
        print(f"interpreted and compiled core: {len(files)} files, {len(wrong)} differ")
    print("\n".join(differences) or "no differences")
    return 1 if differences else 0


def compare(files: list[Path], arguments: argparse.Namespace) -> list[str]:
    """Return what differs between the runtimes, and print how much was compared."""
    from safepickle_dl.runtime.onnx import OnnxClassifier

    scanner, torch_ = Scanner(), Torch()
    ensemble = Ensemble(scanner.bundle)
    onnx = {name: OnnxClassifier(scanner.bundle.onnx_of(name)) for name in scanner.bundle.members}
    script = Script(arguments.module) if arguments.module else None
    differences: list[str] = []
    worst = {"onnx": 0.0, "torch": 0.0, "torchscript": 0.0, "c++": 0.0}
    queue: list[tuple[Path, str, float, bytes]] = []
    n_regions = n_left_out = 0
    for path in files:
        result = scanner.scan_path(path)
        arrays = SliceArrays.of(analyse(read_path(path)).slices)
        chosen = np.flatnonzero(arrays.channel == 0)
        has_call_sites = len(chosen) > 0
        if has_call_sites:
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
        if script is None:
            continue
        for data in regions(path):
            if len(data) > arguments.max_bytes:
                n_left_out += 1
                continue
            n_regions += 1
            score, verdict = script.run(data)
            if _alone(data):
                expected = scanner.scan_bytes(data)
                worst["torchscript"] = max(worst["torchscript"], abs(score - expected.score))
                if abs(score - expected.score) > TOLERANCE or verdict != expected.verdict.value:
                    text = f"torchscript {verdict} {score}, numpy {expected.verdict.value} {expected.score}"
                    differences.append(f"{path}: {text}")
            queue.append((path, verdict, score, data))
    if arguments.program:
        found = Program(arguments.program, arguments.module).run_all([data for *_, data in queue])
        for (path, verdict, score, _), (cpp_score, cpp_verdict) in zip(queue, found, strict=True):
            worst["c++"] = max(worst["c++"], abs(score - cpp_score))
            if verdict != cpp_verdict or abs(score - cpp_score) > TOLERANCE:
                differences.append(f"{path}: c++ {cpp_verdict} {cpp_score}, torchscript {verdict} {score}")
    print(f"{len(files)} files; largest difference of a score from numpy's:")
    print("".join(f"  {name}: {value:.2g}\n" for name, value in worst.items()), end="")
    if script is not None:
        print(f"regions for TorchScript{' and C++' if arguments.program else ''}: {n_regions}; too large: {n_left_out}")
    return differences


def _alone(data: bytes) -> bool:
    """Return whether bytes are one region and nothing else (no archive behind the pickle)."""
    parts = list(open_file(data, DEFAULT_LIMITS))
    return len(parts) == 1 and isinstance(parts[0], Region) and (parts[0].start, parts[0].end) == (0, len(data))


if __name__ == "__main__":
    sys.exit(main())
