"""The anomaly member: an autoencoder of honest slices. Its novelty is what it cannot give back."""

from train.anomaly.data import NoveltyData
from train.anomaly.module import NoveltyTraining

__all__ = ["NoveltyData", "NoveltyTraining"]
