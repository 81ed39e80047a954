"""The model card of a bundle and the results in the project's README, from the bundle's own metrics.

python -m train.card checkpoints/safepickle-1 --metrics runs/judge/metrics.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from safepickle_dl.bundle import write_sums
from train.judge.ours import OURS
from train.judge.report import interval, table
from train.judge.verdicts import as_markdown

BEGIN, END = "<!-- results -->", "<!-- /results -->"

CARD = """---
{front_matter}---

# {name} {version}

{about} Made for tokenizer {tokenizer}. `config.json` has
architecture, weights, calibration and thresholds; `SHA256SUMS` the hashes that are checked on load. Nothing in it
is a pickle.

| member | weight of its logit | what it is |
|---|--:|---|
{members}

**Use**: to rank and gate pickle-based files before anybody loads them, through `safepickle-dl scan` or the Python API.
**Not for**: a proof that a file is safe. It cannot see what an overwritten installed module, a custom unpickler or the
loading program itself does, nor what a class's own code does with a harmless-looking state.

**Training**: real files of the train owners (split by owner of their repository, near-duplicates removed), attacks
and twins made by a grammar over listed and mined gadgets, and dumps of real libraries; see docs/dataset.md and
docs/training.md.
**Weights, calibration, thresholds**: from {validation_files} validation files (and the attacks' twins, for weights and
calibration). A file is `malicious` from the threshold of the stated rate of false alarms among honest validation files:

| rate | score |
|--:|--:|
{thresholds}

The rate of {fpr} is used unless another is asked for (`--fpr`); `suspicious` begins at the next rate that is at least
twice as large. Rates that the validation files are too few to show are read off the tail of their scores.

## Results

Test files: owners, libraries, gadget modules and templates that neither trained nor validated. Intervals: Clopper and
Pearson's, 95 %. The whole comparison with baselines, attacks and misses: docs/evaluation.md.

{sets}

Verdicts on the real test files. All of them:

{all_table}

Without near-duplicates of other files:

{distinct_table}

Strict malicious files missed: {missed}. Honest files flagged: {false_alarms}.
"""
ABOUT = {
    "sequence": "gated convolutions over the tokens of a call site ({architecture})",
    "handcrafted": "gradient-boosted trees over named columns of a call site",
    "anomaly": "how unusual a call site is to an autoencoder that saw honest ones alone",
}


def card_of(config: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Return the model card."""
    files = config["validation_files"]
    architecture = ", ".join(f"{key} {value}" for key, value in config["architecture"].items())
    members = [
        f"| {name} | {member['weight']:.3f} | {ABOUT[name].format(architecture=architecture)} |"
        for name, member in config["members"].items()
    ]
    several = len(members) > 1
    return CARD.format(
        front_matter=yaml.safe_dump(front_matter(config, metrics), sort_keys=False),
        name=config["name"],
        version=config["version"],
        about="An ensemble that scores the call sites of a pickle stream; the highest is the file's."
        if several
        else "A classifier that scores the call sites of a pickle stream; the highest is the file's.",
        tokenizer=config["tokenizer"],
        members="\n".join(members),
        validation_files=f"{files['benign']} honest and {files['malicious']} malicious",
        thresholds="\n".join(f"| {100 * float(rate):g} % | {p:.4f} |" for rate, p in config["thresholds"].items()),
        fpr=f"{100 * config['fpr']:g} %",
        sets=_sets(metrics),
        all_table=as_markdown(metrics["all"]),
        distinct_table=as_markdown(metrics["distinct"]),
        missed=", ".join(metrics["missed"]) or "none",
        false_alarms=", ".join(metrics["false_alarms"]) or "none",
    )


def _sets(metrics: dict[str, Any]) -> str:
    """Return a table of recall and false-positive rate on each test set, at the thresholds from validation."""
    figures = metrics["figures"]["sets"]
    points = list(next(iter(figures.values()))["points"])
    header = ["test set", "malicious", "honest"]
    header += [f"{what} at {point}" for point in points for what in ("recall", "FPR")] + ["AUROC"]
    rows = []
    for name, found in figures.items():
        cells: list[Any] = [name, found["malicious"], found["benign"]]
        for point in points:
            cells += [interval(found["points"][point][key]) for key in ("recall", "fpr")]
        rows.append([*cells, f"{found['auroc']:.3f}" if "auroc" in found else "-"])
    return table(header, rows)


def front_matter(config: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata that model hubs read, results included."""
    grouped = metrics["figures"]["sets"]["grouped"]
    point = grouped["points"]["1 %"]
    values = {
        "roc_auc": grouped["auroc"],
        "average_precision": grouped["average_precision"],
        "f1": point["f1"],
        "recall": point["recall"]["share"],
        "false_positive_rate": point["fpr"]["share"],
    }
    result = {
        "task": {"type": "other", "name": "malicious pickle detection"},
        "dataset": {"name": "grouped test split of safepickle-dl", "type": "safepickle-dl"},
        "metrics": [{"type": name, "value": round(float(value), 4)} for name, value in values.items()],
    }
    return {
        "license": "apache-2.0",
        "library_name": "safepickle-dl",
        "tags": ["security", "pickle", "malware-detection"],
        "model-index": [{"name": f"{config['name']} {config['version']}", "results": [result]}],
    }


def of_bundle(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return what the judge's metrics say of the bundle itself; the whole comparison is in docs/evaluation.md."""
    about = ("model", "all", "distinct", "missed", "false_alarms", "complete", "seconds", "sets", "samples", "misses")
    return {key: metrics[key] for key in about if key in metrics} | {
        "figures": metrics["detectors"][OURS],
        "search": metrics["search"].get(OURS),
    }


def main() -> None:
    """Write the card, the README's results and the bundle's hashes."""
    parser = argparse.ArgumentParser(prog="python -m train.card", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--metrics", type=Path, help="of the judge, to take over what they say of this bundle")
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    arguments = parser.parse_args()
    config = json.loads((arguments.bundle / "config.json").read_text(encoding="utf-8"))
    kept = arguments.bundle / "metrics.json"
    if arguments.metrics:
        judged = json.loads(arguments.metrics.read_text(encoding="utf-8"))
        kept.write_text(json.dumps(of_bundle(judged), indent=1) + "\n", encoding="utf-8")
    metrics = json.loads(kept.read_text(encoding="utf-8"))
    (arguments.bundle / "README.md").write_text(card_of(config, metrics), encoding="utf-8")
    write_sums(arguments.bundle)
    readme = arguments.readme.read_text(encoding="utf-8")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    table = as_markdown(metrics["all"])
    arguments.readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
