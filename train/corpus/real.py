"""The real files: facts about them, and the commands that write the facts and fetch the files again.

    python -m train.corpus.real import --corpus ../shared/corpus    # manifest of a folder to real.jsonl, hashes checked
    python -m train.corpus.real fetch --output FOLDER               # real.jsonl to a folder that can stand in for it

`real.jsonl` holds facts alone (where a file was published, its hash, its label), no contents.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from train.corpus.fetch import BASE_URL, fetch

FACTS = Path(__file__).with_name("real.jsonl")
KEYS = ("file", "sha256", "size", "kind", "label", "source", "commit", "path", "stratum", "tier", "technique", "hard",
        "reconstructed", "variant_of", "modules")  # fmt: skip
"""What a row may say, in this order; what is false or empty is left out."""
_SHAPES = {
    "file": r"\w+/\w[\w-]*(\.\w+)?",
    "sha256": r"[0-9a-f]{64}",
    "source": r"\w[\w.-]*/[\w.-]*\w[\w.-]*",
    "commit": r"[0-9a-f]{40}",
    "path": r"[^\0\n]+",
}
"""What ends up in a path or in an argument of git."""


def check(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row.

    Raises:
        ValueError: a fact is missing or has not its shape.
    """
    for key, shape in _SHAPES.items():
        if not isinstance(row.get(key), str) or not re.fullmatch(shape, row[key], re.ASCII if key != "path" else 0):
            raise ValueError(f"{row.get('file')}: {key} is no {shape}: {row.get(key)!r}")
    if not isinstance(row.get("size"), int) or row["size"] < 0:
        raise ValueError(f"{row['file']}: size is {row.get('size')!r}")
    return row


def import_facts(corpus: Path) -> list[dict[str, Any]]:
    """Return the facts about the files of a folder, by file name.

    Raises:
        ValueError: a row is malformed, or a file is not what its row says.
        OSError: a file or the manifest cannot be read.
    """
    facts = []
    for row in read_facts(corpus / "manifest.jsonl"):
        data = (corpus / row["file"]).read_bytes()
        if (len(data), hashlib.sha256(data).hexdigest()) != (row["size"], row["sha256"]):
            raise ValueError(f"{row['file']} is not the file that the manifest names")
        facts.append({key: row[key] for key in KEYS if row.get(key)} | {"size": row["size"]})
    return sorted(facts, key=lambda row: row["file"])


def read_facts(path: Path = FACTS) -> list[dict[str, Any]]:
    """Return the rows of a manifest, checked.

    Raises:
        ValueError: a row is malformed.
    """
    with path.open(encoding="utf-8") as lines:
        return [check(json.loads(line)) for line in lines]


def write_facts(rows: Iterable[dict[str, Any]], path: Path = FACTS) -> None:
    """Write a manifest, one row a line."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for row in rows:
            lines.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and do it; return the exit code: 1 if a file could not be had."""
    parser = argparse.ArgumentParser(prog="python -m train.corpus.real", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="write the facts about a folder of files")
    importing.add_argument("--corpus", type=Path, required=True, help="folder with manifest.jsonl and its files")
    importing.add_argument("--facts", type=Path, default=FACTS, help="where to (default: %(default)s)")
    fetching = commands.add_parser("fetch", help="fetch the files from public git repositories")
    fetching.add_argument("--output", type=Path, required=True, help="folder for the files and manifest.jsonl")
    fetching.add_argument("--facts", type=Path, default=FACTS, help="which files (default: %(default)s)")
    fetching.add_argument("--base-url", default=BASE_URL, help="what precedes owner/repository (default: %(default)s)")
    fetching.add_argument("--limit", type=int, help="only so many files, the first ones")
    given = parser.parse_args(arguments)
    if given.command == "import":
        facts = import_facts(given.corpus)
        write_facts(facts, given.facts)
        print(f"{len(facts)} files", file=sys.stderr)
        return 0
    result = fetch(read_facts(given.facts)[: given.limit], given.output, given.base_url)
    write_facts(result.present, given.output / "manifest.jsonl")
    for title, failures in (("not fetchable", result.unpublished), ("failed", result.failed)):
        for file, reason in failures.items():
            print(f"{title}: {file}: {reason}", file=sys.stderr)
    print(f"{len(result.present)} files, {len(result.unpublished)} not fetchable, {len(result.failed)} failed")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
