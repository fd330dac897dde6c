"""QSMRim-Net: a ResNet on patches and a perceptron on features, joined; then DeepSMOTE and a classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qsmrim_app.networks.deepsmote import DeepSmote
from qsmrim_app.networks.output import NetworkOutput
from qsmrim_app.networks.radiomics_mlp import RadiomicsMlp
from qsmrim_app.networks.resnet3d import ResNet3d
from qsmrim_app.settings import NetworkSettings


class QsmRimNet(nn.Module):
    """The network of METHOD: image branch, radiomic branch, concatenation, DeepSMOTE, classifier."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        embedding = settings.embedding
        self.image_branch = ResNet3d(settings.width, embedding)
        self.radiomic_branch = RadiomicsMlp(settings)
        self.deep_smote = DeepSmote(2 * embedding, embedding, synthesise=settings.deep_smote)
        self.classifier = nn.Sequential(
            nn.Linear(embedding, settings.classifier_hidden),
            nn.SiLU(),
            nn.Dropout(settings.classifier_dropout),
            nn.Linear(settings.classifier_hidden, 1),
        )

    def forward(
        self,
        patches: Tensor,
        features: Tensor,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> NetworkOutput:
        """Logits of a batch.

        Parameters
        ----------
        patches
            Shape (n, 2, i, j, k): scaled QSM and FLAIR.
        features
            Shape (n, n_features), standardised.
        labels
            Shape (n,), 1 for rim+ and 0 for rim-; needed for synthetic rows, in training only.
        generator
            On the CPU; draws the synthetic rows.

        Returns
        -------
        NetworkOutput
            Logits and labels, shape (n,), in training with the synthetic rows behind them.
        """
        image = self.image_branch(patches)  # (n, 512)
        radiomic = self.radiomic_branch(features)  # (n, 512)
        joined = torch.cat([image, radiomic], dim=1)  # (n, 1024)
        rows, labels = self.deep_smote(joined, labels, generator)  # (n + 2 n_rim, 512), (n + 2 n_rim,)
        logits = self.classifier(rows).squeeze(1)  # (n + 2 n_rim,)
        return NetworkOutput(logits, labels)
