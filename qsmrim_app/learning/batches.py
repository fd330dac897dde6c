"""Shuffled batches, as the network sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from qsmrim_app.learning.augmentation import (
    AugmentationParameters,
    augment,
    change_intensities,
    draw_parameters,
)
from qsmrim_app.learning.scaling import scale_patches
from qsmrim_app.settings import DetectorSettings

LAYOUT = torch.channels_last_3d  # a training step on the CPU is a tenth to a sixth faster in it


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What a network learns from.

    Parameters
    ----------
    patches
        Shape (n, 2, i, j, k), float32, as in `LesionSamples`: neither scaled nor augmented.
    features
        Shape (n, f), float32, standardised.
    labels
        Shape (n,), float32: 1 rim+, 0 rim-.
    """

    patches: Tensor
    features: Tensor
    labels: Tensor


def shuffled_batches(n_rows: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers 0 .. n_rows - 1, each once, in random order, ``batch_size`` at a time.

    A last batch of one row is left out, as batch normalisation cannot learn from it; each epoch another row.
    """
    order = torch.randperm(n_rows, generator=generator)
    return (rows for rows in torch.split(order, batch_size) if len(rows) > 1)


def prepare_batch(
    rows: TrainingRows, batch: Tensor, settings: DetectorSettings, device: str, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Patches, features and labels of a batch on the device; patches scaled and augmented.

    Parameters
    ----------
    rows
        Of which the batch is made; the patches may be on the device already.
    batch
        Row numbers, shape (m,), on the CPU.
    settings
        Augmentation, scale and network.
    device
        As from `choose_device`.
    generator
        Draws, on the CPU, so that every device sees the same.
    """
    patches, features = rows.patches[batch.to(rows.patches.device)].to(device), rows.features[batch]
    parameters = None
    if settings.training.augment:
        parameters = draw_parameters(len(batch), settings.augmentation, generator)
        noise = torch.randn(features.shape, generator=generator)
        features = features + settings.augmentation.feature_noise_sd * noise
    if settings.network.fusion != "no-image":  # most of the time of a training goes into this
        patches = _seen(patches, parameters, settings).contiguous(memory_format=LAYOUT)
    return patches, features.to(device), rows.labels[batch].to(device)


def _seen(patches: Tensor, parameters: AugmentationParameters | None, settings: DetectorSettings) -> Tensor:
    """Patches scaled, and augmented where there are parameters; shape (n, 2, i, j, k) in and out."""
    if parameters is None:
        return scale_patches(patches, settings.patch)
    scaled = scale_patches(change_intensities(patches, parameters), settings.patch)
    return augment(scaled, parameters, settings.spacing_mm)
