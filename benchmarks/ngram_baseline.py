"""The throw-away baseline that a net has to beat, on the same files and splits, threshold from validation.

Hashed character n-grams of each call site's text, a linear model, the maximum over call sites.

    python -m benchmarks.ngram_baseline --config configs/corpus.yaml
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from datasets import load_dataset
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from safepickle_dl.analysis import analyse
from safepickle_dl.reader import read_path
from safepickle_dl.render import arguments_text, callee_text, opcode_name
from train.export import threshold_for

GROUPS = ("benign", "benign-hard", "fixture", "malicious-strict")
PER_FILE = 60
"""Call sites of one file that are trained on (count)."""


def call_site_texts(path: Path) -> list[str]:
    """Return the distinct texts of a file's call sites."""
    texts = set()
    for stream in analyse(read_path(path)).streams:
        machine = stream.machine
        for i in range(machine.n_sites):
            texts.add(
                f"{opcode_name(machine.site_opcode[i])} {callee_text(machine, machine.site_callee[i])} "
                f"{arguments_text(machine, machine.site_arguments[i], 400)}"
            )
    return sorted(texts)


def read_split(corpus: Path, data: Path, split: str) -> tuple[list[list[str]], np.ndarray, list[str]]:
    """Return texts per file, labels and groups of one split (the rows that the net trains or is judged on)."""
    table: Any = load_dataset("parquet", data_files=str(data / f"{split}.parquet"), split="train")
    rows = [row for row in table.select_columns(["file", "label", "group"]) if row["group"] in GROUPS]
    texts = [call_site_texts(corpus / row["file"]) or [""] for row in rows]
    return texts, np.array([row["label"] for row in rows]), [row["group"] for row in rows]


def scores_of(model: LogisticRegression, vectorizer: HashingVectorizer, files: list[list[str]]) -> np.ndarray:
    """Return the highest score of each file's call sites, (n,)."""
    return np.array([model.decision_function(vectorizer.transform(texts)).max() for texts in files])


def main() -> None:
    """Train, choose the threshold on validation, report on test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/corpus.yaml"))
    config = yaml.safe_load(parser.parse_args().config.read_text())
    corpus, data = Path(config["corpus"]), Path(config["output"])
    random = np.random.default_rng(0)
    vectorizer = HashingVectorizer(analyzer="char", ngram_range=(2, 5), n_features=1 << 18, alternate_sign=False)
    files, labels, _ = read_split(corpus, data, "train")
    kept = [list(random.permutation(texts)[:PER_FILE]) for texts in files]
    owner = np.repeat(np.arange(len(kept)), [len(texts) for texts in kept])
    matrix = vectorizer.transform([text for texts in kept for text in texts])
    positive = labels[owner] == 1
    for _ in range(3):  # first every call site of a malicious file counts, then only its highest
        model = LogisticRegression(C=30, class_weight="balanced", max_iter=300)
        chosen = positive | (labels[owner] == 0)
        model.fit(matrix[chosen], positive[chosen])
        values = model.decision_function(matrix)
        highest = np.full(len(kept), -np.inf)
        np.maximum.at(highest, owner, values)
        positive = (labels[owner] == 1) & (values >= highest[owner] - 1e-9)
    files, labels, _ = read_split(corpus, data, "validation")
    validation = scores_of(model, vectorizer, files)
    report: dict[str, Any] = {}
    files, _, groups = read_split(corpus, data, "test")
    test = scores_of(model, vectorizer, files)
    for fpr in (0.01, 0.03, 0.05):
        threshold = threshold_for(validation[labels == 0], fpr)
        report[f"fpr {fpr}"] = {
            "validation_recall": float((validation[labels == 1] >= threshold).mean()),
            **{group: float((test[np.array(groups) == group] >= threshold).mean()) for group in sorted(set(groups))},
        }
    report["files"] = {group: groups.count(group) for group in sorted(set(groups))}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
