from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from train.corpus.build import build
from train.corpus.config import CorpusConfig

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="session")
def corpus_config(tmp_path_factory: pytest.TempPathFactory) -> CorpusConfig:
    """The corpus of `configs/smoke_corpus.yaml`, built."""
    options = yaml.safe_load((CONFIGS / "smoke_corpus.yaml").read_text())
    config = CorpusConfig(**(options | {"output": str(tmp_path_factory.mktemp("corpus"))}))
    build(config)
    return config


@pytest.fixture(scope="session")
def corpus(corpus_config: CorpusConfig) -> Path:
    return Path(corpus_config.output)
