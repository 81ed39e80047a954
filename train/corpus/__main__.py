"""`python -m train.corpus build --config configs/corpus.yaml`: make the training data."""

from __future__ import annotations

import json
from pathlib import Path

from jsonargparse import ArgumentParser

from train.corpus.build import CorpusConfig, made_rows, rows_of, write


def main() -> None:
    """Parse the command line and build."""
    build = ArgumentParser(description="Slice the files of a corpus and write them as Parquet.")
    build.add_argument("--config", action="config", help="a YAML with the options below")
    build.add_class_arguments(CorpusConfig)
    parser = ArgumentParser(prog="python -m train.corpus")
    commands = parser.add_subcommands()
    commands.add_subcommand("build", build)
    arguments = parser.parse_args().build
    arguments.pop("config")
    config = CorpusConfig(**arguments.as_dict())
    print(json.dumps(write([*rows_of(config), *made_rows(config)], Path(config.output)), indent=2))


if __name__ == "__main__":
    main()
