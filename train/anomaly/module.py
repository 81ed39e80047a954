"""Training of the autoencoder: give back slices of honest files from a narrow code. It never sees a malicious one."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from safepickle_dl.models.autoencoder import Autoencoder, AutoencoderConfig
from train.judge.metrics import threshold_for
from train.module import highest_per_file, one_cycle


class NoveltyTraining(pl.LightningModule):
    """What is lost of each part of a slice counts alike, however long the part is."""

    def __init__(
        self,
        n_grams: int = 1024,
        d_model: int = 32,
        d_hidden: int = 64,
        d_code: int = 16,
        dropout: float = 0.6,
        learning_rate: float = 4e-3,
        weight_decay: float = 0.01,
    ) -> None:
        """Configure.

        Args:
            n_grams: buckets of trigrams (count).
            d_model: of a symbol (count).
            d_hidden: of the layers on both sides of the code (count).
            d_code: of the code (count).
            dropout: share of the symbols that the encoder does not see but the decoder must give back.
            learning_rate: peak of a one-cycle schedule.
            weight_decay: of AdamW.
        """
        super().__init__()
        self.save_hyperparameters()
        self.config = AutoencoderConfig(n_grams=n_grams, d_model=d_model, d_hidden=d_hidden, d_code=d_code)
        self.net = Autoencoder(self.config, dropout)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.scores: list[Tensor] = []
        self.labels: list[Tensor] = []
        self.made: list[Tensor] = []

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:
        """Return the mean loss over the parts that are there."""
        bags = self.net.bags(batch["tokens"])
        loss = self.net.losses(bags).sum() / (bags.sum(-1) > 0).sum()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(bags))
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_index: int) -> None:
        """Collect the novelty of a batch of files."""
        scores = self.net(batch["tokens"])
        self.scores.append(highest_per_file(scores, batch["file"], len(batch["label"])).float().cpu())
        self.labels.append(batch["label"].cpu())
        self.made.append(batch["made"].cpu())

    def on_validation_epoch_end(self) -> None:
        """Log how malicious files stand out from honest ones that are no twins. Nothing is chosen by it."""
        scores, labels, made = (torch.cat(part).numpy() for part in (self.scores, self.labels, self.made))
        for part in (self.scores, self.labels, self.made):
            part.clear()
        twins = (labels == 0) & (made == 1)
        kept = ~twins if (labels[~twins] == 0).any() else labels >= 0
        scores, labels = scores[kept], labels[kept]
        if len(set(labels.tolist())) < 2:
            return
        threshold = threshold_for(scores[labels == 0], 0.05)
        recall = float((scores[labels == 1] >= threshold).mean())
        self.log_dict({"val/auroc": float(roc_auc_score(labels, scores)), "val/recall": recall}, prog_bar=True)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW with one cycle of the learning rate."""
        return one_cycle(self, self.learning_rate, self.weight_decay)
