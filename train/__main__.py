"""`python -m train fit -c configs/sequence.yaml`: train a member with PyTorch Lightning."""

from __future__ import annotations

from pytorch_lightning.cli import ArgsType, LightningCLI


def main(args: ArgsType = None) -> LightningCLI:
    """Run LightningCLI: `fit`, `validate`, `test`.

    The configuration names the classes of model and data; every option of theirs and of the trainer is a flag.
    """
    return LightningCLI(args=args, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    main()
