"""The judge: verdicts of a bundle on the real files of the test owners, whom nothing was trained or tuned on.

    python -m train.evaluate --config configs/corpus.yaml --output checkpoints/safepickle-1/metrics.json

Counted twice: over all their files, and over the distinct ones (those without a near-duplicate in any split).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from datasets import load_dataset
from scipy.stats import beta

from safepickle_dl.scanner import Scanner
from safepickle_dl.types import ScanResult, Verdict
from train.corpus.build import group_of, read_manifest
from train.corpus.splits import owner_of, split_of

FLAGGED = (Verdict.MALICIOUS, Verdict.SUSPICIOUS)


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact confidence interval of a share (Clopper and Pearson 1934)."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def share(hits: int, n: int) -> dict[str, Any]:
    """Return a share with its interval."""
    low, high = clopper_pearson(hits, n)
    return {"hits": hits, "files": n, "share": round(hits / n, 4), "low": round(low, 4), "high": round(high, 4)}


def table_of(results: Iterable[tuple[str, ScanResult]]) -> dict[str, Any]:
    """Return verdict counts and shares by group."""
    verdicts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for group, result in results:
        verdicts[group][result.verdict] += 1
    table = {}
    for group, counts in sorted(verdicts.items()):
        n = sum(counts.values())
        table[group] = {
            "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
            "malicious": share(counts[Verdict.MALICIOUS], n),
            "flagged": share(sum(counts[verdict] for verdict in FLAGGED), n),
        }
    return table


def as_markdown(table: dict[str, Any]) -> str:
    """Return the table for people."""
    lines = [
        f"| files | n | {' | '.join(verdict.value for verdict in Verdict)} | malicious, 95 % interval | flagged |",
        f"|---|--:|{'--:|' * len(Verdict)}--:|--:|",
    ]
    for group, row in table.items():
        counts = " | ".join(str(row["verdicts"][verdict.value]) for verdict in Verdict)
        shares = " | ".join(
            f"{100 * row[key]['share']:.1f} % ({100 * row[key]['low']:.1f} to {100 * row[key]['high']:.1f})"
            for key in ("malicious", "flagged")
        )
        lines.append(f"| {group} | {row['malicious']['files']} | {counts} | {shares} |")
    return "\n".join(lines)


def test_rows(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the manifest rows of the test owners."""
    named, percent = config["named_owners"], config["percent"]
    return [
        row
        for row in read_manifest(Path(config["corpus"]))
        if split_of(owner_of(row["source"]), named, percent) == "test"
    ]


def evaluate(config: dict[str, Any], model: Path | None, jobs: int) -> dict[str, Any]:
    """Scan the test owners' files and return the metrics."""
    rows: Sequence[dict[str, Any]] = test_rows(config)
    scanner = Scanner(model, jobs=jobs)
    paths = [Path(config["corpus"]) / row["file"] for row in rows]
    results = list(zip(rows, scanner.scan_paths(paths), strict=True))
    parquet = Path(config["output"]) / "test.parquet"
    distinct = set(load_dataset("parquet", data_files=str(parquet), split="train")["file"])
    return {
        "model": scanner.model_version,
        "split": "owners held out from training and validation",
        "all": table_of((group_of(row), result) for row, result in results),
        "distinct": table_of((group_of(row), result) for row, result in results if row["file"] in distinct),
        "missed": sorted(
            row["file"]
            for row, result in results
            if group_of(row) == "malicious-strict" and result.verdict not in FLAGGED
        ),
        "false_alarms": sorted(
            row["file"] for row, result in results if row["label"] == "benign" and result.verdict in FLAGGED
        ),
    }


def main() -> None:
    """Parse the command line, evaluate, write and print."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/corpus.yaml"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=Path, help="a JSON file for the metrics")
    arguments = parser.parse_args()
    metrics = evaluate(yaml.safe_load(arguments.config.read_text()), arguments.model, arguments.jobs)
    if arguments.output:
        arguments.output.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    for name in ("all", "distinct"):
        print(f"\n{name} files of the test owners\n\n{as_markdown(metrics[name])}")


if __name__ == "__main__":
    main()
