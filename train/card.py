"""The model card of a bundle and the results in the project's README, from the bundle's own metrics.

python -m train.card checkpoints/safepickle-1 --metrics runs/judge/metrics.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from safepickle_dl.bundle import write_sums
from train.judge.ours import OURS
from train.judge.verdicts import as_markdown

BEGIN, END = "<!-- results -->", "<!-- /results -->"

CARD = """---
license: apache-2.0
tags: [security, pickle, malware-detection]
library_name: safepickle-dl
---

# {name} {version}

One sequence classifier (gated convolutions; {architecture}) that scores the call sites of a pickle stream. Made for
tokenizer {tokenizer}. `config.json` has calibration and thresholds, `SHA256SUMS` the hashes that are checked on load.

**Use**: to rank and gate pickle-based files before anybody loads them, through `safepickle-dl scan` or the Python API.
**Not for**: a proof that a file is safe. It cannot see what an overwritten installed module, a custom unpickler or the
loading program itself does.

**Training**: real files of the train owners (split by owner of their repository, near-duplicates removed), attacks
and twins made by a grammar over listed and mined gadgets, and dumps of real libraries; see docs/training.md.
**Calibration and thresholds**: on {validation_files} validation files; `malicious` from {malicious}, `suspicious` from
{suspicious}.

## Results

Real files of owners that neither trained nor validated. "Distinct" leaves out near-duplicates of other files.
Intervals are Clopper and Pearson's, 95 %.

All of them:

{all_table}

The distinct ones:

{distinct_table}

Strict malicious files missed: {missed}. Honest files flagged: {false_alarms}.
"""


def threshold_text(threshold: dict[str, float]) -> str:
    """Return a threshold for people."""
    return f"{threshold['probability']:.3f} ({100 * threshold['fpr']:g} % false alarms on validation)"


def card_of(config: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Return the model card."""
    files = config["validation_files"]
    return CARD.format(
        name=config["name"],
        version=config["version"],
        architecture=", ".join(f"{key} {value}" for key, value in config["architecture"].items()),
        tokenizer=config["tokenizer"],
        validation_files=f"{files['benign']} honest and {files['malicious']} malicious",
        malicious=threshold_text(config["thresholds"]["malicious"]),
        suspicious=threshold_text(config["thresholds"]["suspicious"]),
        all_table=as_markdown(metrics["all"]),
        distinct_table=as_markdown(metrics["distinct"]),
        missed=", ".join(metrics["missed"]) or "none",
        false_alarms=", ".join(metrics["false_alarms"]) or "none",
    )


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
