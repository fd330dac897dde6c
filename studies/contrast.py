"""What a hand could measure on a lesion: its edge against its core, itself against its surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Volume

PROFILE_MM = np.arange(-4.5, 4.6, 0.75)  # edges of the bins of depth; inside the lesion is negative
SHELL_MM = (2.0, 5.0)  # nearer voxels share the lesion's blur, further ones another tissue
_IN_PLANE = ndimage.generate_binary_structure(2, 1)[
    :, :, None
]  # a voxel and its four neighbours in the slice


@dataclass(frozen=True)
class LesionContrast:
    """What is measured on one lesion, ppb; NaN where a part of it has no voxel."""

    volume_mm3: float
    mean_ppb: float
    surround_ppb: float  # median of the shell
    layer_ppb: float  # outer layer minus the rest
    profile_ppb: tuple[float, ...]  # means at the depths of `PROFILE_MM`, above the surroundings

    @property
    def contrast_ppb(self) -> float:
        """The lesion's mean above its surroundings."""
        return self.mean_ppb - self.surround_ppb


def outer_layer(lesion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of a lesion with at least one of their four neighbours in the slice outside the lesion.

    Parameters
    ----------
    lesion
        Shape (i, j, k), slices along k. Beyond the border of the array everything is outside.
    """
    inner: NDArray[np.bool_] = ndimage.binary_erosion(lesion, _IN_PLANE, border_value=0)
    return lesion & ~inner


def layer_contrast(values: NDArray[np.floating], lesion: NDArray[np.bool_]) -> float:
    """Mean of the lesion's outer layer minus the mean of the rest of it; NaN if there is no rest.

    A paramagnetic rim makes it positive, a bright core negative.

    Parameters
    ----------
    values
        Susceptibility, ppb, shape (i, j, k).
    lesion
        bool, same shape.
    """
    layer = outer_layer(lesion)
    rest = lesion & ~layer
    if not rest.any():
        return float("nan")
    return float(values[layer].mean(dtype=np.float64) - values[rest].mean(dtype=np.float64))


def shell(lesion: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Voxels whose centre lies more than 2 and at most 5 mm from that of the lesion's nearest voxel."""
    distance = ndimage.distance_transform_edt(~lesion, sampling=spacing_mm)
    return (distance > SHELL_MM[0]) & (distance <= SHELL_MM[1])


def edge_profile(
    values: NDArray[np.floating],
    lesion: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
) -> list[float]:
    """Mean of the values at each distance from the outline within the slice; NaN where there is no voxel.

    Parameters
    ----------
    values, lesion
        Shape (i, j, k), slices along k.
    usable
        Which voxels outside the lesion count.
    spacing_mm
        Voxel size; the slices must be square-meshed to within what the bins of `PROFILE_MM` resolve.

    Returns
    -------
    list of float
        One value a bin. Voxels next to the outline lie half a voxel from it.
    """
    flat = (*spacing_mm[:2], 1e6)  # another slice is never the nearest
    half = spacing_mm[0] / 2
    distance = ndimage.distance_transform_edt(~lesion, sampling=flat) - half
    distance[lesion] = half - ndimage.distance_transform_edt(lesion, sampling=flat)[lesion]
    counted = lesion | usable
    bins = np.digitize(distance, PROFILE_MM) - 1
    found = [values[counted & (bins == place)] for place in range(len(PROFILE_MM) - 1)]
    return [float(part.mean(dtype=np.float64)) if part.size else float("nan") for part in found]


def measure_lesions(qsm: Volume, labels: Volume) -> dict[int, LesionContrast]:
    """Every lesion of a label map, by label.

    Parameters
    ----------
    qsm
        Susceptibility, ppb, 0 outside the brain.
    labels
        int32, same grid. Voxels of any lesion, and those outside the brain, do not count as surroundings.
    """
    usable = (labels.data == 0) & (qsm.data != 0)
    boxes = ndimage.find_objects(labels.data)
    return {
        label: _measure(qsm, labels.data, usable, label, box)
        for label, box in enumerate(boxes, start=1)
        if box is not None
    }


def _measure(
    qsm: Volume,
    labels: NDArray[np.int32],
    usable: NDArray[np.bool_],
    label: int,
    box: tuple[slice, ...],
) -> LesionContrast:
    wide = widened(box, qsm.spacing_mm, SHELL_MM[1], qsm.shape)
    lesion, values = labels[wide] == label, qsm.data[wide]
    around = values[shell(lesion, qsm.spacing_mm) & usable[wide]]
    surround = float(np.median(around)) if around.size else float("nan")
    return LesionContrast(
        volume_mm3=float(lesion.sum() * qsm.voxel_volume_mm3),
        mean_ppb=float(values[lesion].mean(dtype=np.float64)),
        surround_ppb=surround,
        layer_ppb=layer_contrast(values, lesion),
        profile_ppb=tuple(edge_profile(values - surround, lesion, usable[wide], qsm.spacing_mm)),
    )


def widened(
    box: tuple[slice, ...],
    spacing_mm: tuple[float, float, float],
    margin_mm: float,
    shape: tuple[int, int, int],
) -> tuple[slice, ...]:
    """A box of voxels with ``margin_mm`` more on every side, as far as the image reaches."""
    margins = [int(np.ceil(margin_mm / size)) for size in spacing_mm]
    return tuple(
        slice(max(0, part.start - margin), min(n, part.stop + margin))
        for part, margin, n in zip(box, margins, shape, strict=True)
    )
