"""Which honest files of the corpus are not read to the end, and why: `python -m benchmarks.coverage --output FILE`.

Every file of the manifest is scanned; none is loaded. The exit code is 1 if a file ends in an internal error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from safepickle_dl import Scanner
from safepickle_dl.report.escape import printable
from safepickle_dl.scanner import INTERNAL_ERROR
from safepickle_dl.types import ScanResult, Verdict

TEXT = """# Coverage

Written by `python -m benchmarks.coverage`: {n} files of the corpus, none loaded. Internal errors: {n_internal}.
"Read to the end" counts files that were read as far as any loader would read them, those without a pickle among them.

| files | {verdicts} | read to the end |
|---|{dashes}
{rows}

Honest files that are not read to the end, or have no pickle in them:

| repository | file | verdict | why |
|---|---|---|---|
{listed}
"""


def group_of(row: dict[str, str]) -> str:
    """Return the name under which a file is counted: its label, fixtures apart."""
    return "fixtures" if row["file"].startswith("fixtures/") else row["label"]


def reason(result: ScanResult) -> str:
    """Return why a file was not read to the end, or what else is known."""
    return printable(result.error or "; ".join(result.notes) or "no pickle in it").replace("|", "\\|")


def main() -> int:
    """Scan the corpus and write the list."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description="Write what is not read.")
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    manifest = (args.corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = sorted((json.loads(line) for line in manifest), key=lambda row: str(row["file"]))
    results = list(Scanner(jobs=args.jobs).scan_paths(args.corpus / row["file"] for row in rows))
    counts: dict[str, Counter[str]] = {}
    listed = []
    for row, result in zip(rows, results, strict=True):
        count = counts.setdefault(group_of(row), Counter())
        count[result.verdict.value] += 1
        count["read"] += result.coverage.complete
        if row["label"] == "benign" and not (result.coverage.complete and result.streams):
            listed.append(f"| {row['source']} | {row['path']} | {result.verdict} | {reason(result)} |")
    slowest = max(results, key=lambda result: result.seconds)
    verdicts = [verdict.value for verdict in Verdict]
    table = [
        f"| {group} | " + " | ".join(str(count[name]) for name in [*verdicts, "read"]) + " |"
        for group, count in sorted(counts.items())
    ]
    n_internal = sum(INTERNAL_ERROR in (result.error or "") for result in results)
    text = TEXT.format(
        n=len(rows),
        n_internal=n_internal,
        verdicts=" | ".join(verdicts),
        dashes="--:|" * (len(verdicts) + 1),
        rows="\n".join(table),
        listed="\n".join(listed),
    )
    args.output.write_text(text, encoding="utf-8")
    print(f"{len(rows)} files, {len(listed)} honest ones listed, {n_internal} internal errors")
    print(f"slowest: {slowest.path}, {slowest.seconds:.1f} s")
    return 1 if n_internal else 0


if __name__ == "__main__":
    sys.exit(main())
