"""QSMRim-Net: a ResNet on patches and a perceptron on features, joined; then DeepSMOTE and a classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qsmrim_app.networks.deepsmote import DeepSmote
from qsmrim_app.networks.output import NetworkOutput
from qsmrim_app.networks.radiomics_mlp import RadiomicsMlp
from qsmrim_app.networks.resnet3d import ResNet3d
from qsmrim_app.networks.two_branch_resnet3d import TwoBranchResNet3d
from qsmrim_app.settings import NetworkSettings


class QsmRimNet(nn.Module):
    """The network of METHOD: image branch, radiomic branch, concatenation, DeepSMOTE, classifier.

    Settings can leave out a branch, or let QSM and FLAIR meet as in RimNet. The layers of DeepSMOTE fuse the
    two branches, so they stand where both do; a single branch leads straight to the classifier [ours].

    Raises
    ------
    ValueError
        If there is no branch, or DeepSMOTE without two.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        embedding = settings.embedding
        self.image_branch, n_image = _image_branch(settings)
        self.radiomic_branch = RadiomicsMlp(settings) if settings.radiomics else None
        n_joined = n_image + embedding * settings.radiomics
        is_fused = bool(n_image) and settings.radiomics
        if not n_joined or (settings.deep_smote and not is_fused):
            raise ValueError("a network needs a branch, and DeepSMOTE needs both")
        self.deep_smote = DeepSmote(n_joined, embedding, synthesise=settings.deep_smote) if is_fused else None
        self.classifier = nn.Sequential(
            nn.Linear(embedding if is_fused else n_joined, settings.classifier_hidden),
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
        vectors = []
        if self.image_branch is not None:
            vectors.append(self.image_branch(patches))  # (n, 512), or (n, 1024) with two branches
        if self.radiomic_branch is not None:
            vectors.append(self.radiomic_branch(features))  # (n, 512)
        rows = torch.cat(vectors, dim=1)  # (n, 1024)
        if self.deep_smote is not None:
            rows, labels = self.deep_smote(rows, labels, generator)  # (n + 2 n_rim, 512), (n + 2 n_rim,)
        logits = self.classifier(rows).squeeze(1)  # (n + 2 n_rim,)
        return NetworkOutput(logits, labels)


def _image_branch(settings: NetworkSettings) -> tuple[nn.Module | None, int]:
    """The branch that sees the patches, and the length of its vector."""
    if settings.fusion == "no-image":
        return None, 0
    if settings.fusion == "rimnet":
        return TwoBranchResNet3d(settings.width, settings.embedding), 2 * settings.embedding
    return ResNet3d(settings.width, settings.embedding), settings.embedding
