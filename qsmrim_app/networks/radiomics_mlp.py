"""The radiomic branch: a multilayer perceptron that turns the features of a lesion into a vector."""

from __future__ import annotations

from torch import Tensor, nn

from qsmrim_app.settings import NetworkSettings


class RadiomicsMlp(nn.Module):
    """[Linear, BatchNorm, Swish, Dropout], [Linear, BatchNorm, Swish]."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        hidden = settings.radiomic_hidden
        self.layers = nn.Sequential(
            nn.Linear(settings.n_features, hidden),
            nn.BatchNorm1d(hidden),
            nn.SiLU(),
            nn.Dropout(settings.radiomic_dropout),
            nn.Linear(hidden, settings.embedding),
            nn.BatchNorm1d(settings.embedding),
            nn.SiLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Standardised features, shape (n, n_features), to vectors, shape (n, embedding)."""
        out: Tensor = self.layers(features)  # (n, embedding)
        return out
