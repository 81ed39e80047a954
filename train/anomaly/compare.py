"""What the autoencoder adds: against other novelty detectors on the same slices, and beside the sequence classifier.

python -m train.anomaly.compare --data data/corpus --weights data/anomaly/anomaly.safetensors --output runs/anomaly.json

Everything is of the validation split; false alarms are among its honest files without the twins of attacks. LOF,
isolation forest and one-class SVM read a slice as its bag of (role, id) counts, reduced by a truncated SVD; their score
of a file is its highest slice's, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from scipy.sparse import csr_matrix
from scipy.stats import spearmanr
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, normalize
from sklearn.svm import OneClassSVM

from safepickle_dl.batch import SliceArrays
from safepickle_dl.core import tokens as tk
from safepickle_dl.runtime.novelty import NoveltyScorer
from safepickle_dl.runtime.numpy import NumpyClassifier
from train.anomaly.__main__ import highest_scores
from train.anomaly.data import HonestSlices
from train.data import ALL_GROUPS, FileDataset, honest_files
from train.ensemble import MemberLogits, fit_weights, member_logits
from train.judge.metrics import spread, threshold_for
from train.logits import distinct_keys

RATES = {"recall at 1 %": 0.01, "recall at 5 %": 0.05}
N_COMPONENTS = 32
FOLDS = 5

Floats = npt.NDArray[np.float64]
Slice = tuple[SliceArrays, int]

DETECTORS: dict[str, Callable[[int], Any]] = {
    "LocalOutlierFactor": lambda seed: LocalOutlierFactor(novelty=True),
    "IsolationForest": lambda seed: IsolationForest(random_state=seed),
    "OneClassSVM": lambda seed: OneClassSVM(nu=0.05),
}
"""Makers of scikit-learn's; the higher their `score_samples`, the more usual."""


def counts(slices: Sequence[Slice]) -> csr_matrix:
    """Return how often each (role, id) is in each slice, (k, roles * ids)."""
    tokens = [arrays.tokens[arrays.first[k] : arrays.first[k + 1]] for arrays, k in slices]
    flat = np.concatenate(tokens)
    role, word = flat & ((1 << tk.ID_SHIFT) - 1), (flat >> tk.ID_SHIFT) & ((1 << (tk.WORD_SHIFT - tk.ID_SHIFT)) - 1)
    rows = np.repeat(np.arange(len(slices)), [len(part) for part in tokens])
    return csr_matrix((np.ones(len(flat)), (rows, role * tk.N_IDS + word)), (len(slices), tk.N_ROLES * tk.N_IDS))


def outlyingness(detector: Any, seed: int, fitted: Sequence[Slice], judged: Sequence[Slice]) -> Floats:
    """Return how unusual each judged slice is to a detector fitted on honest ones, (k,)."""
    scaled = FunctionTransformer(lambda matrix: normalize(matrix.log1p()))
    pipeline = make_pipeline(scaled, TruncatedSVD(N_COMPONENTS, random_state=seed), detector).fit(counts(fitted))
    return -np.asarray(pipeline.score_samples(counts(judged)), np.float64)


def distinct(data: FileDataset) -> tuple[list[Slice], list[npt.NDArray[np.int64]]]:
    """Return the distinct slices of a data set, and which of them each file has."""
    slices: list[Slice] = []
    number: dict[bytes, int] = {}
    of_file = []
    for arrays, chosen in zip(data.arrays, data.chosen, strict=True):
        keys = distinct_keys(arrays, chosen)
        for k, key in zip(chosen.tolist(), keys, strict=True):
            if key not in number:
                number[key] = len(slices)
                slices.append((arrays, k))
        of_file.append(np.array([number[key] for key in keys]))
    return slices, of_file


def figures(scores: Floats, labels: Floats, honest: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return recall at the false-positive rates, and AUROC, of malicious files against `honest` ones."""
    malicious = labels == 1
    found = {name: float((scores[malicious] >= threshold_for(scores[honest], r)).mean()) for name, r in RATES.items()}
    kept = malicious | honest
    return found | {"auroc": float(roc_auc_score(labels[kept], scores[kept]))}


def beside(logits: MemberLogits, labels: Floats, honest: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return the figures of the first member alone and of both, each file scored by weights that others fitted."""
    alone, both, weights = np.zeros(len(labels)), np.zeros(len(labels)), []
    strata = labels + 2 * honest
    for fitted, left_out in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(labels, strata):
        for scores, used in ((alone, [0]), (both, [0, 1])):
            part = logits.logits[:, used]
            w, intercept = fit_weights(MemberLogits(part, [logits.slices[i] for i in fitted]), labels[fitted])
            scores[left_out] = MemberLogits(part, [logits.slices[i] for i in left_out]).highest(w)[0] + intercept
        weights.append([round(float(x), 4) for x in w])
    sequence, novelty = (np.array([logits.logits[chosen, m].max() for chosen in logits.slices]) for m in (0, 1))
    return {
        "sequence": figures(alone, labels, honest),
        "sequence and autoencoder": figures(both, labels, honest),
        "weights": weights,
        "rank correlation": {
            "malicious": float(spearmanr(sequence[labels == 1], novelty[labels == 1]).statistic),
            "honest": float(spearmanr(sequence[honest], novelty[honest]).statistic),
        },
    }


def compare(
    folder: Path,
    weights: Sequence[Path],
    sequence: Path | None,
    mixture: Mapping[str, float],
    n_fitted: int,
    seeds: int,
    groups: Sequence[str] = ALL_GROUPS,
) -> dict[str, Any]:
    """Return the figures of every method, mean and deviation over seeds.

    Args:
        folder: of the corpus.
        weights: of autoencoders, one for each seed.
        sequence: weights of the sequence classifier; None: leave it out.
        mixture: group of honest files to how much its slices weigh.
        n_fitted: slices, drawn by weight, that the others are fitted on (count).
        seeds: of the others (count).
        groups: of validation files.
    """
    data = FileDataset(folder / "validation.parquet", 1 << 20, groups=groups)
    labels, honest = np.array(data.labels), honest_files(data)
    runs = {"autoencoder": [figures(highest_scores(NoveltyScorer(path), data), labels, honest) for path in weights]}
    training = HonestSlices(folder / "train.parquet", mixture)
    judged, of_file = distinct(data)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        drawn = random.choice(len(training), n_fitted, p=training.weights / training.weights.sum())
        fitted = [training.slices[i] for i in drawn]
        for name, make in DETECTORS.items():
            of_slice = outlyingness(make(seed), seed, fitted, judged)
            scores = np.array([of_slice[chosen].max() for chosen in of_file])
            runs.setdefault(name, []).append(figures(scores, labels, honest))
    result: dict[str, Any] = {
        "files": {"malicious": int((labels == 1).sum()), "honest": int(honest.sum())},
        "methods": {
            name: {key: spread([run[key] for run in of_seeds]) for key in of_seeds[0]}
            for name, of_seeds in runs.items()
        },
    }
    if sequence:
        logits = member_logits([NumpyClassifier(sequence), NoveltyScorer(weights[0])], data)
        result["beside"] = beside(logits, labels, honest)
    return result


def table(result: Mapping[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = ["| method | recall at 1 % | recall at 5 % | AUROC |", "|---|--:|--:|--:|"]
    for name, of in result["methods"].items():
        cells = [_cell(of[key]) for key in (*RATES, "auroc")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if "beside" in result:
        for name in ("sequence", "sequence and autoencoder"):
            cells = [f"{value:.3f}" for value in result["beside"][name].values()]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: Mapping[str, float]) -> str:
    return f"{value['mean']:.3f}" + (f" ± {value['std']:.3f}" if value["seeds"] > 1 else "")


def main() -> None:
    """Parse the command line, compare, write and print."""
    parser = argparse.ArgumentParser(prog="python -m train.anomaly.compare", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="autoencoders, one for each seed")
    parser.add_argument("--sequence", type=Path, default=Path("checkpoints/safepickle-1/sequence.safetensors"))
    parser.add_argument("--config", type=Path, default=Path("configs/autoencoder.yaml"), help="has the mixture")
    parser.add_argument("--fitted", type=int, default=6000, help="slices that the others are fitted on")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("runs/anomaly.json"))
    given = parser.parse_args()
    mixture = yaml.safe_load(given.config.read_text(encoding="utf-8"))["data"]["init_args"]["mixture"]
    result = compare(given.data, given.weights, given.sequence, mixture, given.fitted, given.seeds)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))
    if "beside" in result:
        print(json.dumps({key: result["beside"][key] for key in ("weights", "rank correlation")}))


if __name__ == "__main__":
    main()
