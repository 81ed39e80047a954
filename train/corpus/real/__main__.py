"""The commands that write the facts about the real files, and fetch the files again.

python -m train.corpus.real import --corpus ../shared/corpus    # manifest of a folder to facts.jsonl, hashes checked
python -m train.corpus.real fetch --output FOLDER               # facts.jsonl to a folder that can stand in for it
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from train.corpus.real.facts import FACTS, import_facts, read_facts, write_facts
from train.corpus.real.fetch import BASE_URL, fetch


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
