"""`python -m train fit -c configs/sequence.yaml`: train a member with PyTorch Lightning."""

from __future__ import annotations

from pytorch_lightning.cli import ArgsType, LightningCLI

from train.data import CorpusData
from train.module import SequenceTraining


def main(args: ArgsType = None) -> LightningCLI:
    """Run LightningCLI: `fit`, `validate`, `test`; every option of the model, data and trainer is a flag."""
    return LightningCLI(SequenceTraining, CorpusData, args=args, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    main()
