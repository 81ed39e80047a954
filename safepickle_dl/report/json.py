"""JSON: the whole run in one object."""

from __future__ import annotations

import json
from collections.abc import Iterable

from safepickle_dl import __version__
from safepickle_dl.report.jsonl import clean
from safepickle_dl.report.tally import Tally
from safepickle_dl.types import ScanResult

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away; new fields do not raise it."""


def format_results(results: Iterable[ScanResult], model_version: str) -> str:
    """Return the report of a run: ASCII, and valid for strict parsers too.

    Args:
        results: The results in the order of the files.
        model_version: Version of the bundle that gave the scores.
    """
    results = list(results)
    tally = Tally.of(results)
    report = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "safepickle-dl", "version": __version__, "model": model_version},
        "results": [result.to_dict() for result in results],
        "summary": {
            **{verdict.value: count for verdict, count in tally.verdicts.items()},
            "files": tally.files,
            "bytes": tally.bytes,
            "seconds": round(tally.seconds, 4),
        },
    }
    return json.dumps(clean(report), allow_nan=False, indent=2) + "\n"
