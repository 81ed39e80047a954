"""The sequence classifier: a slice's tokens to one logit, by gated convolutions.

Legend: b slices, t tokens, f ints of a token (role, id, trigrams), d channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from safepickle_dl.core import tokens as tk


@dataclass(frozen=True)
class SequenceConfig:
    """The whole architecture."""

    n_roles: int = tk.N_ROLES
    n_ids: int = tk.N_IDS
    n_gram_ids: int = tk.N_GRAM_IDS
    d_model: int = 64
    n_layers: int = 2
    kernel: int = 5

    def to_dict(self) -> dict[str, int]:
        """Return the fields, for `config.json`."""
        return asdict(self)


class GatedConv(nn.Module):
    """x + dropout(GLU(conv(norm(x)))): one residual block; padding stays zero."""

    def __init__(self, d: int, kernel: int, dropout: float) -> None:
        """`kernel` is odd, so that the length stays."""
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.conv = nn.Conv1d(d, 2 * d, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(b, t, d), (b, t, 1) -> (b, t, d)."""
        h = self.norm(x) * mask
        h = self.conv(h.transpose(1, 2)).transpose(1, 2)
        result: Tensor = (x + self.dropout(F.glu(h, dim=-1))) * mask
        return result


class SequenceClassifier(nn.Module):
    """Scores slices one by one; the score of a file is the maximum over its slices."""

    def __init__(self, config: SequenceConfig, dropout: float = 0.0) -> None:
        """Build an untrained net."""
        super().__init__()
        d = config.d_model
        self.role = nn.Embedding(config.n_roles, d, padding_idx=0)
        self.id = nn.Embedding(config.n_ids, d, padding_idx=0)
        self.gram = nn.Embedding(config.n_gram_ids, d, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GatedConv(d, config.kernel, dropout) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Sequential(nn.Linear(2 * d, d), nn.GELU(), nn.Dropout(dropout), nn.Linear(d, 1))
        for embedding in (self.role, self.id, self.gram):
            nn.init.normal_(embedding.weight, std=0.3 if embedding is not self.gram else 0.1)
            with torch.no_grad():
                embedding.weight[0].zero_()

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logit of each slice.

        Args:
            tokens: (b, t, f) int, as `safepickle_dl.batch.pad` makes them; t >= 1.

        Returns:
            (b,) float logits.
        """
        role, word, grams = tokens[..., 0], tokens[..., 1], tokens[..., 2:]  # (b, t), (b, t), (b, t, f - 2)
        mask = (role > 0).unsqueeze(-1).to(self.role.weight.dtype)  # (b, t, 1)
        x = self.dropout(self.role(role) + self.id(word) + self.gram(grams).sum(2)) * mask  # (b, t, d)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        highest = (x - (1 - mask) * 1e4).amax(1)  # (b, d)
        mean = (x * mask).sum(1) / mask.sum(1).clamp(min=1)  # (b, d)
        logit: Tensor = self.head(torch.cat([highest, mean], dim=-1)).squeeze(-1)
        return logit
