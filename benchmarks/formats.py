"""The container matrix: one inert payload and one harmless dictionary in every wrapping, for us and for others.

    python -m benchmarks.formats --output docs/formats.md [--peers FOLDER]

`FOLDER` is where `python -m benchmarks.peers install` put the released scanners. The files are written to a temporary
folder, each with the name that its format usually has; nothing loads them.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safepickle_dl import Scanner
from tests.containers.wrappings import SUFFIXES, WRAPPINGS

OURS = "safepickle-dl"
SIGNS = {"malicious": "**M**", "suspicious": "s", "error": "E", "benign": "-", "clean": "-", "skipped": "n"}

TEXT = """# Formats

Written by `python -m benchmarks.formats`. The same inert payload (a call of `os.system` with `echo`) and the same
harmless dictionary in {n} wrappings, each under a name that its format usually has. Left the answer for the payload,
right the one for the dictionary: **M** malicious, s suspicious, - clean, n no pickle in it (skipped), E error or not
scanned. A "-" or an "n" on the left is a miss that looks like a clean bill of health.

{versions}

{counts}

{table}
"""


class Payload:
    """Pickles as an inert call; nothing here loads it."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Return the call."""
        return os.system, ("echo safepickle-dl",)


def write_files(folder: Path) -> list[tuple[str, Path, Path]]:
    """Write (wrapping, file with the payload, file with the dictionary) of each wrapping."""
    payload = pickle.dumps(Payload(), 4)
    harmless = pickle.dumps({"weights": [1, 2.5, "x"], "options": {"a": None}}, 4)
    files = []
    for number, (name, wrap) in enumerate(WRAPPINGS.items()):
        pair = []
        for kind, content in (("payload", payload), ("harmless", harmless)):
            path = folder / f"{number:02}_{kind}{SUFFIXES.get(name, '.pkl')}"
            path.write_bytes(wrap(content))
            pair.append(path)
        files.append((name, pair[0], pair[1]))
    return files


def our_answers(paths: Sequence[Path]) -> list[str]:
    """Return our verdicts."""
    return [str(result.verdict) for result in Scanner().scan_paths(paths)]


def peer_answers(paths: Sequence[Path], folder: Path) -> tuple[dict[str, list[str]], str]:
    """Return the verdicts of each released scanner that is installed in `folder`, and which versions they are."""
    from benchmarks.peers import PEERS, read_versions, scan

    versions = read_versions(folder)
    there = [peer for peer in PEERS if versions.get(peer, {}).get("ok")]
    answers = {peer: [result.verdict for result in scan(peer, paths, folder)] for peer in there}
    return answers, ", ".join(f"{peer} {versions[peer]['version']}" for peer in there)


def table(names: Sequence[str], answers: dict[str, list[str]]) -> str:
    """Return the matrix in Markdown."""
    lines = ["| wrapping | " + " | ".join(answers) + " |", "|---|" + "---|" * len(answers)]
    for i, name in enumerate(names):
        cells = [f"{SIGNS[verdicts[2 * i]]} / {SIGNS[verdicts[2 * i + 1]]}" for verdicts in answers.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def counts(answers: dict[str, list[str]]) -> str:
    """Return how often each scanner finds the payload and flags the dictionary, in Markdown."""
    lines = [
        "| scanner | payload malicious | suspicious | clean or skipped | error "
        "| harmless clean or skipped | suspicious | malicious | error |",
        "|---|" + "--:|" * 8,
    ]
    for scanner, verdicts in answers.items():
        payload, harmless = Counter(verdicts[::2]), Counter(verdicts[1::2])
        clean = [found["benign"] + found["clean"] + found["skipped"] for found in (payload, harmless)]
        cells = [payload["malicious"], payload["suspicious"], clean[0], payload["error"]]
        cells += [clean[1], harmless["suspicious"], harmless["malicious"], harmless["error"]]
        lines.append(f"| {scanner} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> int:
    """Write the matrix."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats", description="Write the container matrix.")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--peers", type=Path, help="folder of the installed released scanners")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder))
        paths = [path for _, *pair in files for path in pair]
        answers = {OURS: our_answers(paths)}
        versions = f"Scanners: {OURS} with {Scanner().model_version}"
        if args.peers:
            others, named = peer_answers(paths, args.peers)
            answers |= others
            versions += f"; {named}"
    names = [name for name, *_ in files]
    text = TEXT.format(n=len(files), versions=versions + ".", counts=counts(answers), table=table(names, answers))
    args.output.write_text(text, encoding="utf-8")
    missed = [name for i, name in enumerate(names) if answers[OURS][2 * i] != "malicious"]
    flagged = [name for i, name in enumerate(names) if answers[OURS][2 * i + 1] in ("malicious", "suspicious")]
    print(f"{len(names)} wrappings; missed: {missed}; flagged: {flagged}")
    return 1 if missed or flagged else 0


if __name__ == "__main__":
    sys.exit(main())
