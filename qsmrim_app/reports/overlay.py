"""Does the FLAIR lie on the QSM? Axial slices of both with the contours of the FLAIR drawn over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Case
from qsmrim_app.reports.outlines import mask_outline
from qsmrim_app.reports.pictures import GreyImages, png_uri
from qsmrim_app.reports.views import AXIAL, View, bounding_box, view_of_box

N_SLICES = 6
SMOOTHING_MM = 0.75  # before the contour is drawn, so that it follows anatomy and not noise
SMALLEST_MM2 = 25.0  # parts of the contoured area below this, and holes in it, are left out


@dataclass(frozen=True)
class OverlaySlice:
    """One axial slice: both images in one frame, and the contour of the FLAIR."""

    view: View
    qsm_png: str
    flair_png: str
    contour: str
    z_mm: float  # world coordinate of the middle of the slice


def registration_slices(case: Case, grey: GreyImages) -> tuple[OverlaySlice, ...]:
    """Evenly spaced axial slices through the middle four fifths of the brain."""
    box = bounding_box(case.brain_mask.data, margin=3)
    low, high = box[2]
    wanted = np.linspace(low + 0.2 * (high - low), low + 0.85 * (high - low), N_SLICES)
    indices = sorted({min(int(index), high - 1) for index in wanted})
    return tuple(_slice(case, grey, view_of_box(case.qsm, AXIAL, index, box)) for index in indices)


def _slice(case: Case, grey: GreyImages, view: View) -> OverlaySlice:
    flair = view.picture(case.flair.data)
    tissue = _tissue(flair, view.picture(case.brain_mask.data), view.spacing_mm)
    middle = [(start + stop - 1) / 2 for start, stop in zip(view.start, view.stop, strict=True)]
    world = case.qsm.affine @ np.array([*middle, view.index, 1.0])
    return OverlaySlice(
        view,
        png_uri(view.picture(grey.qsm)),
        png_uri(view.picture(grey.flair)),
        mask_outline(view, tissue),
        float(world[2]),
    )


def _tissue(
    flair: NDArray[np.floating], brain: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    """Where the FLAIR shows tissue: above the middle between fluid (5th percentile) and the median."""
    if not brain.any():
        return np.zeros(flair.shape, dtype=bool)
    inside = np.where(brain, flair, flair[brain].min())
    sigma = [SMOOTHING_MM / spacing_mm[1], SMOOTHING_MM / spacing_mm[0]]  # rows, columns
    smooth = ndimage.gaussian_filter(inside.astype(np.float64), sigma)
    level = (np.percentile(flair[brain], 5) + np.median(flair[brain])) / 2
    smallest = max(1, round(SMALLEST_MM2 / (spacing_mm[0] * spacing_mm[1])))
    large = _without_small_parts(smooth > level, smallest)
    return ~_without_small_parts(~large, smallest)


def _without_small_parts(mask: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept: NDArray[np.bool_] = (sizes >= smallest)[parts]
    return kept
