"""RimNet: two VGG-like branches, one on the QSM and one on the FLAIR, that meet twice.

Barquero et al., NeuroImage: Clinical 2020;28:102412, made it for phase and FLAIR; here the QSM takes the
place of the phase, as in Zhang et al. 2022. What is not marked is METHOD's. [other] marks what was read, not
copied, in a public network that descends from it (federicospagnolo/MS-lesion-phenotype-classifier), [ours] a
decision of this project:

- [other] The FLAIR is joined behind the pooling of the first blocks, as channels.
- [other] A 1^3 convolution ends a branch in one channel, without activation.
- The first fully connected layer takes what remains of both branches (4 x 4 x 2 voxels each), because the
  publication's abstract says that they meet there too.
- [ours] 256, 128 and 64 are the lengths behind three hidden layers, each followed by Tanh: without it they
  would be one linear map. There is neither batch normalisation nor dropout.
- [other] Pooling keeps the last voxel of an odd length; so any patch shape is possible.
- [ours] Weights start as Glorot and Bengio (2010) draw them for Tanh, biases at 0.
- [ours] ``width`` scales the blocks: width / 2, width and 2 width channels, at 64 those of the publication.
- [ours] One logit, as for the other networks.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from qsmrim_app.networks.output import NetworkOutput
from qsmrim_app.settings import Shape3

_N_BLOCKS = 3
_HIDDEN = (256, 128, 64)  # of the fully connected layers


class RimNet(nn.Module):
    """RimNet on QSM and FLAIR; it looks at no radiomic feature.

    Parameters
    ----------
    width
        Channels of the second block; 64 is the publication's.
    shape_vox
        Of a patch: the fully connected layers know where in it something is.
    """

    def __init__(self, width: int, shape_vox: Shape3) -> None:
        super().__init__()
        widths = (max(1, width // 2), width, 2 * width)
        self.qsm_branch = _branch(widths, n_joined=widths[0])
        self.flair_branch = _branch(widths)
        n_left = math.prod(math.ceil(size / 2**_N_BLOCKS) for size in shape_vox)  # 4 * 4 * 2
        lengths = (2 * n_left, *_HIDDEN)
        hidden = (layer for n_in, n_out in pairwise(lengths) for layer in (nn.Linear(n_in, n_out), nn.Tanh()))
        self.classifier = nn.Sequential(*hidden, nn.Linear(_HIDDEN[-1], 1))
        self.apply(_initialise)

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
            Not looked at.
        labels
            Shape (n,); given back as they are.
        generator
            Not used.

        Returns
        -------
        NetworkOutput
            Logits and labels, shape (n,).
        """
        qsm = self.qsm_branch[0](patches[:, :1])  # (n, 32, 16, 16, 8)
        flair = self.flair_branch[0](patches[:, 1:])  # (n, 32, 16, 16, 8)
        qsm = self.qsm_branch[1:](torch.cat([qsm, flair], dim=1))  # (n, 1, 4, 4, 2)
        flair = self.flair_branch[1:](flair)  # (n, 1, 4, 4, 2)
        rows = torch.cat([qsm.flatten(1), flair.flatten(1)], dim=1)  # (n, 64)
        return NetworkOutput(self.classifier(rows).squeeze(1), labels)


def _branch(widths: tuple[int, ...], n_joined: int = 0) -> nn.Sequential:
    """Three blocks and the convolution that ends them; ``n_joined`` more channels enter the second block."""
    n_in = (1, widths[0] + n_joined, widths[1])
    return nn.Sequential(*map(_block, n_in, widths), nn.Conv3d(widths[-1], 1, 1))


def _block(n_in: int, n_out: int) -> nn.Sequential:
    """Two convolutions and a halving: shape (n, n_in, i, j, k) to (n, n_out, i / 2, j / 2, k / 2)."""
    return nn.Sequential(
        nn.Conv3d(n_in, n_out, 3, padding=1),
        nn.Tanh(),
        nn.Conv3d(n_out, n_out, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool3d(2, ceil_mode=True),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv3d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
