"""The handcrafted member as a scriptable module: the columns of `features` and the trees of `runtime.trees`, in torch.

Legend: n tokens, k slices, w words, c columns, m nodes, t trees.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from safepickle_dl import features as columns
from safepickle_dl.families import FAMILIES
from safepickle_dl.runtime.trees import TreeClassifier


class Handcrafted(nn.Module):
    """Logits of slices, as `TreeClassifier` gives them."""

    factors: Tensor
    known: Tensor
    known_families: Tensor
    gram_flags: Tensor
    stem_grams: Tensor
    stem_families: Tensor
    places: Tensor
    column_place: Tensor
    column_family: Tensor
    existence: Tensor
    counts: Tensor
    ordinals: Tensor
    tree_feature: Tensor
    tree_left: Tensor
    tree_root: Tensor
    tree_threshold: Tensor
    tree_value: Tensor

    def __init__(self, trees: TreeClassifier) -> None:
        """Take over the trees, and the tables of the columns."""
        super().__init__()
        self.word: int = columns.WORD
        self.depth: int = trees.depth
        self.base: float = trees.base
        self.n_families: int = len(FAMILIES)
        for name, table in _tables().items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(table)))
        for name in ("feature", "left", "root", "threshold", "value"):
            self.register_buffer(f"tree_{name}", torch.from_numpy(np.array(getattr(trees, name))))

    @torch.jit.export
    def word_families(self, grams: Tensor) -> Tensor:
        """Return the families of each word as bits, (w,), from its trigrams (w, N_GRAMS)."""
        fingerprints = (grams * self.factors).sum(1)
        place = torch.searchsorted(self.known, fingerprints).clamp(max=len(self.known) - 1)
        families = torch.where(self.known[place] == fingerprints, self.known_families[place], 0)
        parts = self.gram_flags[grams]  # (w, N_GRAMS)
        flags = parts[:, 0]
        for i in range(1, parts.shape[1]):
            flags = flags | parts[:, i]
        for i in range(len(self.stem_grams)):
            has_all = flags & self.stem_grams[i] == self.stem_grams[i]
            families = families | torch.where(has_all, self.stem_families[i], 0)
        return families

    def columns(self, tokens: Tensor, slice_of: Tensor, k: int, families: Tensor) -> Tensor:
        """Return the columns of slices, (k, c) float32.

        Args:
            tokens: (n,) packed, of all slices.
            slice_of: (n,) whose each is, 0 to k - 1.
            k: how many slices there are.
            families: (w,) of the words, from `word_families`.
        """
        role = tokens & 255
        identity = (tokens >> 8) & 65535
        code = role * (self.word + 1) + identity.clamp(max=self.word)
        family = torch.where(identity >= self.word, families[tokens >> 24], 0)
        bits = (family.unsqueeze(1) >> torch.arange(self.n_families, device=tokens.device)) & 1  # (n, families)
        placed = bits[:, self.column_family] * self.places[self.column_place][:, role].T  # (n, family columns)
        flags = torch.cat([placed, self.existence[code]], 1).to(torch.int64)
        exists = torch.zeros(k, flags.shape[1], dtype=torch.int64, device=tokens.device)
        exists = exists.scatter_reduce(0, slice_of.unsqueeze(1).expand(-1, flags.shape[1]), flags, "amax")
        counts = self.counts[code].to(torch.int64)
        counted = torch.zeros(k, counts.shape[1], dtype=torch.int64, device=tokens.device)
        counted = counted.index_add(0, slice_of, counts)
        ordinals = self.ordinals[code].to(torch.int64)
        largest = torch.zeros(k, ordinals.shape[1], dtype=torch.int64, device=tokens.device)
        largest = largest.scatter_reduce(0, slice_of.unsqueeze(1).expand(-1, ordinals.shape[1]), ordinals, "amax")
        return torch.cat([exists, counted, largest], 1).to(torch.float32)

    def forward(self, tokens: Tensor, slice_of: Tensor, k: int, families: Tensor) -> Tensor:
        """Return the logit of each slice, (k,); arguments as for `columns`."""
        x = self.columns(tokens, slice_of, k, families)
        node = self.tree_root.unsqueeze(0).expand(k, -1)
        for _ in range(self.depth):
            goes_on = x.gather(1, self.tree_feature[node]) > self.tree_threshold[node]
            node = self.tree_left[node] + goes_on.to(torch.int64)
        return self.tree_value[node].to(torch.float64).sum(1).to(torch.float32) + self.base


def _tables() -> dict[str, npt.NDArray[Any]]:
    """Return the tables of `features`, one entry a column instead of one bit, 64-bit flags as signed."""
    places, families = zip(*columns.FAMILY_COLUMNS, strict=True)
    names = list(columns.PLACES)
    return {
        "factors": columns.FACTORS,
        "known": columns.KNOWN,
        "known_families": columns.KNOWN_FAMILIES.view(np.int64),
        "gram_flags": columns.GRAM_FLAGS.view(np.int64),
        "stem_grams": columns.STEM_GRAMS.view(np.int64),
        "stem_families": columns.STEM_FAMILIES.view(np.int64),
        "places": columns.IN_PLACE.astype(np.int64),
        "column_place": np.array([names.index(place) for place in places]),
        "column_family": np.array([list(FAMILIES).index(family) for family in families]),
        "existence": _membership(columns.EXISTENCE),
        "counts": _membership(columns.COUNTS),
        "ordinals": columns.ORDINALS.T,
    }


def _membership(chosen: list[columns.Column]) -> npt.NDArray[np.uint8]:
    """Return (codes, c) 1 where a token's code belongs to a column."""
    table = np.zeros((columns.N_CODES, len(chosen)), np.uint8)
    for i, column in enumerate(chosen):
        table[columns.codes_of(column), i] = 1
    return table
