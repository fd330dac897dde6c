"""A three-dimensional ResNet-18 that turns a patch into a vector."""

from __future__ import annotations

from torch import Tensor, nn

PAPER_WIDTH = 64  # at this width the last stage has the length of the embedding, and no Linear follows
_STRIDES = (1, 2, 2, 1)  # of the four stages; a patch is too flat for a fourth halving
_BLOCKS_PER_STAGE = 2


class BasicBlock(nn.Module):
    """Two 3^3 convolutions and the way around them."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm3d(n_out)
        self.conv2 = nn.Conv3d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.around: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.around = nn.Sequential(
                nn.Conv3d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm3d(n_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Shape (n, n_in, i, j, k) to (n, n_out, i / stride, j / stride, k / stride)."""
        out: Tensor = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        out = self.relu(out + self.around(x))
        return out


class ResNet3d(nn.Module):
    """Stem 7^3 stride 2, max-pool 3 stride 2, four stages of two blocks, average over space.

    Parameters
    ----------
    width
        Channels of the first stage; the others have 2, 4 and 8 times as many. 64 is the paper's.
    embedding
        Length of the vector. Where ``8 * width`` differs from it, a Linear ends the branch.
    n_channels
        Of the patch: QSM and FLAIR.
    n_joined
        Channels of another network that are joined to those of the first stage, before the second.
    """

    def __init__(self, width: int, embedding: int, n_channels: int = 2, n_joined: int = 0) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(n_channels, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(3, stride=2, padding=1),
        )
        n_in = (width, width + n_joined, 2 * width, 4 * width)
        n_out = (width, 2 * width, 4 * width, 8 * width)
        self.stages = nn.Sequential(*map(_stage, n_in, n_out, _STRIDES))
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.head: nn.Module = nn.Identity()
        if 8 * width != embedding:
            self.head = nn.Linear(8 * width, embedding)
        self.apply(_initialise)

    def forward(self, patches: Tensor) -> Tensor:
        """Patches, shape (n, 2, 32, 32, 16), to vectors, shape (n, embedding)."""
        return self.finish(self.begin(patches))

    def begin(self, patches: Tensor) -> Tensor:
        """Stem and first stage: patches, shape (n, 2, 32, 32, 16), to shape (n, w, 8, 8, 4)."""
        x: Tensor = self.stem(patches)  # (n, w, 8, 8, 4)
        x = self.stages[0](x)  # (n, w, 8, 8, 4)
        return x

    def finish(self, x: Tensor) -> Tensor:
        """The later stages: shape (n, w + n_joined, 8, 8, 4) to vectors, shape (n, embedding)."""
        for stage in list(self.stages)[1:]:
            x = stage(x)  # (n, 2w, 4, 4, 2), (n, 4w, 2, 2, 1), (n, 8w, 2, 2, 1)
        x = self.pool(x).flatten(1)  # (n, 8w)
        out: Tensor = self.head(x)  # (n, embedding)
        return out


def _stage(n_in: int, n_out: int, stride: int) -> nn.Sequential:
    first = BasicBlock(n_in, n_out, stride)
    return nn.Sequential(first, *(BasicBlock(n_out, n_out, 1) for _ in range(_BLOCKS_PER_STAGE - 1)))


def _initialise(module: nn.Module) -> None:
    """Draw convolutions with the variance that keeps the signal alive behind a ReLU (He et al. 2015).

    Weights without memory, which wait for stored ones, are left alone: drawing them loads PyTorch's compiler.
    """
    if isinstance(module, nn.Conv3d) and not module.weight.is_meta:
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
