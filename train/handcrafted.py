"""The handcrafted member: gradient-boosted trees over the named columns of a slice; a file scores as its worst slice.

python -m train.handcrafted --data data/corpus --output runs/handcrafted
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

from safepickle_dl.features import NAMES, features
from train.corpus.rows import slice_keys
from train.data import ALL_GROUPS, MADE_GROUPS, arrays_of, rows_of, source_of, source_weights
from train.judge.metrics import threshold_for
from train.trees import flat_trees, nodes_of, write_onnx, write_trees

TREES, FIRST_TREES = 150, 40
"""Trees of the model, and of each model before it that only finds the slices that matter (count)."""
ROUNDS = 1
"""How often those slices are found (count)."""
LEAVES = 31
LEAST_ROWS = 20
"""Distinct rows of columns in a leaf, at least (count)."""
LEARNING_RATE = 0.1
MAX_SLICES = 16
"""Slices of one training file that are looked at (count); a payload's are always among them."""
LISTED = 25
"""Columns whose importance is written (count)."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Files:
    """The call sites of many files. Legend: n files, s slices of all of them, d distinct slices, c columns."""

    columns: npt.NDArray[np.uint8]
    """(d, c)"""
    slice: Indices
    """(s,) which distinct slice it is."""
    file: Indices
    """(s,) whose it is, ascending."""
    payload: Mask
    """(s,) known to be an attack's."""
    group: npt.NDArray[np.str_]
    """(n,)"""
    source: npt.NDArray[np.str_]
    """(n,) its owner, library or gadget."""
    malicious: Mask
    """(n,)"""

    def highest(self, values: Floats) -> Floats:
        """Return the highest of the distinct slices' values (d,) in each file, (n,)."""
        result = np.full(len(self.group), -np.inf)
        np.maximum.at(result, self.file, values[self.slice])
        return result


def read_files(path: Path, groups: Sequence[str] = ALL_GROUPS, max_slices: int = 1 << 20, seed: int = 0) -> Files:
    """Read one split of the corpus.

    Args:
        path: made by `python -m train.corpus build`.
        groups: the groups of files that are read; those without a call site are left out.
        max_slices: slices that are drawn from a larger file, the payload's first (count).
        seed: of the drawing.
    """
    random = np.random.default_rng(seed)
    numbers: dict[bytes, int] = {}
    columns, slices, sizes, payload, group, source, malicious = [], [], [], [], [], [], []
    for row in rows_of(path, groups):
        arrays, is_payload = arrays_of(row), np.asarray(row["payload"], bool)
        chosen = np.flatnonzero(arrays.channel == 0)
        if len(chosen) == 0:
            continue
        if len(chosen) > max_slices:
            order = random.random(len(chosen)) - is_payload[chosen]
            chosen = chosen[np.argpartition(order, max_slices)[:max_slices]]
        every = slice_keys(arrays)
        keys = [every[k] for k in chosen]
        new = {key: k for key, k in zip(keys, chosen, strict=True) if key not in numbers}
        numbers |= {key: len(numbers) + i for i, key in enumerate(new)}
        if new:
            columns.append(features(arrays, np.array(list(new.values()))).astype(np.uint8))
        slices.append(np.array([numbers[key] for key in keys]))
        sizes.append(len(chosen))
        payload.append(is_payload[chosen])
        group.append(str(row["group"]))
        source.append(source_of(row))
        malicious.append(bool(row["label"]))
    return Files(
        columns=np.concatenate(columns),
        slice=np.concatenate(slices),
        file=np.repeat(np.arange(len(group)), sizes),
        payload=np.concatenate(payload),
        group=np.array(group),
        source=np.array(source),
        malicious=np.array(malicious),
    )


# --- training -------------------------------------------------------------------------------------------------------


def file_weights(files: Files, mixture: Mapping[str, float]) -> Floats:
    """Return the weight of each file, (n,): those of a group share the group's part of the mixture.

    In a group each owner, library or gadget has a share by the root of its number of files.
    """
    weights = np.zeros(len(files.group))
    for group, part in mixture.items():
        inside = files.group == group
        weights[inside] = part * source_weights(files.source[inside])
    return weights


def train_slices(files: Files, mixture: Mapping[str, float], seed: int) -> HistGradientBoostingClassifier:
    """Return trees that tell the slices of attacks from those of honest files.

    A slice that an honest file has is not an attack's. Of a made attack the payload's slices are known; of a real one
    all that are left are suspects. Since a file scores as its worst slice, a first model finds that slice in each file,
    and half of the file's weight goes there (of a real malicious file, all of it).
    """
    weights = file_weights(files, mixture)
    malicious = files.malicious[files.file]
    is_real = malicious & ~np.isin(files.group, MADE_GROUPS)[files.file]
    seen_honest = np.zeros(len(files.columns), bool)
    seen_honest[files.slice[~malicious]] = True
    suspect = malicious & ~seen_honest[files.slice] & (files.payload | is_real)
    sharing = np.where(
        files.malicious,
        np.maximum(np.bincount(files.file[suspect], minlength=len(files.group)), 1),
        np.sqrt(np.bincount(files.file)),
    )
    spread = (weights / sharing)[files.file]
    spread[malicious & ~suspect] = 0
    spread[~malicious] *= weights[~files.malicious].sum() / spread[~malicious].sum()

    first, inverse = _distinct(files.columns)
    x = files.columns[first]
    model = _boosted(x, *_summed(files, spread, inverse, len(x)), FIRST_TREES, seed)
    for remaining in reversed(range(ROUNDS)):
        logits = model.decision_function(x)[inverse][files.slice]
        worst = np.zeros(len(spread))
        for part in (suspect, ~malicious):
            at = _worst(logits, files.file, part)
            worst[at] = weights[files.file[at]]
        mixed = np.where(is_real, worst, (spread + worst) / 2)
        model = _boosted(x, *_summed(files, mixed, inverse, len(x)), FIRST_TREES if remaining else TREES, seed)
    return model


def _distinct(columns: npt.NDArray[np.uint8]) -> tuple[Indices, Indices]:
    """Return where each distinct row first stands, and which of these each row (d,) equals."""
    factors = np.random.default_rng(0).integers(1, 1 << 62, columns.shape[1])
    hashes = columns.astype(np.int64) @ factors
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first, inverse


def _worst(logits: Floats, file: Indices, part: Mask) -> Indices:
    """Return the index of the slice with the highest logit of each file, among those of `part` (s,)."""
    inside = np.flatnonzero(part)
    inside = inside[np.lexsort((logits[inside], file[inside]))]
    last = np.append(np.diff(file[inside]) > 0, True)
    return inside[last]


def _summed(files: Files, weights: Floats, inverse: Indices, n_rows: int) -> tuple[Floats, Floats]:
    """Return what each distinct row of columns weighs as an attack's and as an honest file's, each (rows,), sum 1."""
    malicious = files.malicious[files.file]
    rows = inverse[files.slice]
    sums = [np.bincount(rows[part], weights[part], minlength=n_rows) for part in (malicious, ~malicious)]
    return sums[0] / sums[0].sum(), sums[1] / sums[1].sum()


def _boosted(
    x: npt.NDArray[np.uint8], bad: Floats, good: Floats, n_trees: int, seed: int, monotonic: int = 0
) -> HistGradientBoostingClassifier:
    """Fit trees to rows of columns (r, c), of which each weighs `bad` (r,) as malicious and `good` (r,) as honest."""
    model = HistGradientBoostingClassifier(
        max_iter=n_trees,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_ROWS,
        learning_rate=LEARNING_RATE,
        l2_regularization=1.0,
        max_features=0.5,
        early_stopping=False,
        monotonic_cst=np.full(x.shape[1], monotonic),
        random_state=seed,
    )
    weights = np.concatenate([bad[bad > 0], good[good > 0]])
    labels = np.repeat([1, 0], [(bad > 0).sum(), (good > 0).sum()])
    x = np.concatenate([x[bad > 0], x[good > 0]]).astype(np.float32)
    return model.fit(x, labels, sample_weight=weights / weights.mean())


def file_maxima(files: Files) -> npt.NDArray[np.uint8]:
    """Return the maximum of each column over each file, (n, c)."""
    maxima = np.zeros((len(files.group), files.columns.shape[1]), np.uint8)
    np.maximum.at(maxima, files.file, files.columns[files.slice])
    return maxima


def train_files(files: Files, mixture: Mapping[str, float], seed: int) -> HistGradientBoostingClassifier:
    """Return trees over the maxima of each file, monotone in every column, so that nothing added can lower a score."""
    weights = file_weights(files, mixture)
    good, bad = (np.where(part, weights, 0) / weights[part].sum() for part in (~files.malicious, files.malicious))
    return _boosted(file_maxima(files), bad, good, TREES, seed, monotonic=1)


# --- what it is worth -----------------------------------------------------------------------------------------------


def figures(files: Files, scores: Floats) -> dict[str, dict[str, float]]:
    """Return AUROC, average precision and recall for scores of files (n,), on three pairs of groups and on all."""
    honest = ~files.malicious & ~np.isin(files.group, MADE_GROUPS)
    made = files.malicious & np.isin(files.group, MADE_GROUPS)
    twins = ~files.malicious & ~honest
    result = {}
    for name, bad, good in (
        ("real malicious, honest", files.malicious & ~made, honest),
        ("made attacks, honest", made, honest),
        ("made attacks, twins", made, twins),
        ("all", files.malicious, ~files.malicious),
    ):
        if not bad.any() or not good.any():
            continue
        labels = np.repeat([1, 0], [bad.sum(), good.sum()])
        both = np.concatenate([scores[bad], scores[good]])
        result[name] = {
            "malicious": int(bad.sum()),
            "benign": int(good.sum()),
            "auroc": round(float(roc_auc_score(labels, both)), 4),
            "average_precision": round(float(average_precision_score(labels, both)), 4),
            "recall at 1 %": round(float((scores[bad] >= threshold_for(scores[good], 0.01)).mean()), 4),
            "recall at 0.5 %": round(float((scores[bad] >= threshold_for(scores[good], 0.005)).mean()), 4),
        }
    return result


def importances(model: HistGradientBoostingClassifier, files: Files, seed: int) -> list[dict[str, Any]]:
    """Return the LISTED columns that the trees gain most by: their share of the gain, and what each is worth.

    Its worth is how much average precision over the files falls when the column is shuffled among the distinct slices.
    """
    gain = np.zeros(len(NAMES))
    for nodes in nodes_of(model):
        inner = nodes[nodes["is_leaf"] == 0]
        np.add.at(gain, inner["feature_idx"], inner["gain"])
    random = np.random.default_rng(seed)
    x = files.columns.astype(np.float32)
    whole = average_precision_score(files.malicious, files.highest(model.decision_function(x)))
    result = []
    for i in np.argsort(-gain)[:LISTED]:
        shuffled = x.copy()
        random.shuffle(shuffled[:, i])
        rest = average_precision_score(files.malicious, files.highest(model.decision_function(shuffled)))
        result.append(
            {"column": NAMES[i], "gain": round(gain[i] / gain.sum(), 4), "worth": round(float(whole - rest), 4)}
        )
    return result


def train(folder: Path, output: Path, mixture: Mapping[str, float], seed: int, compare: bool) -> dict[str, Any]:
    """Train, write the model in both forms, and return (and write) what it is worth on validation."""
    output.mkdir(parents=True, exist_ok=True)
    training = read_files(folder / "train.parquet", tuple(mixture), MAX_SLICES, seed)
    validation = read_files(folder / "validation.parquet")
    model = train_slices(training, mixture, seed)
    trees = flat_trees(model)
    write_trees(trees, output / "handcrafted.safetensors")
    write_onnx(trees, output / "handcrafted.onnx")
    scores = validation.highest(model.decision_function(validation.columns.astype(np.float32)))
    report: dict[str, Any] = {"seed": seed, "columns": len(NAMES), "nodes": len(trees["left"])}
    report["slices"] = figures(validation, scores)
    if compare:
        whole = train_files(training, mixture, seed).decision_function(file_maxima(validation).astype(np.float32))
        report["files, monotone"] = figures(validation, whole)
    report["importances"] = importances(model, validation, seed)
    (output / "handcrafted.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def main() -> None:
    """Parse the command line, train and print."""
    parser = argparse.ArgumentParser(prog="python -m train.handcrafted", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--output", type=Path, default=Path("runs/handcrafted"))
    parser.add_argument(
        "--config", type=Path, default=Path("configs/sequence.yaml"), help="its mixture of groups is used"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", action="store_true", help="train the monotone model of whole files too")
    arguments = parser.parse_args()
    mixture = yaml.safe_load(arguments.config.read_text(encoding="utf-8"))["data"]["init_args"]["mixture"]
    print(json.dumps(train(arguments.data, arguments.output, mixture, arguments.seed, arguments.compare), indent=2))


if __name__ == "__main__":
    main()
