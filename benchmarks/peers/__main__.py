"""Installs the peers and runs them.

python -m benchmarks.peers install [--folder data/peers] [--peer NAME ...]
python -m benchmarks.peers run --list FILES.txt --output results.jsonl [--folder data/peers] [--peer NAME ...]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path

from . import PEERS, install, scan_each
from .runner import LIMIT_S


def run(peers: list[str], files: Path, output: Path, folder: Path, limit_s: float) -> None:
    """Write one JSON line a peer and file; what `output` already holds is not asked again."""
    paths = [Path(line).absolute() for line in files.read_text(encoding="utf-8").splitlines() if line]
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
    done = {(row["peer"], row["path"]) for row in map(json.loads, lines)}
    with output.open("a", encoding="utf-8") as sink:
        for peer in peers:
            counts: Counter[str] = Counter()
            todo = [path for path in paths if (peer, str(path)) not in done]
            for result in scan_each(peer, todo, folder, limit_s):
                print(json.dumps(dataclasses.asdict(result)), file=sink, flush=True)
                counts[result.verdict] += 1
            print(peer, dict(counts), file=sys.stderr)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="The released scanners.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("install", "run"):
        command = commands.add_parser(name)
        command.add_argument("--folder", type=Path, default=Path("data/peers"), help="where the peers live")
        command.add_argument("--peer", nargs="+", choices=PEERS, default=list(PEERS), help="which (default: all)")
    command.add_argument("--list", type=Path, required=True, help="text file with one path a line")
    command.add_argument("--output", type=Path, required=True, help="JSON lines; an existing file is continued")
    command.add_argument("--limit-s", type=float, default=LIMIT_S, help="seconds for one file (default: %(default)s)")
    args = parser.parse_args()
    if args.command == "run":
        run(args.peer, args.list, args.output, args.folder, args.limit_s)
        return
    versions = install(args.peer, args.folder)
    for peer in args.peer:
        print(peer, versions[peer].get("version") or f"FAILED: {versions[peer]['reason']}")
    sys.exit(not all(versions[peer]["ok"] for peer in args.peer))


if __name__ == "__main__":
    main()
