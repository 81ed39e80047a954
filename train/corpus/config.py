"""What `configs/corpus.yaml` says, and which split everything belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from train.corpus.gadgets.table import KNOWN, Gadget
from train.corpus.splits import split_of

PERCENT = {"train": 60, "validation": 18, "test": 22}


@dataclass
class CorpusConfig:
    """Sources, splits and sizes of a corpus."""

    output: str
    """Folder for `train.parquet`, `validation.parquet`, `test.parquet` and `summary.json`."""
    corpus: str | None = None
    """Folder with `manifest.jsonl` and the real files that it lists; None: no real files."""
    dumps: str | None = None
    """Folder that `python -m train.corpus.dumps` wrote: honest files of real libraries; None: none."""
    pairs: dict[str, int] = field(default_factory=dict)
    """Split to how many attacks, each with its twin, the grammar makes for it."""
    owners: dict[str, list[str]] = field(default_factory=dict)
    """Split to the owners of real files that were put there by hand; all others go by the hash of their name."""
    libraries: dict[str, list[str]] = field(default_factory=dict)
    """Split to the libraries that were put there by hand; all others go by the hash of their name."""
    judged_dumps: int = 20
    """Dumps of one library that validation and test keep (count): many libraries say more than many files of one."""
    percent: dict[str, int] = field(default_factory=lambda: dict(PERCENT))
    max_hosts: int = 800
    """Honest files of one split that attacks and twins are put into (count)."""
    seed: int = 0
    workers: int = 2

    def owner_split(self, owner: str) -> str:
        """Return the split of an owner of real files."""
        return split_of(owner, self.owners, self.percent)

    def library_split(self, library: str) -> str:
        """Return the split of a library whose dumps are honest files."""
        return split_of(f"library:{library}", _prefixed(self.libraries), self.percent)

    def module_split(self, module: str) -> str:
        """Return the split of a gadget's module: by its top level, so that no package crosses."""
        top = module.partition(".")[0]
        return "train" if top in KNOWN_TOPS else split_of(f"module:{top}", {}, self.percent)

    def gadgets_of(self, split: str, gadgets: Iterable[Gadget]) -> list[Gadget]:
        """Return the gadgets of a split: its own modules' and, in all of them, the sinks that everybody knows."""
        return [g for g in gadgets if g.depth == 0 or self.module_split(g.module) == split]


KNOWN_TOPS = frozenset(gadget.module.partition(".")[0] for gadget in KNOWN)
"""Top-level modules of the sinks themselves: whatever is mined in them trains."""


def _prefixed(libraries: dict[str, list[str]]) -> dict[str, Sequence[str]]:
    return {split: [f"library:{name}" for name in names] for split, names in libraries.items()}
