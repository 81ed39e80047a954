"""What each member of a bundle is worth: each alone, pairs and all, with weights fitted to each choice.

python -m train.members --bundle checkpoints/safepickle-1 --data data/corpus --output docs/members.md
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from safepickle_dl.bundle import Bundle, load_bundle
from safepickle_dl.ensemble import MAKERS
from train.data import ALL_GROUPS, MADE_GROUPS, FileDataset, honest_files, source_weights
from train.ensemble import MemberLogits, fit_weights, member_logits
from train.judge.metrics import threshold_for

SHOWN = (0.005, 0.01)
"""Shares of the ordinary honest files that pass."""
HEAD = (
    "| members | weights | 0.5 %: attacks | real | twins | 1 %: attacks | real | twins | made AP | real AP |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
)


def choices(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every choice of one or more of the members, small ones first."""
    return list(chain.from_iterable(combinations(names, k) for k in range(1, len(names) + 1)))


def figures(scores: npt.NDArray[np.float64], data: FileDataset) -> list[float]:
    """Return what HEAD names behind the weights.

    Args:
        scores: (n,) of the files of `data`.
        data: validation files.
    """
    labels, groups = np.array(data.labels), np.array(data.groups)
    honest, made = honest_files(data), np.isin(groups, MADE_GROUPS)
    weights = source_weights(np.array(data.sources)[honest].tolist())
    found = []
    for share in SHOWN:
        flagged = scores >= threshold_for(scores[honest], share, weights)
        found += [float(flagged[part & (labels == bad)].mean()) for part, bad in ((made, 1), (~made, 1), (made, 0))]
    return found + [float(average_precision_score(labels[part], scores[part])) for part in (made, ~made)]


def as_report(bundle: Bundle, data: FileDataset, logits: MemberLogits) -> str:
    """Return the table.

    Args:
        bundle: whose members they are.
        data: validation files.
        logits: of the bundle's members, in their order.
    """
    names = list(bundle.members)
    lines = [
        "# Members of the ensemble",
        "",
        "Written by `python -m train.members`; not edited.",
        "",
        f"{bundle.version}, validation split: {len(data)} files. Weights are fitted to each choice, on the same files: "
        "three numbers at most. Recall of made attacks and of real malicious files, and twins flagged, at thresholds "
        "that 0.5 and 1 % of the ordinary honest files reach (owners and libraries weigh by the root of their number "
        "of files); average precision (AP) of attacks against twins, and of real malicious files against honest ones.",
        "",
        *HEAD,
    ]
    for chosen in choices(names):
        part = MemberLogits(logits.logits[:, [names.index(name) for name in chosen]], logits.slices)
        weights, _ = fit_weights(part, np.array(data.labels))
        cells = [f"{value:.3f}" for value in figures(part.highest(weights)[0], data)]
        lines.append(f"| {', '.join(chosen)} | {', '.join(f'{w:.2f}' for w in weights)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Parse the command line, measure and write."""
    parser = argparse.ArgumentParser(prog="python -m train.members", description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a bundle's folder (default: the one that ships)")
    parser.add_argument("--data", type=Path, default=Path("data/corpus"))
    parser.add_argument("--output", type=Path, required=True, help="Markdown file")
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    data = FileDataset(given.data / "validation.parquet", 1 << 20, groups=ALL_GROUPS)
    members = [MAKERS[name](bundle.path / f"{name}.safetensors") for name in bundle.members]
    given.output.write_text(as_report(bundle, data, member_logits(members, data)), encoding="utf-8")


if __name__ == "__main__":
    main()
