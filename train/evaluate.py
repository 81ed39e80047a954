"""The judge: safepickle-dl and every baseline on the same test files, clean and attacked.

    python -m train.evaluate --config configs/judge.yaml

Writes `metrics.json`, plots and TensorBoard events, and the report for people. Nothing of the test split is looked at
before, by anyone who trains or chooses. What could not be run is named in the report, with the reason.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from joblib import Parallel, delayed
from jsonargparse import ArgumentParser
from tqdm import tqdm

from benchmarks.peers import PEERS, read_versions
from safepickle_dl.bundle import bundle_version
from safepickle_dl.scanner import Scanner
from train.corpus.config import CorpusConfig
from train.corpus.draw import Draw
from train.corpus.sources import Sources, group_of
from train.corpus.splits import owner_of
from train.judge.allowlist import AllowList
from train.judge.attacks import attacks
from train.judge.cues import TrivialCues, cue_report
from train.judge.detector import Detector, Row
from train.judge.files import attacked_rows, bytes_of, read_rows, row_of, samples_of
from train.judge.metrics import share
from train.judge.ngrams import Ngrams
from train.judge.ours import OURS, SafepickleDL
from train.judge.peers import Peer
from train.judge.plots import write_plots
from train.judge.report import as_report
from train.judge.safepickle import SAFEPICKLE
from train.judge.search import search
from train.judge.sets import chosen_sets, seen_in
from train.judge.trial import Attacked, Trial, results_of, run_trial
from train.judge.verdicts import FLAGGED, table_of

SEARCHED = (OURS, "n-grams", "SafePickle RandomForest", "SafePickle CatBoost")
"""The detectors that answer a thousand queries in reasonable time."""
PEER_ATTACKS = (
    "append: 10^2", "append: 10^4", "inject: start", "inject: middle", "synonyms", "naming", "hiding", "bland",
    "nesting", "parser breaker", "carrier",
)  # fmt: skip
"""Families of attacks that the released scanners see: they are slow, and longer padding tells nothing new of them."""


@dataclass
class JudgeConfig:
    """What `configs/judge.yaml` says."""

    corpus: str = "configs/corpus.yaml"
    """The configuration that `python -m train.corpus build` was given."""
    output: str = "runs/judge"
    """Folder for `metrics.json`, plots and TensorBoard events."""
    report: str | None = None
    """Markdown file for people; None: only into `output`."""
    bundles: list[str] = field(default_factory=list)
    """Bundles of safepickle-dl, one a seed; none: the one that ships with the package."""
    earlier: list[str] = field(default_factory=list)
    """Bundles of earlier versions, to compare with."""
    peers: str | None = None
    """Folder that `python -m benchmarks.peers install` wrote; None: no released scanner is run."""
    seeds: int = 5
    """Fits of each baseline that learns (count)."""
    attacked_made: int = 60
    """Made attacks that are attacked further (count)."""
    attacked_real: int = 40
    """Real ones (count)."""
    longest_padding: int = 10**6
    """Of the attacks that pad (opcodes)."""
    peer_files: int = 300
    """Dumps and made files of the test split that each released scanner sees, beside all real ones (count)."""
    peer_samples: int = 8
    """Attacked files that each sees of each attack (count)."""
    searched: int = 30
    """Detected files that the black-box search starts from (count)."""
    budget: int = 1000
    """Queries of one search (count)."""
    workers: int = 2
    """Processes that search (count)."""


def say(text: str) -> None:
    """Tell what is going on."""
    print(text, file=sys.stderr, flush=True)


def corpus_config(path: str) -> CorpusConfig:
    """Return the configuration of the corpus."""
    return CorpusConfig(**yaml.safe_load(Path(path).read_text(encoding="utf-8")))


def detectors(config: JudgeConfig) -> list[tuple[Callable[[], Detector], int]]:
    """Return (maker, fits) of every detector but the peers."""
    bundles = [Path(path) for path in config.bundles] or [None]
    makers: list[tuple[Callable[[], Detector], int]] = [(partial(SafepickleDL, bundles), len(bundles))]
    makers += [(partial(SafepickleDL, [Path(path)], bundle_version(path)), 1) for path in config.earlier]
    makers += [(make, config.seeds) for make in (*SAFEPICKLE, Ngrams, TrivialCues)]
    return [*makers, (AllowList, 1)]


def judge(config: JudgeConfig) -> dict[str, Any]:
    """Run everything and return the metrics."""
    corpus = corpus_config(config.corpus)
    sources, folder = Sources(corpus), Path(corpus.output)
    makers = detectors(config)
    learned = {name for make, _ in makers if not isinstance(make(), SafepickleDL) for name in make().columns}
    splits = {
        "train": read_rows(folder, "train", learned),
        "validation": read_rows(folder, "validation", learned | set(SafepickleDL.columns)),
        "test": read_rows(folder, "test", learned | {*SafepickleDL.columns, "data", "complete"}),
    }
    test = splits["test"]
    sets = chosen_sets(test, seen_in(splits["train"]))
    samples = samples_of(test, sources, config.attacked_made, config.attacked_real)
    clean = [row for sample in samples if (row := row_of(sample.stream, sample.name)) is not None]
    if len(clean) != len(samples):
        raise RuntimeError("a sample of the attacks holds no pickle")
    hosts = sources.hosts("test")
    attacked = attacked_rows(
        attacks(config.longest_padding), samples, hosts, partial(tqdm, desc="attacks", unit="attack")
    )
    metrics: dict[str, Any] = {
        "config": asdict(config),
        "corpus": json.loads((folder / "summary.json").read_text(encoding="utf-8")),
        "trivial_cues": cue_report(splits["train"], test),
        "sets": [{"name": s.name, "question": s.question, "files": len(s.rows)} for s in sets],
        "samples": len(samples),
        "detectors": {},
        "search": {},
        "not_run": {},
    }
    scanners = ThreadPoolExecutor(1)  # they run in processes of their own, beside everything else
    peers = scanners.submit(run_peers, config, corpus, splits, clean, attacked, metrics) if config.peers else None
    trials: dict[str, list[Trial]] = {}
    for make, fits in makers:
        name = make().name
        say(name)
        try:
            made = [make() for _ in range(fits)]
            trials[name] = [run_trial(one, seed, splits, clean, attacked) for seed, one in enumerate(made)]
        except ImportError as error:
            metrics["not_run"][name] = str(error)
            continue
        calibrated = isinstance(made[0], SafepickleDL)
        metrics["detectors"][name] = results_of(trials[name], sets, test, attacked, calibrated)
        if name in SEARCHED:
            metrics["search"][name] = search_all(made[0], trials[name][0], samples, hosts, config)
    if peers is not None:
        peers.result()
    metrics["detectors"] |= {name: metrics["detectors"].pop(name) for name in PEERS if name in metrics["detectors"]}
    metrics["techniques"] = by_technique(test, trials)
    metrics["misses"] = misses(test, trials[OURS][0])
    metrics |= verdicts_of(corpus, config, test)
    write_plots(trials, splits, metrics, Path(config.output))
    return metrics


def search_all(
    detector: Detector, trial: Trial, samples: Sequence[Any], hosts: Sequence[Any], config: JudgeConfig
) -> dict[str, Any]:
    """Search from detected samples, and count how many end in a file that passes."""
    threshold = trial.thresholds["1 %"]

    def score(data: bytes) -> float:
        row = row_of(data, "", with_texts="texts" in detector.columns)
        return -float("inf") if row is None else float(detector.scores([row])[0])

    detected = [sample for sample, value in zip(samples, trial.clean, strict=True) if value >= threshold]
    step = max(1, len(detected) // max(1, config.searched))
    starts = detected[::step][: config.searched]
    searches = (
        delayed(search)(sample, score, threshold, config.budget, hosts, Draw(f"search {i}", "test"))
        for i, sample in enumerate(starts)
    )
    running = Parallel(config.workers, return_as="generator")(searches)
    outcomes = list(tqdm(running, total=len(starts), desc="search", unit="file"))
    evaded = [outcome for outcome in outcomes if outcome.evaded]
    return {
        "evaded": share(len(evaded), len(outcomes)),
        "budget": config.budget,
        "median_queries": median(outcome.queries for outcome in evaded) if evaded else None,
    }


def run_peers(
    config: JudgeConfig,
    corpus: CorpusConfig,
    splits: Mapping[str, Sequence[Row]],
    clean: Sequence[Row],
    attacked: Sequence[Attacked],
    metrics: dict[str, Any],
) -> None:
    """Run every released scanner that is installed, and name those that are not."""
    folder = Path(config.peers or "")
    metrics["peer_versions"] = versions = read_versions(folder)
    shown = shown_to_peers(splits["test"], config.peer_files)
    files = [dict(row) | {"data": bytes_of(row, corpus)} for row in shown]
    sets = chosen_sets(shown, seen_in(splits["train"]))
    few = [
        Attacked(attack.name, attack.samples[: config.peer_samples], attack.rows[: config.peer_samples])
        for attack in attacked
        if attack.name.startswith(PEER_ATTACKS)
    ]
    for name in PEERS:
        if not versions.get(name, {}).get("ok"):
            metrics["not_run"][name] = versions.get(name, {}).get("reason", "not installed")
            continue
        say(name)
        peer = Peer(name, folder)
        trial = run_trial(peer, 0, {"train": [], "validation": [], "test": files}, clean, few)
        metrics["detectors"][name] = results_of([trial], sets, files, few, calibrated=False)
        metrics["detectors"][name]["verdicts"] = dict(peer.errors)


def shown_to_peers(test: Sequence[Row], n: int) -> list[Row]:
    """Return all real files, and `n` of the others: whole pairs and dumps, half and half, drawn by a fixed seed."""
    rng = random.Random("peers")
    dumps = [row for row in test if row["origin"] == "dump"]
    pairs = sorted({row["pair"] for row in test if row["origin"] == "made"})
    chosen = set(rng.sample(pairs, min(n // 4, len(pairs))))
    made = [row for row in test if row["origin"] == "made" and row["pair"] in chosen]
    return [row for row in test if row["origin"] == "real"] + made + rng.sample(dumps, min(n // 2, len(dumps)))


def by_technique(test: Sequence[Row], trials: Mapping[str, Sequence[Trial]]) -> dict[str, Any]:
    """Return recall at the 1 % threshold for each technique of the made attacks."""
    table: dict[str, Any] = {}
    for technique in sorted({row["technique"] for row in test if row["group"] == "made-malicious"}):
        rows = [i for i, row in enumerate(test) if row["group"] == "made-malicious" and row["technique"] == technique]
        table[technique] = {
            name: share(int((each[0].test[rows] >= each[0].thresholds["1 %"]).sum()), len(rows))
            for name, each in trials.items()
            if "1 %" in each[0].thresholds
        }
    return table


def misses(test: Sequence[Row], trial: Trial) -> dict[str, list[str]]:
    """Return the real and dumped files that are wrong at the 1 % threshold, by name."""
    wrong = (trial.test >= trial.thresholds["1 %"]) != [bool(row["label"]) for row in test]
    real = [row for row, is_wrong in zip(test, wrong, strict=True) if is_wrong and row["origin"] != "made"]
    return {
        "missed": sorted(f"{row['file']} ({row['technique']})" for row in real if row["label"]),
        "false_alarms": sorted(row["file"] for row in real if not row["label"]),
    }


def verdicts_of(corpus: CorpusConfig, config: JudgeConfig, test: Sequence[Row]) -> dict[str, Any]:
    """Scan the test owners' real files from bytes to verdict: all of them, and the distinct ones."""
    if corpus.corpus is None:
        return {}
    scanner = Scanner(config.bundles[0] if config.bundles else None)
    entries = [e for e in Sources(corpus).real if corpus.owner_split(owner_of(e["source"])) == "test"]
    results = [(e, scanner.scan_path(Path(corpus.corpus) / e["file"])) for e in tqdm(entries, desc="scan", unit="file")]
    distinct = {row["file"] for row in test}
    return {
        "model": scanner.model_version,
        "all": table_of((group_of(e), result) for e, result in results),
        "distinct": table_of((group_of(e), result) for e, result in results if e["file"] in distinct),
        "missed": sorted(
            e["file"] for e, result in results if group_of(e) == "malicious-strict" and result.verdict not in FLAGGED
        ),
        "false_alarms": sorted(e["file"] for e, r in results if e["label"] == "benign" and r.verdict in FLAGGED),
        "complete": share(sum(r.coverage.complete for _, r in results), len(results)),
        "seconds": {
            "median": round(median(result.seconds for _, result in results), 5),
            "highest": round(max(result.seconds for _, result in results), 3),
        },
    }


def main() -> None:
    """Parse the command line, judge, write and print."""
    parser = ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("--config", action="config", help="a YAML with the options below")
    parser.add_class_arguments(JudgeConfig)
    arguments = parser.parse_args()
    arguments.pop("config")
    config = JudgeConfig(**arguments.as_dict())
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    metrics = judge(config)
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (output / "report.md").write_text(as_report(metrics), encoding="utf-8")
    if config.report:
        report = Path(config.report)
        roc = report.with_name(f"{report.stem}-roc.png")
        shutil.copyfile(output / "roc.png", roc)
        report.write_text(as_report(metrics, roc.name), encoding="utf-8")
    say(f"{output / 'metrics.json'} and {config.report or output / 'report.md'} are written")


if __name__ == "__main__":
    main()
