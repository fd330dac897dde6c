"""The augmentation of METHOD's patches as MONAI's and TorchIO's loaders do it: one lesion after the other.

Both get patches that are scaled already, and the transforms that are nearest to ours: a flip along one axis
with probability 0.5, one affine with one linear interpolation, a Gaussian blur. They are not told that most
of a patch is empty, since neither can make use of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from qsmrim_app.settings import AugmentationSettings, Vector3


class Patches(Dataset[Any]):
    """Scaled patches, one at a time, through a transform."""

    def __init__(self, patches: Tensor, transform: Any) -> None:
        self.patches, self.transform = patches, transform

    def __len__(self) -> int:
        return len(self.patches)

    def __getitem__(self, row: int) -> Any:
        return self.transform(self.patches[row])


def monai_batches(patches: Tensor, settings: AugmentationSettings, batch_size: int) -> Iterator[Tensor]:
    """Augmented batches, shape (m, 2, i, j, k), by MONAI."""
    from monai.transforms import Compose, RandAffine, RandAxisFlip, RandGaussianSmooth

    angle = math.radians(settings.rotation_deg[1])
    in_plane, through = settings.blur_in_plane_vox, settings.blur_through_plane_vox
    low, high = settings.scale
    transform = Compose(
        [
            RandAxisFlip(prob=settings.flip_probability),
            RandAffine(
                prob=1.0,
                rotate_range=(angle, angle, angle),
                scale_range=((low - 1, high - 1),) * 3,
                mode="bilinear",
                padding_mode="zeros",
            ),
            RandGaussianSmooth(sigma_x=in_plane, sigma_y=in_plane, sigma_z=through, prob=1.0),
        ]
    )
    yield from DataLoader(Patches(patches, transform), batch_size, shuffle=True)


def torchio_batches(
    patches: Tensor, settings: AugmentationSettings, spacing_mm: Vector3, batch_size: int
) -> Iterator[Tensor]:
    """Augmented batches, shape (m, 2, i, j, k), by TorchIO, whose blur is in millimetres."""
    import torchio

    blurs = (settings.blur_in_plane_vox, settings.blur_in_plane_vox, settings.blur_through_plane_vox)
    flips = {torchio.RandomFlip(axes=axis, flip_probability=1.0): 1.0 for axis in range(3)}
    transform = torchio.Compose(
        [
            torchio.OneOf(flips, p=settings.flip_probability),
            torchio.RandomAffine(
                scales=settings.scale,
                degrees=settings.rotation_deg,
                isotropic=True,
                default_pad_value=0,
            ),
            torchio.RandomBlur(
                std=tuple(sd * size for pair, size in zip(blurs, spacing_mm, strict=True) for sd in pair)
            ),
        ]
    )
    affine = torch.diag(torch.tensor([*spacing_mm, 1.0], dtype=torch.float64))

    def augment(patch: Tensor) -> Tensor:
        subject = torchio.Subject(image=torchio.ScalarImage(tensor=patch, affine=affine))
        return transform(subject).image.data

    yield from DataLoader(Patches(patches, augment), batch_size, shuffle=True)
