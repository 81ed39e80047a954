"""The judge's metrics as Markdown for people. Nothing is computed here but sums over families of attacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from train.judge.metrics import FPRS
from train.judge.verdicts import as_markdown

HEAD = """# Evaluation

Written by `python -m train.evaluate`; do not edit. Test files belong to owners, libraries, gadget modules and
templates that neither trained nor validated anything; near-duplicates are removed before the split. Thresholds are
those that let 1 %, 0.5 % and 0.1 % of the honest *validation* files through, of real people and real libraries, each
of which counts by the root of its number of files; the twins, honest files made to look like attacks, have sets of
their own. The false-positive rate (FPR) beside each recall is what came true on test; *realised* is the recall where
0.5 % of the set's own honest files pass. Intervals are Clopper and Pearson's, 95 %, of the first seed; "±" is the
standard deviation over seeds. Released scanners, which have no threshold, are shown at their own levels (*flagged*:
their malicious level; *strict*: anything but clean), on all real files and a sample of the others.
"""


def as_report(metrics: Mapping[str, Any], roc: str = "roc.png") -> str:
    """Return the report; `roc` is where the picture of the ROC lies, as seen from the report."""
    parts = [
        HEAD,
        _data(metrics),
        f"![ROC over the whole test split, logarithmic in the FPR]({roc})\n",
        *(_set(chosen, metrics["detectors"]) for chosen in metrics["sets"]),
    ]
    parts += [_attacks(metrics), _search(metrics), _techniques(metrics)]
    if "all" in metrics:
        parts += [_verdicts(metrics)]
    parts += [_misses(metrics), _not_run(metrics)]
    return "\n".join(part for part in parts if part)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> str:
    """Return a Markdown table; all but the first `left` columns are right-aligned."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * left}{'--:|' * (len(header) - left)}"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return "-" if value is None else f"{100 * value:.{digits}f}"


def interval(share: Mapping[str, Any]) -> str:
    """Return a share with its interval: `97.1 (94 to 99)`."""
    if share["share"] is None:
        return "-"
    return f"{percent(share['share'])} ({percent(share['low'], 0)} to {percent(share['high'], 0)})"


def _data(metrics: Mapping[str, Any]) -> str:
    files = metrics["corpus"]["files"]
    groups = sorted({group for split in files.values() for group in split.get("group", {})})
    rows = [[group, *(files[split].get("group", {}).get(group, 0) for split in files)] for group in groups]
    cues = ", ".join(f"{name} {value:.3f}" for name, value in metrics["trivial_cues"].items())
    return (
        "## Data\n\n"
        + table(["files", *files], rows)
        + "\nThe trivial-cue classifier (size, opcode count, protocol, streams, container), fitted on the files "
        + f"of an origin that train and tested on the test files of the same: AUROC {cues}. On made files it should "
        "know nothing (0.5); real malicious files are tiny and real honest ones are not, which no sampling mends.\n"
    )


def _set(chosen: Mapping[str, Any], detectors: Mapping[str, Any]) -> str:
    rows = []
    for name, result in detectors.items():
        figures = result["sets"][chosen["name"]]
        seeds = figures["over_seeds"]
        for point, values in figures["points"].items():
            spread = seeds[point].get("recall", {}).get("std", 0)
            rows.append(
                [
                    name,
                    point,
                    interval(values["recall"]) + (f" ± {percent(spread)}" if spread else ""),
                    interval(values["fpr"]),
                    f"{values['f1']:.3f}" if figures["malicious"] else "-",
                    percent(figures.get("recall_at_realised") if point in FPRS else None),
                    f"{figures['auroc']:.3f}" if "auroc" in figures else "-",
                    f"{figures['average_precision']:.3f}" if "average_precision" in figures else "-",
                    f"{figures['ece']:.3f}" if "ece" in figures else "-",
                ]
            )
    first = next(iter(detectors.values()))["sets"][chosen["name"]]
    counts = f"{first['malicious']} malicious, {first['benign']} honest files"
    header = ["detector", "at", "recall, %", "FPR, %", "F1", "realised, %", "AUROC", "AP", "ECE"]
    return f"## {chosen['name'].capitalize()}: {chosen['question']}\n\n{counts}.\n\n" + table(header, rows, left=2)


def _attacks(metrics: Mapping[str, Any]) -> str:
    shown = dict.fromkeys(metrics["detectors"], "1 %")
    for name, result in metrics["detectors"].items():
        point = next(iter(next(iter(result["sets"].values()))["points"]))
        shown[name] = "1 %" if point == "1 %" else point
    families: dict[str, list[str]] = defaultdict(list)
    for attack in max((r["attacks"] for r in metrics["detectors"].values()), key=len):
        families[attack.partition(":")[0]].append(attack)
    rows = []
    for family, names in families.items():
        for attack in [*names, family] if len(names) > 1 else names:
            members = names if attack == family else [attack]
            cells = [_cell(result["attacks"], members, shown[name]) for name, result in metrics["detectors"].items()]
            rows.append([f"**{attack}**" if attack == family else attack, *cells])
    text = (
        f"## Attacks\n\n{metrics['samples']} malicious files of the test split, attacked one way at a time. Each cell: "
        "detections lost / detected before, at the 1 % threshold (released scanners: flagged). An attack that does not "
        "fit a file is not counted for it. Bold: all variants of a family together.\n\n"
    )
    return text + table(["attack", *metrics["detectors"]], rows)


def _cell(attacks: Mapping[str, Any], names: Sequence[str], point: str) -> str:
    found = [attacks[name][point] for name in names if name in attacks]
    if not found:
        return "-"
    return f"{sum(f['lost'] for f in found)} / {sum(f['clean']['hits'] for f in found)}"


def _search(metrics: Mapping[str, Any]) -> str:
    rows = [
        [name, interval(result["evaded"]), result["evaded"]["files"], result["median_queries"] or "-"]
        for name, result in metrics["search"].items()
    ]
    budget = max((result["budget"] for result in metrics["search"].values()), default=0)
    text = (
        f"## Black-box search\n\nDetected files (1 % threshold) that are mutated until they pass, with at most "
        f"{budget} queries for each: opcode forms, names, hiding, bland callers, honest surroundings, padding.\n\n"
    )
    return text + table(["detector", "evaded, %", "files", "median queries"], rows)


def _techniques(metrics: Mapping[str, Any]) -> str:
    names = list(next(iter(metrics["techniques"].values()), {}))
    rows = [
        [technique, next(iter(shares.values()))["files"], *(percent(shares[name]["share"], 0) for name in names)]
        for technique, shares in metrics["techniques"].items()
    ]
    return "## Techniques\n\nRecall in percent at the 1 % threshold, made attacks of the test split.\n\n" + table(
        ["technique", "files", *names], rows
    )


def _verdicts(metrics: Mapping[str, Any]) -> str:
    seconds, complete = metrics["seconds"], metrics["complete"]
    return (
        f"## Verdicts of the scanner\n\n{metrics['model']}, all real files of the test owners, from bytes to verdict. "
        f"Read to the end: {percent(complete['share'])} %. Median {1000 * seconds['median']:.1f} ms a file, highest "
        f"{seconds['highest']:.1f} s.\n\n"
        + as_markdown(metrics["all"])
        + "\n\nWithout near-duplicates of other files:\n\n"
        + as_markdown(metrics["distinct"])
        + "\n"
    )


def _misses(metrics: Mapping[str, Any]) -> str:
    misses: Mapping[str, Sequence[str]] = metrics["misses"]
    lists = "".join(f"- {kind.replace('_', ' ')}: {', '.join(names) or 'none'}\n" for kind, names in misses.items())
    return f"## Misses\n\nReal and dumped files that safepickle-dl gets wrong at the 1 % threshold:\n\n{lists}"


def _not_run(metrics: Mapping[str, Any]) -> str:
    installed = {name: about for name, about in metrics.get("peer_versions", {}).items() if about.get("ok")}
    lines = [f"- {name}: {about.get('version', '?')}" for name, about in installed.items()]
    lines += [f"- {name}: not run: {reason}" for name, reason in metrics["not_run"].items()]
    heading = "## Versions of the released scanners, and what was not run"
    return f"{heading}\n\n{chr(10).join(lines)}\n" if lines else ""
