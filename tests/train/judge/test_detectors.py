"""Each detector on rows that differ in exactly what it reads, and the whole judge on a small corpus."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from safepickle_dl.core import opcodes as op
from train.corpus.config import CorpusConfig
from train.corpus.rows import columns_of
from train.evaluate import JudgeConfig, judge
from train.judge.allowlist import AllowList
from train.judge.cues import TrivialCues
from train.judge.detector import Detector, sampled, weights_of
from train.judge.files import row_of
from train.judge.ngrams import Ngrams
from train.judge.ours import SafepickleDL
from train.judge.report import as_report
from train.judge.safepickle import SAFEPICKLE, frequencies
from train.judge.sets import chosen_sets, seen_in


def row(label: int, i: int) -> dict[str, Any]:
    counts = np.zeros(256, int)
    usual = [op.SETITEMS, op.BINUNICODE, op.BININT1, op.STOP]
    counts[[op.REDUCE, op.GLOBAL, op.INST, op.STOP] if label else usual] = np.random.default_rng(i).integers(4, 9, 4)
    return {
        "label": label, "group": "malicious-strict" if label else "benign", "origin": "real", "counts": counts.tolist(),
        "texts": [f"REDUCE os.system ('run {i}',)" if label else f"REDUCE numpy.dtype ('f{i}',)"],
        "imports": ["os system" if label else "collections OrderedDict"], "container": "pickle",
        "size": 50 + i % 100 if label else 5000 + i, "opcodes": 8 if label else 900, "protocol": 2, "n_streams": 1,
    }  # fmt: skip


TRAIN = [row(i % 2, i) for i in range(120)]
TEST = [row(i % 2, 1000 + i) for i in range(40)]
MAKERS: list[Callable[[], Detector]] = [*SAFEPICKLE, Ngrams, TrivialCues, AllowList]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make().name)
def test_learns_the_difference(make: Callable[[], Detector]) -> None:
    detector = make()
    try:
        detector.fit(TRAIN, TEST, 0)
    except ImportError as error:
        pytest.skip(str(error))
    scores = detector.scores(TEST)
    assert scores.shape == (40,)
    assert scores[1::2].min() > scores[::2].max()


def test_allow_list_refuses_opcodes_and_names_alike() -> None:
    rule = AllowList()
    rule.fit([], [], 0)
    files = [
        (b"\x80\x02c__builtin__\nset\nq\x00]\x85R.", 0.0),  # a Python 2 name is mapped, then looked up
        (b"\x80\x02ccollections\nOrderedDict\n)R.", 0.0),
        (b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R.", 1.0),  # STACK_GLOBAL is not supported
        (b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R.", 1.0),
    ]
    rows = [row_of(data, "x") for data, _ in files]
    scores = rule.scores([one for one in rows if one is not None])
    assert scores.tolist() == [expected for _, expected in files]


def test_weights_make_groups_count_what_the_mixture_says() -> None:
    rows = [row(1, 0)] * 3 + [row(0, 0)] * 97
    weights = weights_of(rows)
    assert weights[:3].sum() == pytest.approx(weights[3:].sum()) and weights.sum() == pytest.approx(100)
    drawn = sampled(rows, 400, 0)
    assert 120 < sum(one["label"] for one in drawn) < 280


def test_frequencies_add_up_to_one() -> None:
    assert np.allclose(frequencies(TEST).sum(1), 1) and frequencies(TEST).shape == (40, 68)


def test_ours_scores_as_the_scanner_does() -> None:
    from safepickle_dl.scanner import Scanner

    detector = SafepickleDL([None])
    detector.fit([], [], 0)
    for data in (b"cos\nsystem\n(S'echo'\ntR.", b"\x80\x02ccollections\nOrderedDict\n)R.", b"]q\x00(K\x01K\x02e."):
        columns = columns_of(data)
        assert columns is not None
        assert detector.scores([columns])[0] == pytest.approx(Scanner().scan_bytes(data).score, abs=1e-6)


def test_sets_ask_for_what_training_never_saw() -> None:
    made = {"origin": "made", "technique": "t", "container": "c", "library": "", "module": "m", "label": 1}
    train = [made | {"group": "made-malicious"}]
    test = [
        made | {"group": "made-malicious"},
        made | {"group": "made-malicious", "module": "new"},
        made | {"group": "made-benign", "label": 0, "container": "new"},
        made | {"group": "malicious-weak", "module": "new", "origin": "real"},
        made | {"group": "dump", "label": 0, "origin": "dump", "library": "new"},
    ]
    sets = {one.name: one.rows for one in chosen_sets(test, seen_in(train))}
    assert sets["grouped"] == [0, 1, 4]
    assert sets["grouped, with twins"] == [0, 1, 2, 4]
    assert sets["unseen module"] == [1, 4]
    assert sets["unseen carrier"] == sets["unseen library"] == [4]
    assert "real" not in sets and "fixtures" not in sets


@pytest.mark.slow
def test_the_whole_judge(corpus_config: CorpusConfig, tmp_path: Path) -> None:
    path = tmp_path / "corpus.yaml"
    path.write_text(yaml.safe_dump(vars(corpus_config)))
    config = JudgeConfig(
        str(path),
        str(tmp_path / "judge"),
        seeds=2,
        attacked_made=6,
        attacked_real=0,
        longest_padding=100,
        searched=2,
        budget=15,
    )
    (tmp_path / "judge").mkdir()
    metrics = judge(config)
    json.dumps(metrics)
    names = set(metrics["detectors"]) | set(metrics["not_run"])
    assert {"safepickle-dl", "n-grams", "trivial cues", "weights_only allow-list"} <= names and len(names) == 10
    for result in metrics["detectors"].values():
        grouped = result["sets"]["grouped, with twins"]
        assert grouped["malicious"] > 20 and grouped["benign"] > 20
    ours = metrics["detectors"]["safepickle-dl"]
    kept = ("append", "prepend", "junk", "inject", "parser breaker", "carrier")  # by construction: slices stay the same
    assert [name for name, found in ours["attacks"].items() if name.startswith(kept) and found["1 %"]["lost"]] == []
    assert metrics["search"]["safepickle-dl"]["budget"] == 15
    report = as_report(metrics)
    for heading in (
        "# Evaluation",
        "## Grouped",
        "## Unseen module",
        "## Attacks",
        "## Black-box search",
        "## Techniques",
    ):
        assert heading in report
    for name in ("roc", "reliability", "scores", "techniques"):
        assert (tmp_path / "judge" / f"{name}.png").stat().st_size > 5000
    assert list((tmp_path / "judge" / "tensorboard").iterdir())
