"""Where the brain lies: the support of a masked QSM, or a magnitude by threshold and morphology."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.records import FloatArray, Volume

MASKED_BELOW = 0.95  # a QSM with a larger share of non-zero voxels has not been masked
_CLOSING_MM = 5.0  # bridges sulci and veins that the QSM left out
_OPENING_MM = 4.0  # cuts the brain from the scalp
_MARGIN_MM = 1.0


def is_masked(qsm: Volume) -> bool:
    """Whether the QSM is 0 outside the brain."""
    return bool((qsm.data != 0).mean() <= MASKED_BELOW)


def mask_from_support(qsm: Volume) -> Volume:
    """Closed and filled support of the non-zero voxels, its largest piece.

    Parameters
    ----------
    qsm
        Susceptibility that is 0 outside the brain, shape (i, j, k).

    Returns
    -------
    Volume
        bool, same grid.
    """
    return qsm.with_data(_fill(_close(_largest_piece(qsm.data != 0), qsm.spacing_mm, _CLOSING_MM)))


def mask_from_intensity(image: Volume) -> Volume:
    """Brain of a magnitude or FLAIR image: Otsu's threshold, opening, the largest piece, closing, filling.

    Without a skull in the image this is the head as it stands; with one, the opening cuts thin bridges only,
    so that parts of the face may stay. Good enough for bias correction and for comparing heads, no substitute
    for a brain mask.

    Parameters
    ----------
    image
        Intensities, shape (i, j, k); background near 0.

    Returns
    -------
    Volume
        bool, same grid; empty where the image is constant.
    """
    bright = _above_otsu(image.data)
    core = _largest_piece(_erode(bright, image.spacing_mm, _OPENING_MM))
    if not core.any():  # a head smaller than the opening, as in phantoms
        core = _largest_piece(bright)
        return image.with_data(_fill(_close(core, image.spacing_mm, _CLOSING_MM)))
    opened = _dilate(core, image.spacing_mm, _OPENING_MM + _MARGIN_MM) & bright
    return image.with_data(_fill(_close(opened, image.spacing_mm, _CLOSING_MM)))


def widen(mask: Volume, margin_mm: float) -> Volume:
    """All voxels within ``margin_mm`` of the mask."""
    return mask.with_data(_dilate(mask.data, mask.spacing_mm, margin_mm))


def carry_mask(mask: Volume, grid: Volume, grid_to_mask_mm: FloatArray | None = None) -> Volume:
    """A mask on another grid: the voxels of which it fills more than half.

    Parameters
    ----------
    mask
        bool, on its own grid.
    grid
        Where it is wanted; only shape and affine count.
    grid_to_mask_mm
        Shape (4, 4): world point of the grid to world point of the mask, RAS millimetres. None: identity.
    """
    share = resample_image(mask.with_data(mask.data.astype(np.float32)), grid, grid_to_mask_mm)
    return share.with_data(share.data > 0.5)


def _above_otsu(data: NDArray[Any]) -> NDArray[np.bool_]:
    """Brighter than Otsu's threshold of the logarithm: head and air differ by a factor, tissues by less."""
    logarithm = np.log1p(
        np.maximum(data, 0).astype(np.float64) / max(float(np.percentile(data, 99)), 1e-6) * 50
    )
    image = sitk.GetImageFromArray(logarithm)
    return np.asarray(sitk.GetArrayFromImage(sitk.OtsuThreshold(image, 0, 1, 128)), dtype=bool)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, n = ndimage.label(mask)
    if n < 2:
        return mask
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)


def _dilate(mask: NDArray[np.bool_], spacing: tuple[float, float, float], mm: float) -> NDArray[np.bool_]:
    """All voxels whose centre lies within ``mm`` of one in the mask."""
    if not mask.any():
        return mask.copy()
    pad = [int(np.ceil(mm / size)) + 1 for size in spacing]
    box = tuple(
        slice(max(0, part.start - margin), part.stop + margin)
        for part, margin in zip(ndimage.find_objects(mask.astype(np.int8))[0], pad, strict=True)
    )
    grown = np.zeros_like(mask)
    grown[box] = _distance_mm(mask[box], spacing) <= mm
    return grown


def _distance_mm(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Distance of every voxel to the mask, inside at most 0; twice as fast as SciPy's, and equal outside."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8).transpose(2, 1, 0))
    image.SetSpacing(spacing)
    distance = sitk.SignedMaurerDistanceMapImageFilter()
    distance.SetNumberOfThreads(1)
    distance.SquaredDistanceOff()
    distance.UseImageSpacingOn()
    return np.asarray(sitk.GetArrayFromImage(distance.Execute(image)).transpose(2, 1, 0), dtype=np.float32)


def _erode(mask: NDArray[np.bool_], spacing: tuple[float, float, float], mm: float) -> NDArray[np.bool_]:
    """The inverse of `_dilate`; the border of the image does not erode."""
    return ~_dilate(~mask, spacing, mm)


def _close(mask: NDArray[np.bool_], spacing: tuple[float, float, float], mm: float) -> NDArray[np.bool_]:
    """Dilated, then eroded, beyond the border too, so that nothing is drawn to it."""
    pad = [(int(np.ceil(mm / size)) + 1,) * 2 for size in spacing]
    closed = _erode(_dilate(np.pad(mask, pad), spacing, mm), spacing, mm)
    return closed[tuple(slice(a, n - b) for (a, b), n in zip(pad, closed.shape, strict=True))]


def _fill(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without holes, in the volume and in each slice (what reaches the last slice is open in 3-D)."""
    filled = np.asarray(ndimage.binary_fill_holes(mask))
    for k in range(mask.shape[2]):
        filled[:, :, k] = ndimage.binary_fill_holes(filled[:, :, k])
    return filled
