"""Two ResNets that meet as the branches of RimNet do: an ablation of how QSM and FLAIR are fused."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qsmrim_app.networks.resnet3d import ResNet3d


class TwoBranchResNet3d(nn.Module):
    """A ResNet on the QSM and one on the FLAIR, which meet after their first stage and at their ends.

    RimNet joins its branches twice: the first block of the FLAIR goes to the QSM as well, and the first
    fully connected layer takes the ends of both. Here the first *stage* stands for its first block [ours],
    and both vectors are given to whatever follows, which is the first fully connected layer.
    """

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.qsm_branch = ResNet3d(width, embedding, n_channels=1, n_joined=width)
        self.flair_branch = ResNet3d(width, embedding, n_channels=1)

    def forward(self, patches: Tensor) -> Tensor:
        """Patches, shape (n, 2, 32, 32, 16), to vectors, shape (n, 2 embedding)."""
        flair = self.flair_branch.begin(patches[:, 1:])  # (n, w, 8, 8, 4)
        qsm = self.qsm_branch.begin(patches[:, :1])  # (n, w, 8, 8, 4)
        qsm = self.qsm_branch.finish(torch.cat([qsm, flair], dim=1))  # (n, 512)
        flair = self.flair_branch.finish(flair)  # (n, 512)
        return torch.cat([qsm, flair], dim=1)  # (n, 1024)
