"""Random flips, scales, rotations and blurs of a batch of patches: drawn first, applied after."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from qsmrim_app.settings import AugmentationSettings, Vector3

_TRUNCATE_SD = 4.0  # a blur reaches this many standard deviations far
_NEGLIGIBLE_SD = 1e-3
_WINDOWS = (0.4, 0.6, 0.75, 1.0)  # shares of a patch, about its centre, in which small lesions are moved


@dataclass(frozen=True, eq=False)
class AugmentationParameters:
    """What happens to each patch of a batch, all on the CPU.

    Parameters
    ----------
    flip
        Shape (n, 3): -1 where that axis is mirrored, else 1.
    scale
        Shape (n,): above 1 the lesion grows.
    rotation_rad
        Shape (n, 3): about i, then j, then k.
    blur_sd_vox
        Shape (n, 3): standard deviation of the blur along i, j, k.
    qsm_gain, qsm_offset_ppb
        Shape (n,): what the susceptibility of a lesion is multiplied with, and what is then added to it.
    flair_gain
        Shape (n,): what its z-score is multiplied with.
    """

    flip: Tensor
    scale: Tensor
    rotation_rad: Tensor
    blur_sd_vox: Tensor
    qsm_gain: Tensor
    qsm_offset_ppb: Tensor
    flair_gain: Tensor

    def take(self, rows: Tensor) -> AugmentationParameters:
        """Those of the given patches (indices), in that order."""
        return AugmentationParameters(
            **{item.name: getattr(self, item.name)[rows] for item in dataclasses.fields(self)}
        )


def draw_parameters(
    n: int, settings: AugmentationSettings, generator: torch.Generator
) -> AugmentationParameters:
    """Independent draws for n patches; ``generator`` is on the CPU, so that every device sees the same."""

    def uniform(limits: tuple[float, float], *shape: int) -> Tensor:
        low, high = limits
        return low + (high - low) * torch.rand(*shape, generator=generator)

    flipped = torch.rand(n, generator=generator) < settings.flip_probability
    axis = torch.randint(3, (n,), generator=generator)
    mirrored = flipped[:, None] & (functional.one_hot(axis, 3) == 1)  # (n, 3)
    return AugmentationParameters(
        flip=1.0 - 2.0 * mirrored.float(),
        scale=uniform(settings.scale, n),
        rotation_rad=torch.deg2rad(uniform(settings.rotation_deg, n, 3)),
        blur_sd_vox=torch.cat(
            [uniform(settings.blur_in_plane_vox, n, 2), uniform(settings.blur_through_plane_vox, n, 1)], dim=1
        ),
        qsm_gain=uniform(settings.qsm_gain, n),
        qsm_offset_ppb=uniform(settings.qsm_offset_ppb, n),
        flair_gain=uniform(settings.flair_gain, n),
    )


def change_intensities(patches: Tensor, parameters: AugmentationParameters) -> Tensor:
    """Patches with another gain of both images and another zero of the QSM, where they are not 0.

    Shape (n, 2, i, j, k) in and out: QSM in ppb, FLAIR as z-score.
    """
    gain, offset, flair_gain = (
        values.to(patches)[:, None, None, None]
        for values in (parameters.qsm_gain, parameters.qsm_offset_ppb, parameters.flair_gain)
    )
    qsm = patches[:, 0]
    changed = torch.where(qsm != 0, gain * qsm + offset, qsm)
    return torch.stack([changed, flair_gain * patches[:, 1]], dim=1)


def augment(patches: Tensor, parameters: AugmentationParameters, spacing_mm: Vector3) -> Tensor:
    """Mirror, scale and rotate about the centre with one trilinear interpolation, then blur.

    Most lesions fill a hundredth of their patch. On the CPU each is moved in the smallest window about the
    centre that it does not leave; the rest of its patch stays 0. The result is that of the whole patch.

    Parameters
    ----------
    patches
        Shape (n, c, i, j, k), on any device. What lies outside a patch counts as 0.
    parameters
        Of the n patches.
    spacing_mm
        Voxel size along i, j, k: a rotation is one in millimetres.

    Returns
    -------
    Tensor
        Same shape.
    """
    if patches.device.type != "cpu":  # one large operation is faster there than several small ones
        return _augment_whole(patches, parameters, spacing_mm)
    result = torch.zeros_like(patches)
    fitting = _smallest_windows(patches, parameters, spacing_mm)  # (n,)
    for number, share in enumerate(_WINDOWS):
        rows = torch.nonzero(fitting == number)[:, 0]
        if len(rows):
            i, j, k = _window(patches.shape[2:], share)
            moved = _augment_whole(patches[rows][:, :, i, j, k], parameters.take(rows), spacing_mm)
            result[rows, :, i, j, k] = moved
    return result


def _augment_whole(patches: Tensor, parameters: AugmentationParameters, spacing_mm: Vector3) -> Tensor:
    matrices = output_to_input(parameters, spacing_mm)  # (n, 3, 3)
    moved = _resample(patches, matrices.to(patches))
    for axis in range(3):
        blur = blur_matrices(parameters.blur_sd_vox[:, axis], patches.shape[2 + axis])
        moved = _along_axis(moved, blur.to(patches), axis)
    return moved


def _smallest_windows(patches: Tensor, parameters: AugmentationParameters, spacing_mm: Vector3) -> Tensor:
    """Which of `_WINDOWS` holds each patch's content wherever it moves, shape (n,)."""
    shape = patches.shape[2:]
    spacing = torch.tensor(spacing_mm)
    reach_mm = (_reach_vox(patches) + 1) * spacing  # (n, 3); an interpolation spreads by up to a voxel
    turn = parameters.scale[:, None, None] * _rotations(parameters.rotation_rad)
    moved = (turn.abs() @ reach_mm[:, :, None])[:, :, 0] / spacing  # (n, 3)
    needed = moved + torch.floor(_TRUNCATE_SD * parameters.blur_sd_vox + 0.5)
    halves = torch.tensor(
        [[(part.stop - part.start) / 2 for part in _window(shape, share)] for share in _WINDOWS]
    )
    fits = (needed[:, None] <= halves[None]).all(dim=2)  # (n, windows)
    fits[:, -1] = True
    return fits.int().argmax(dim=1)


def _reach_vox(patches: Tensor) -> Tensor:
    """How far the content of each patch reaches from its centre along i, j, k, shape (n, 3)."""
    filled = (patches != 0).any(dim=1)  # (n, i, j, k)
    reach = []
    for axis, others in enumerate(((2, 3), (1, 3), (1, 2))):
        size = patches.shape[2 + axis]
        distance = (torch.arange(size) - (size - 1) / 2).abs() + 0.5
        reach.append((filled.any(dim=others[1]).any(dim=others[0]) * distance).amax(dim=1))
    return torch.stack(reach, dim=1)


def _window(shape: Sequence[int], share: float) -> tuple[slice, ...]:
    """A window about the centre of a patch, as even or odd as the patch is along each axis."""
    margins = [int(size * (1 - share) / 2) for size in shape]
    return tuple(slice(margin, size - margin) for margin, size in zip(margins, shape, strict=True))


def output_to_input(parameters: AugmentationParameters, spacing_mm: Vector3) -> Tensor:
    """Matrix from an output voxel to the input voxel it shows, both from the centre, shape (n, 3, 3)."""
    spacing = torch.tensor(spacing_mm)
    turn = parameters.scale[:, None, None] * _rotations(parameters.rotation_rad)  # (n, 3, 3), mm to mm
    inverse = torch.linalg.inv(turn)
    in_voxels: Tensor = inverse * spacing[None, None, :] / spacing[None, :, None]
    return parameters.flip[:, :, None] * in_voxels


def blur_matrices(sd_vox: Tensor, length: int) -> Tensor:
    """Gaussian blur along an axis as a matrix a sample; radius int(4 sd + 0.5), 0 beyond the ends.

    Parameters
    ----------
    sd_vox
        Shape (n,).
    length
        Voxels along the axis.

    Returns
    -------
    Tensor
        Shape (n, length, length), symmetric; a row that the border does not cut sums to 1.
    """
    sd = sd_vox[:, None].clamp(min=_NEGLIGIBLE_SD)
    radius = torch.floor(_TRUNCATE_SD * sd_vox + 0.5)[:, None]  # (n, 1)
    reach = math.floor(_TRUNCATE_SD * float(sd_vox.max()) + 0.5) if len(sd_vox) else 0
    steps = torch.arange(max(length, reach + 1), dtype=sd.dtype)  # (steps,)
    weights = torch.exp(-0.5 * (steps / sd) ** 2) * (steps <= radius)  # (n, steps)
    weights = weights / (2 * weights.sum(dim=1, keepdim=True) - weights[:, :1])
    distance = (steps[:length, None] - steps[None, :length]).abs().long()  # (length, length)
    return weights[:, distance]


def _rotations(angles: Tensor) -> Tensor:
    """Rotation about i, then j, then k, shape (n, 3, 3)."""
    total = torch.eye(3).expand(len(angles), 3, 3)
    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        turn = torch.eye(3).repeat(len(angles), 1, 1)
        cosine, sine = angles[:, axis].cos(), angles[:, axis].sin()
        turn[:, one, one], turn[:, one, two] = cosine, -sine
        turn[:, two, one], turn[:, two, two] = sine, cosine
        total = turn @ total
    return total


def _resample(patches: Tensor, matrices: Tensor) -> Tensor:
    """Trilinear; ``matrices`` as from `output_to_input`."""
    # grid_sample counts each axis from -1 to 1 over the outer faces, and names the last axis first
    half = torch.tensor(patches.shape[2:]).to(patches) / 2
    normalised = (matrices * half[None, None, :] / half[None, :, None]).flip(1, 2)  # (n, 3, 3)
    theta = torch.cat([normalised, torch.zeros_like(normalised[:, :, :1])], dim=2)  # (n, 3, 4)
    grid = functional.affine_grid(theta, list(patches.shape), align_corners=False)
    return functional.grid_sample(patches, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _along_axis(patches: Tensor, matrices: Tensor, axis: int) -> Tensor:
    """Multiply every line of a sample along ``axis`` (0 to 2 for i, j, k) by its own symmetric matrix."""
    n, channels, i, j, k = patches.shape
    if axis == 2:
        return (patches.reshape(n, -1, k) @ matrices).reshape(patches.shape)
    if axis == 1:
        lines = patches.reshape(n, channels * i, j, k)
        return (matrices[:, None] @ lines).reshape(patches.shape)
    lines = patches.reshape(n, channels, i, j * k)
    return (matrices[:, None] @ lines).reshape(patches.shape)
