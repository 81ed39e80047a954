"""What `python -m train.ablate` trains: the sequence classifier, each time with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from safepickle_dl.core import tokens as tk
from safepickle_dl.models.sequence import SequenceClassifier
from train.data import MADE_GROUPS
from train.module import SequenceTraining, highest_per_file

NAME_ROLES = (tk.MODULE, tk.NAME, tk.ARGUMENT_MODULE, tk.ARGUMENT_NAME)
ARGUMENT_ROLES = (tk.CALLEE_ARGUMENT, tk.ARGUMENT, tk.STATE)

Pool = Callable[[Tensor, Tensor, int], Tensor]
"""Logits of slices (s,), the file of each (s,), the number n of files: to the logits of files (n,)."""


class Masked(nn.Module):
    """A net that does not see everything of its tokens."""

    def __init__(self, net: nn.Module) -> None:
        """Hide something from a net."""
        super().__init__()
        self.net = net

    def hide(self, tokens: Tensor) -> Tensor:
        """Return (b, t, f) tokens without what is hidden, at the same places."""
        raise NotImplementedError

    def forward(self, tokens: Tensor) -> Tensor:
        """(b, t, f) -> (b,)."""
        logit: Tensor = self.net(self.hide(tokens))
        return logit


class WithoutWords(Masked):
    """Words in some roles are masked; structure, counts and lengths stay."""

    roles: tuple[int, ...] = ()

    def hide(self, tokens: Tensor) -> Tensor:
        """Mask ids and trigrams of words."""
        role, word = tokens[..., 0], tokens[..., 1]
        hit = torch.isin(role, torch.tensor(self.roles, device=role.device)) & (word >= tk.FIRST_WORD)
        masked = torch.zeros_like(tokens)
        masked[..., 0], masked[..., 1] = role, tk.MASKED
        return torch.where(hit.unsqueeze(-1), masked, tokens)


class WithoutNames(WithoutWords):
    """Modules and attributes are masked, of callees and of globals among the arguments."""

    roles = NAME_ROLES


class WithoutArguments(WithoutWords):
    """Words of literals are masked: of arguments, of states, and of what a computed callee was called with."""

    roles = ARGUMENT_ROLES


class WithoutTrigrams(Masked):
    """Words are hashed ids alone."""

    def hide(self, tokens: Tensor) -> Tensor:
        """Zero all trigrams."""
        return torch.cat([tokens[..., :2], torch.zeros_like(tokens[..., 2:])], -1)


class WithoutIds(Masked):
    """Words are trigrams alone."""

    def hide(self, tokens: Tensor) -> Tensor:
        """Mask the ids of all words."""
        word = tokens[..., 1:2]
        return torch.cat([tokens[..., :1], word.masked_fill(word >= tk.FIRST_WORD, tk.MASKED), tokens[..., 2:]], -1)


class AttentionBlock(nn.Module):
    """x + attention(norm(x)), then x + GLU(norm(x)): as many parameters as a `GatedConv` of width 5."""

    def __init__(self, d: int, n_heads: int, dropout: float) -> None:
        """`n_heads` divides `d`."""
        super().__init__()
        self.n_heads = n_heads
        self.norm, self.mlp_norm = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(2 * d, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(b, t, d), (b, t, 1) -> (b, t, d)."""
        b, t, d = x.shape
        heads = self.qkv(self.norm(x)).view(b, t, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)  # (3, b, h, t, d / h)
        seen = mask.view(b, 1, 1, t) > 0
        mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2], attn_mask=seen)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(b, t, d)))
        x = x + self.dropout(self.down(F.glu(self.up(self.mlp_norm(x)), dim=-1)))
        result: Tensor = x * mask
        return result


class Transformer(nn.Module):
    """The classifier with attention in place of convolutions; embeddings, pooling and head are the same."""

    def __init__(self, net: SequenceClassifier, n_heads: int = 4) -> None:
        """Take over everything of a net but its blocks."""
        super().__init__()
        d = net.head[0].out_features
        self.net = net
        net.blocks = nn.ModuleList(AttentionBlock(d, n_heads, net.dropout.p) for _ in net.blocks)
        net.dropout = nn.Sequential(_Positions(d), net.dropout)  # type: ignore[assignment]

    def forward(self, tokens: Tensor) -> Tensor:
        """(b, t, f) -> (b,)."""
        logit: Tensor = self.net(tokens)
        return logit


class _Positions(nn.Module):
    """Adds learned positions to what is embedded."""

    def __init__(self, d: int) -> None:
        """Draw them."""
        super().__init__()
        self.position = nn.Parameter(torch.randn(tk.MAX_TOKENS, d) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, d) -> (b, t, d)."""
        return x + self.position[: x.shape[1]]


def mean_per_file(logits: Tensor, file: Tensor, n_files: int) -> Tensor:
    """Return (n,) the mean of the slices' logits (s,) in each file, by its index in `file` (s,)."""
    sums = torch.zeros(n_files, dtype=logits.dtype, device=logits.device).index_add(0, file, logits)
    return sums / torch.bincount(file, minlength=n_files)


class MeanPooling(SequenceTraining):
    """The logit of a file is the mean over all of its slices, and its loss is on that alone: no slice has a label."""

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:
        """Return the loss of a batch of files."""
        label = batch["label"]
        logits = mean_per_file(self.net(batch["tokens"]).float(), batch["file"], len(label))
        target = label * (1 - 2 * self.label_smoothing) + self.label_smoothing
        loss = F.binary_cross_entropy_with_logits(logits, target)
        self.log("train/loss", loss, batch_size=len(label))
        return loss


@dataclass(frozen=True)
class Variant:
    """What differs from the classifier as `configs/ablation.yaml` describes it."""

    says: str
    """For the table."""
    without: tuple[str, ...] = ()
    """Groups of training files that are left out of each step, which is the smaller for it."""
    channels: tuple[int, ...] = (0,)
    net: Callable[[SequenceClassifier], nn.Module] | None = None
    """What to make of the net."""
    module: type[SequenceTraining] = SequenceTraining
    pool: Pool = highest_per_file
    name_dropout: bool = True
    averaged: bool = True
    mined: bool = False
    precision: str | None = None
    """None: as configured."""


VARIANTS = {
    "full": Variant("nothing"),
    "without twins": Variant("no honest counterparts of attacks", without=("made-benign",)),
    "without names": Variant("modules and attributes masked, in training and validation", net=WithoutNames),
    "without arguments": Variant("words of literals masked; their kinds and lengths stay", net=WithoutArguments),
    "without trigrams": Variant("words as hashed ids alone", net=WithoutTrigrams),
    "without ids": Variant("words as trigrams alone", net=WithoutIds),
    "opcode windows": Variant(
        "windows of run-length-collapsed opcodes in front of the call sites; no names, no arguments", channels=(1,)
    ),
    "slices and windows": Variant("both kinds of slices in one bag", channels=(0, 1)),
    "mean pooling": Variant(
        "a file's logit is the mean of its slices', no slice has a label (nor is it sorted by length: slower)",
        module=MeanPooling,
        pool=mean_per_file,
    ),
    "without averaging": Variant("the last weights instead of their running mean", averaged=False),
    "without name dropout": Variant("names are never masked", name_dropout=False),
    "transformer": Variant("attention in place of convolutions, in fp32", net=Transformer, precision="32-true"),
    "convolutions in fp32": Variant("to compare times with the transformer's", precision="32-true"),
    "with mining": Variant("hard slices of honest files are always drawn, after the first epoch", mined=True),
    "without dumps": Variant("no dumps of real libraries", without=("dump", "dump-hard")),
    "without made files": Variant("real files and dumps alone", without=MADE_GROUPS),
}
