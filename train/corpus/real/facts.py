"""What is known about each real file: where it was published, its hash, its label; no contents.

`facts.jsonl` holds of each row of a folder's `manifest.jsonl` what `KEYS` names.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_name("facts.jsonl")
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
