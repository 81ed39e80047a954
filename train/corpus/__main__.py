"""`python -m train.corpus build --config configs/corpus.yaml`: make the training data."""

from __future__ import annotations

import json

from jsonargparse import ArgumentParser

from train.corpus.build import build
from train.corpus.config import CorpusConfig


def main() -> None:
    """Parse the command line and build."""
    options = ArgumentParser(description="Slice the files of a corpus and write them as Parquet.")
    options.add_argument("--config", action="config", help="a YAML with the options below")
    options.add_class_arguments(CorpusConfig)
    parser = ArgumentParser(prog="python -m train.corpus")
    commands = parser.add_subcommands()
    commands.add_subcommand("build", options)
    arguments = parser.parse_args().build
    arguments.pop("config")
    print(json.dumps(build(CorpusConfig(**arguments.as_dict())), indent=2))


if __name__ == "__main__":
    main()
