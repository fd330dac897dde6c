"""What a susceptibility map shows by itself: its spread, its bright veins, its bright deep grey matter.

No atlas is needed. Veins are the thin bright end of the values: about 1 % of the brain holds blood of some
+300 ppb, and nothing in it is as dark. The iron of the basal ganglia makes a bright patch of some
10 mm in the middle of each half. Both turn dark in a map of the wrong sign, and neither is in a field map.
What is strong and thick, a calcification or a haemorrhage, is no vein and no nucleus and is left out of both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.images import grid_with_spacing
from qsmrim_app.preprocessing.brain_mask import carry_mask, widen
from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.records import Volume

_SPACING_MM = 2.0  # fine enough for veins, and the whole brain in a second
_RIND_MM = 5.0  # next to the edge of the mask a reconstruction is at its worst
_TAIL_PERCENT = 0.2
_FEWEST_VOXELS = 5000  # 40 ml: ten voxels in each tail
_WHOLE_BRAIN_ML = 500.0  # below it the middle of the mask need not be that of the brain
_COMPACT_PPB, _COMPACT_SD = 200.0, 10.0  # from the median, both; calcifications reach them, nuclei do not
_COMPACT_MM = 3.0  # from its edge; veins inside the brain are thinner than twice that
_STREAKS_MM = 5.0  # around it, where its field is not inverted well
_PATCH_MM, _AROUND_MM = 2.0, 8.0  # standard deviations of the two Gaussians that single out a nucleus
_NUCLEUS_ML = 0.5  # the brightest part of a side that is looked at; a globus pallidus has about 1.5 ml
# The box of the basal ganglia, in half widths of the brain mask from its centre of mass
_SIDE, _FRONT, _HEIGHT = (0.08, 0.5), (-0.4, 0.5), (-0.5, 0.35)


class QsmEvidence(NamedTuple):
    """Measures of one map. NaN where the mask is too small to say.

    ``spread_ppb`` is the robust standard deviation inside the brain; ``negative_share`` that of its voxels;
    the two ratios are bright over dark, above 1 in a map of the right sign. ``compact_ml`` is what was left
    out of them: thick areas of strong values.
    """

    brain_ml: float
    spread_ppb: float
    negative_share: float
    vein_ratio: float
    deep_grey_ratio: float
    compact_ml: float = 0.0


def measure_qsm(qsm: Volume, brain_mask: Volume) -> QsmEvidence:
    """The measures of a susceptibility map.

    Parameters
    ----------
    qsm
        ppb, RAS+ axis order, shape (i, j, k); 0 where it is not known.
    brain_mask
        bool, same grid.
    """
    inside = brain_mask.data & (qsm.data != 0)
    values = qsm.data[inside].astype(np.float64)
    brain_ml = float(brain_mask.data.sum() * brain_mask.voxel_volume_mm3 / 1000)
    if not values.size:
        return QsmEvidence(brain_ml, 0.0, float("nan"), float("nan"), float("nan"))
    grid = grid_with_spacing(qsm, (_SPACING_MM,) * 3)
    coarse, known = resample_image(qsm, grid), carry_mask(qsm.with_data(inside), grid)
    spread_ppb = float(1.4826 * np.median(np.abs(values - np.median(values))))
    compact = compact_areas(coarse, known, max(_COMPACT_PPB, _COMPACT_SD * spread_ppb))
    known = known.with_data(known.data & ~compact.data)
    core = known.data & ~widen(known.with_data(~known.data), _RIND_MM).data
    judged = core.sum() >= _FEWEST_VOXELS
    return QsmEvidence(
        brain_ml,
        spread_ppb,
        float((values < 0).mean()),
        vein_ratio(coarse.data[core]) if judged else float("nan"),
        deep_grey_ratio(coarse, known, core) if judged and brain_ml >= _WHOLE_BRAIN_ML else float("nan"),
        float(compact.data.sum() * compact.voxel_volume_mm3 / 1000),
    )


def compact_areas(qsm: Volume, known: Volume, strong_ppb: float) -> Volume:
    """Where strong values, of either sign, are too thick for veins, with what they disturb around them.

    Parameters
    ----------
    qsm, known
        Susceptibility in ppb and where it is known (bool), one isotropic grid.
    strong_ppb
        Distance from the median beyond which a value is strong.

    Returns
    -------
    Volume
        bool, same grid.
    """
    median = np.median(qsm.data[known.data]) if known.data.any() else 0.0
    strong = known.data & (np.abs(qsm.data - median) > strong_ppb)
    depth = ndimage.distance_transform_edt(strong, sampling=qsm.spacing_mm)
    if not (depth > _COMPACT_MM).any():
        return known.with_data(np.zeros_like(strong))
    around = _COMPACT_MM + _SPACING_MM  # without the veins that lead to it
    thick = strong & widen(known.with_data(depth > _COMPACT_MM), around).data
    return widen(known.with_data(thick), _STREAKS_MM)


def vein_ratio(values: NDArray[np.floating]) -> float:
    """How far the brightest 0.2 % of the values lie from the median, over how far the darkest do.

    Parameters
    ----------
    values
        Susceptibility of the brain, shape (n,), any unit.
    """
    low, middle, high = np.percentile(values, [_TAIL_PERCENT, 50, 100 - _TAIL_PERCENT])
    return float((high - middle) / max(middle - low, 1e-6))


def deep_grey_ratio(qsm: Volume, known: Volume, core: NDArray[np.bool_]) -> float:
    """How bright a patch in the middle of both halves is, over how dark one is.

    The map smoothed by 2 mm minus that smoothed by 8 mm, in a box about the basal ganglia; of each side the
    mean of the 0.5 ml where it is highest (lowest), of the two sides the weaker one, as a single vein or
    lesion has no partner.

    Parameters
    ----------
    qsm, known
        Susceptibility and where it is known (bool), one isotropic grid in RAS+ axis order.
    core
        Where to look, bool, same shape.
    """
    patches = _smooth(qsm, known, _PATCH_MM) - _smooth(qsm, known, _AROUND_MM)
    side, front, height = _position(known)
    box = core & _between(front, _FRONT) & _between(height, _HEIGHT)
    halves = [np.sort(patches[box & _between(sign * side, _SIDE)]) for sign in (-1, 1)]
    n = round(_NUCLEUS_ML * 1000 / known.voxel_volume_mm3)
    if min(half.size for half in halves) < 2 * n:
        return float("nan")
    bright = min(float(half[-n:].mean()) for half in halves)
    dark = min(float(-half[:n].mean()) for half in halves)
    return bright / max(dark, 1e-6)


def _smooth(image: Volume, known: Volume, sigma_mm: float) -> NDArray[np.float32]:
    """Gaussian mean over the known voxels alone, float32."""
    sigma = sigma_mm / np.array(image.spacing_mm)
    weight = ndimage.gaussian_filter(known.data.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(known.data, image.data, 0).astype(np.float32), sigma)
    return np.asarray(total / np.maximum(weight, 1e-3), dtype=np.float32)


def _position(mask: Volume) -> list[NDArray[np.float64]]:
    """Along each axis the distance from the centre of mass in half widths of the mask, to be broadcast."""
    points = np.argwhere(mask.data)
    half = np.maximum(np.ptp(points, axis=0) / 2, 1)
    grid = np.ogrid[tuple(slice(n) for n in mask.shape)]
    return [
        (axis - centre) / size for axis, centre, size in zip(grid, points.mean(axis=0), half, strict=True)
    ]


def _between(values: NDArray[np.float64], limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (values > limits[0]) & (values < limits[1])
