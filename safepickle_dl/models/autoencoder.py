"""The autoencoder: how much of a slice is lost on its way through a narrow code.

Trained on honest slices alone, it gives back what is usual and loses what it has never seen. A slice is read as bags:
which share each symbol has among the tokens of a part of the slice. A token of structure is one symbol; a word is its
trigrams, so that an unknown name is only as new as its spelling. Shares, not counts: length does not decide.

Legend: b slices, t tokens, f ints of a token (role, id, trigrams), p parts of a slice, v symbols, d channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from safepickle_dl.core import tokens as tk
from safepickle_dl.runtime.novelty import N_PARTS, N_SCORED, PART_OF_ROLE


@dataclass(frozen=True)
class AutoencoderConfig:
    """The whole architecture."""

    n_structure: int = tk.FIRST_WORD
    n_grams: int = 1024
    d_model: int = 32
    d_hidden: int = 64
    d_code: int = 16

    def to_dict(self) -> dict[str, int]:
        """Return the fields, for `config.json`."""
        return asdict(self)


class Autoencoder(nn.Module):
    """Scores slices one by one; the novelty of a file is the maximum over its slices."""

    def __init__(self, config: AutoencoderConfig, dropout: float = 0.0) -> None:
        """Build an untrained net; `dropout` is the share of symbols that the encoder does not see in training."""
        super().__init__()
        d = config.d_model
        self.n_parts = N_PARTS  # scripting reads attributes, not the module's constants
        self.n_scored = N_SCORED
        self.n_structure = config.n_structure
        self.n_grams = config.n_grams
        self.n_symbols = config.n_structure + config.n_grams
        self.symbol = nn.Parameter(0.3 * torch.randn(self.n_symbols, d))
        self.bias = nn.Parameter(torch.zeros(N_PARTS, self.n_symbols))
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Sequential(
            nn.Linear(N_PARTS * d, config.d_hidden), nn.GELU(), nn.Linear(config.d_hidden, config.d_code)
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.d_code, config.d_hidden), nn.GELU(), nn.Linear(config.d_hidden, N_PARTS * d)
        )
        self.part_of_role = nn.Buffer(torch.tensor(PART_OF_ROLE), persistent=False)

    def bags(self, tokens: Tensor) -> Tensor:
        """Return the share of each symbol in each part; a part without tokens is zero.

        Args:
            tokens: (b, t, f) int, as `safepickle_dl.batch.pad` makes them; t >= 1.

        Returns:
            (b, p, v) float.
        """
        role, word, grams = tokens[..., 0].long(), tokens[..., 1:2].long(), tokens[..., 2:].long()
        of_word = torch.where(grams > 0, self.n_structure + grams % self.n_grams, torch.zeros_like(grams))
        symbols = torch.where(word < self.n_structure, F.pad(word, (0, grams.shape[-1] - 1)), of_word)  # (b, t, f - 2)
        some = (symbols > 0).to(self.symbol.dtype)
        weight = some / some.sum(-1, keepdim=True).clamp(min=1)
        index = self.part_of_role[role].unsqueeze(-1) * self.n_symbols + symbols
        empty = torch.zeros(tokens.shape[0], self.n_parts * self.n_symbols, dtype=weight.dtype, device=weight.device)
        sums = empty.scatter_add(1, index.flatten(1), weight.flatten(1)).view(-1, self.n_parts, self.n_symbols)
        return sums / sums.sum(-1, keepdim=True).clamp(min=1e-6)

    def losses(self, bags: Tensor) -> Tensor:
        """Return what is lost of each part, (b, p): Kullback and Leibler's divergence, in nats."""
        h = torch.matmul(self.dropout(bags), self.symbol).flatten(1)  # (b, p d)
        back = self.decoder(self.encoder(h)).view(bags.shape[0], self.n_parts, -1)  # (b, p, d)
        foreseen = F.log_softmax(torch.matmul(back, self.symbol.t()) + self.bias, dim=-1)  # (b, p, v)
        return (bags * (bags.clamp(min=1e-9).log() - foreseen)).sum(-1)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return how new each slice is.

        Args:
            tokens: (b, t, f) int, as `safepickle_dl.batch.pad` makes them; t >= 1.

        Returns:
            (b,) float, in nats: callee and arguments together.
        """
        return self.losses(self.bags(tokens))[:, : self.n_scored].sum(1)
