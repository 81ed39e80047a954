"""Training of the sequence classifier: multiple-instance learning on file labels, after the maximum over slices."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pytorch_lightning as pl
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor
from torch.nn import functional as F

from safepickle_dl.models.sequence import SequenceClassifier, SequenceConfig
from train.judge.metrics import threshold_for

N_PARTS = 4
"""Into which slices are sorted by length (count)."""


def logits_by_length(net: SequenceClassifier, tokens: Tensor) -> Tensor:
    """Return (s,) the logits of slices (s, t, f), short ones apart from long ones: less padding to compute.

    On a GPU all together: it waits for launches, of which parts need several times as many, not for the padding.
    """
    n_parts = 1 if tokens.is_cuda else N_PARTS
    lengths = (tokens[..., 0] > 0).sum(1)
    parts = lengths.argsort().chunk(n_parts)
    logits = torch.cat([net(tokens[part, : int(lengths[part].max())]) for part in parts])
    return torch.empty_like(logits).index_copy(0, torch.cat(parts), logits)


def highest_per_file(logits: Tensor, file: Tensor, n_files: int) -> Tensor:
    """Return (n,) the maximum of the slices' logits (s,) in each file, by its index in `file` (s,)."""
    empty = torch.full((n_files,), -torch.inf, dtype=logits.dtype, device=logits.device)
    return empty.scatter_reduce(0, file, logits, "amax", include_self=True)


def suspects(logits: Tensor, honest: Tensor, label: Tensor) -> Tensor:
    """Return (s,) the logits, without those of slices that are honest in a malicious file: its host is not to blame.

    Args:
        logits: (s,) of slices.
        honest: (s,) bool, known to be honest.
        label: (s,) of the file of each.
    """
    return logits.masked_fill(honest & (label == 1), -torch.inf)


def figures(scores: npt.NDArray[Any], labels: npt.NDArray[Any], made: npt.NDArray[Any]) -> dict[str, float]:
    """Return average precision, and recall where 1 % of the honest files but twins pass, of real and of made files.

    Args:
        scores: (n,) of files.
        labels: (n,) 1 where malicious; of one label alone, nothing is returned.
        made: (n,) bool, whether a file is made; an honest one is a twin then.
    """
    if len(set(labels.tolist())) < 2:
        return {}
    honest, twins = scores[(labels == 0) & (made == 0)], scores[(labels == 0) & (made == 1)]
    threshold = threshold_for(honest if len(honest) else twins, 0.01)
    found = {"auroc": float(roc_auc_score(labels, scores))}
    if len(twins):
        found["twin_fpr"] = float((twins >= threshold).mean())
    precisions = []
    for name, chosen in (("real", made == 0), ("made", made == 1)):
        if len(set(labels[chosen].tolist())) == 2:
            precisions.append(float(average_precision_score(labels[chosen], scores[chosen])))
            found[f"{name}_ap"] = precisions[-1]
            found[f"{name}_recall"] = float((scores[chosen & (labels == 1)] >= threshold).mean())
    found["ap"] = sum(precisions) / max(1, len(precisions))
    return found


def one_cycle(module: pl.LightningModule, learning_rate: float, weight_decay: float) -> dict[str, object]:
    """Return AdamW with one cycle of the learning rate, as Lightning takes it."""
    optimizer = torch.optim.AdamW(module.parameters(), learning_rate, weight_decay=weight_decay)
    steps = int(module.trainer.estimated_stepping_batches)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class SequenceTraining(pl.LightningModule):
    """A malicious file has at least one malicious slice; a benign file has none."""

    def __init__(
        self,
        d_model: int = 64,
        n_layers: int = 2,
        kernel: int = 5,
        dropout: float = 0.2,
        learning_rate: float = 1.5e-3,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.02,
        slice_weight: float = 0.5,
    ) -> None:
        """Configure.

        Args:
            d_model: channels (count).
            n_layers: gated convolutions (count).
            kernel: width of each (tokens).
            dropout: probability.
            learning_rate: peak of a one-cycle schedule.
            weight_decay: of AdamW.
            label_smoothing: how far the targets stay from 0 and 1.
            slice_weight: weight of the loss over each slice that is known to be honest, beside that of the files.
        """
        super().__init__()
        self.save_hyperparameters()
        self.config = SequenceConfig(d_model=d_model, n_layers=n_layers, kernel=kernel)
        self.net = SequenceClassifier(self.config, dropout)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.slice_weight = slice_weight
        self.scores: list[Tensor] = []
        self.labels: list[Tensor] = []
        self.made: list[Tensor] = []

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> dict[str, Tensor]:
        """Return the loss of a batch of files, and the highest logit of each, (n,)."""
        label, honest = batch["label"], batch["honest"]
        logits = logits_by_length(self.net, batch["tokens"]).float()
        highest = highest_per_file(suspects(logits, honest, label[batch["file"]]), batch["file"], len(label))
        target = label * (1 - 2 * self.label_smoothing) + self.label_smoothing
        file_loss = F.binary_cross_entropy_with_logits(highest, target)
        slice_loss = F.softplus(logits[honest]).sum() / honest.sum().clamp(min=1)
        loss = file_loss + self.slice_weight * slice_loss
        self.log_dict({"train/loss": loss, "train/file_loss": file_loss}, prog_bar=True, batch_size=len(label))
        return {"loss": loss, "highest": highest.detach()}

    def validation_step(self, batch: dict[str, Tensor], batch_index: int) -> None:
        """Collect the scores of a batch of files."""
        logits = logits_by_length(self.net, batch["tokens"])
        self.scores.append(highest_per_file(logits, batch["file"], len(batch["label"])).float().cpu())
        self.labels.append(batch["label"].cpu())
        self.made.append(batch["made"].cpu())

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the files that were looked at."""
        scores, labels, made = (torch.cat(part).numpy() for part in (self.scores, self.labels, self.made))
        for part in (self.scores, self.labels, self.made):
            part.clear()
        found = figures(scores, labels, made)
        self.log_dict({f"val/{name}": value for name, value in found.items()}, prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW with one cycle of the learning rate."""
        return one_cycle(self, self.learning_rate, self.weight_decay)
