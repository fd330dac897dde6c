"""The vectorised engine: the 527 features of all lesions of an image at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import LesionError
from qsmrim_app.radiomic_features.parameters import MAX_GREY_LEVELS, feature_names
from qsmrim_app.radiomic_features.vectorised.bands import BANDS, band_values, crops
from qsmrim_app.radiomic_features.vectorised.cooccurrence import cooccurrence, n_cells
from qsmrim_app.radiomic_features.vectorised.first_order import first_order
from qsmrim_app.radiomic_features.vectorised.grey_levels import (
    Floats,
    grey_levels,
    histogram_features,
    rows_of,
)
from qsmrim_app.radiomic_features.vectorised.run_lengths import run_lengths
from qsmrim_app.radiomic_features.vectorised.shape import shape_features
from qsmrim_app.radiomic_features.vectorised.voxels import LesionVoxels, Lines, lines_of
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsSettings

ENGINE_NAME = "vectorised-1"  # another number where a value changes

# What is in memory at once, unless a single lesion exceeds it.
VOXELS_AT_ONCE = 4096  # of lesions, in all nine images
CELLS_AT_ONCE = 2**20  # of co-occurrence matrices


def engine_name() -> str:
    """Which program computes the features."""
    return ENGINE_NAME


def measure_lesions(
    qsm: Volume, voxels: LesionVoxels, settings: RadiomicsSettings
) -> tuple[Floats, NDArray[np.str_]]:
    """All features of L lesions, in parts that bound the memory.

    Parameters
    ----------
    qsm
        Susceptibility in ppb, shape (i, j, k), in RAS+ axis order, not masked.
    voxels
        Of the lesions, none of them a straight row.
    settings
        Bin width and wavelet.

    Returns
    -------
    values
        Shape (L, 527), NaN where a feature is undefined.
    failures
        Shape (L,): why a lesion could not be measured, else empty.

    Raises
    ------
    LesionError
        If the bin width is not positive.
    """
    if not settings.bin_width_ppb > 0:
        raise LesionError(f"a grey level of {settings.bin_width_ppb:g} ppb has no width")
    n_lesions = len(voxels.n)
    values = np.full((n_lesions, len(feature_names())), np.nan)
    failures = np.full(n_lesions, "", dtype="U20")
    part_of = np.cumsum(voxels.n) // VOXELS_AT_ONCE
    for part in np.split(np.arange(n_lesions), np.flatnonzero(np.diff(part_of)) + 1):
        values[part], failures[part] = _measure_part(qsm, voxels.some(part), settings)
    return values, failures


def _measure_part(
    qsm: Volume, voxels: LesionVoxels, settings: RadiomicsSettings
) -> tuple[Floats, NDArray[np.str_]]:
    crop, first = crops(qsm.data, voxels)
    with np.errstate(invalid="ignore", over="ignore"):
        images = band_values(crop, first, voxels, qsm.shape, settings.wavelet)
        low, high = (end.reduceat(images, voxels.first, axis=1) for end in (np.minimum, np.maximum))
        too_wide = (high - low).max(axis=0) > MAX_GREY_LEVELS * settings.bin_width_ppb
    is_finite = np.logical_and.reduceat(np.isfinite(crop), first)
    failures = np.where(is_finite, np.where(too_wide, "implausible_qsm", ""), "no_qsm")
    values = np.full((len(failures), len(feature_names())), np.nan)
    good = failures == ""
    if good.any():
        images, voxels = images[:, good[voxels.lesion]], voxels.some(np.flatnonzero(good))
        values[good] = _features(images, voxels, qsm, settings.bin_width_ppb)
    return values, failures


def _features(images: Floats, voxels: LesionVoxels, qsm: Volume, bin_width: float) -> Floats:
    """All 527, shape (L, 527), of images (9, N)."""
    lines = lines_of(voxels)
    by_class = _textures(images, voxels, lines, bin_width)
    by_class["firstorder"] |= first_order(images, voxels, float(np.prod(qsm.spacing_mm)))
    shape = shape_features(voxels, lines, qsm.spacing_mm)
    columns = {f"original_shape_{name}": values for name, values in shape.items()}
    for kind, features in by_class.items():
        for name, values in features.items():
            columns |= {f"{band}_{kind}_{name}": row for band, row in zip(BANDS, values, strict=True)}
    return np.stack([columns[name] for name in feature_names()], axis=1)


def _textures(
    images: Floats, voxels: LesionVoxels, lines: Lines, bin_width: float
) -> dict[str, dict[str, Floats]]:
    """Features of the grey levels: class -> name -> shape (B, L); in halves where it would be too much."""
    levels = grey_levels(images, voxels, bin_width)
    n_lesions = len(voxels.n)
    if images.size > len(BANDS) * VOXELS_AT_ONCE or n_cells(levels) > CELLS_AT_ONCE:
        if len(images) > 1:
            parts = [_textures(half, voxels, lines, bin_width) for half in np.array_split(images, 2)]
            return _joined(parts, axis=0)
        if n_lesions > 1:
            parts = []
            for half in np.array_split(np.arange(n_lesions), 2):
                some = voxels.some(half)
                inside = np.isin(voxels.lesion, half)
                parts.append(_textures(images[:, inside], some, lines_of(some), bin_width))
            return _joined(parts, axis=1)
    rows = rows_of(levels)
    found = {
        "firstorder": histogram_features(levels),
        "glcm": cooccurrence(levels, rows, lines),
        "glrlm": run_lengths(levels, rows, lines),
    }
    return {
        kind: {name: values.reshape(len(images), n_lesions) for name, values in features.items()}
        for kind, features in found.items()
    }


def _joined(parts: list[dict[str, dict[str, Floats]]], axis: int) -> dict[str, dict[str, Floats]]:
    return {
        kind: {name: np.concatenate([part[kind][name] for part in parts], axis) for name in features}
        for kind, features in parts[0].items()
    }
