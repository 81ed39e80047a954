"""The members of a bundle, and how their answers on a slice become one: a weighted sum of their logits.

No weight is negative, and the score of a file is the maximum over its slices: nothing that is added to a file can lower
it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from safepickle_dl.batch import SliceArrays
from safepickle_dl.bundle import Bundle
from safepickle_dl.runtime.novelty import NoveltyScorer
from safepickle_dl.runtime.numpy import NumpyClassifier
from safepickle_dl.runtime.trees import TreeClassifier

Floats = npt.NDArray[np.float32]


class SliceClassifier(Protocol):
    """A member: anything that has a logit for each slice."""

    def logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> Floats:
        """Return the logit of each chosen slice, (k,)."""


MAKERS: dict[str, Callable[[Path], SliceClassifier]] = {
    "sequence": NumpyClassifier,
    "handcrafted": TreeClassifier,
    "anomaly": NoveltyScorer,
}
"""Member to what reads its weights."""


class Ensemble:
    """All members of a bundle; itself a `SliceClassifier`, whose logit's sigmoid is the calibrated probability."""

    def __init__(self, bundle: Bundle) -> None:
        """Map the weights of all members.

        Raises:
            BundleError: one of them cannot be read, or is not what its name says.
        """
        self.bundle = bundle
        self.members: dict[str, SliceClassifier] = {
            name: MAKERS[name](bundle.weights_of(name)) for name in bundle.members
        }

    def logits(self, arrays: SliceArrays, chosen: npt.NDArray[np.int64]) -> Floats:
        """Return the logit of each chosen slice, (k,)."""
        return self.combined({name: member.logits(arrays, chosen) for name, member in self.members.items()})

    def score_of(self, name: str, highest: float) -> float:
        """Return what a member says of a file whose highest logit is `highest`: a calibrated probability.

        Of the anomaly member it is the share of honest validation files that are less new.
        """
        member = self.members[name]
        if isinstance(member, NoveltyScorer):
            return float(member.percentile(np.array([highest], np.float32))[0])
        return self.bundle.members[name].probability(highest)

    def combined(self, logits: dict[str, Floats]) -> Floats:
        """Return the ensemble's logit of each slice, (k,), from those of all its members."""
        weighted = [self.bundle.members[name].weight * logits[name] for name in self.members]
        total: Floats = (np.float32(self.bundle.intercept) + np.sum(weighted, axis=0)).astype(np.float32)
        return total
