"""The model card and the README say what the shipped metrics say."""

from __future__ import annotations

import json
from pathlib import Path

from safepickle_dl.bundle import DEFAULT_BUNDLE
from safepickle_dl.paths import checkpoints_dir
from train.card import BEGIN, END, card_of
from train.judge.verdicts import as_markdown

BUNDLE = checkpoints_dir() / DEFAULT_BUNDLE
METRICS = json.loads((BUNDLE / "metrics.json").read_text())


def test_the_card_is_up_to_date() -> None:
    config = json.loads((BUNDLE / "config.json").read_text())
    assert METRICS["model"] == f"{config['name']} {config['version']}"
    assert (BUNDLE / "README.md").read_text() == card_of(config, METRICS)


def test_the_readme_is_up_to_date() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert readme.split(BEGIN)[1].split(END)[0].strip() == as_markdown(METRICS["all"])
