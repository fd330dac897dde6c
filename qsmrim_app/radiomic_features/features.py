"""The 527 features of each lesion (METHOD: radiomics).

They are pyradiomics' values on the whole, unmasked susceptibility map, computed on a crop that gives the same
values. Of the grid only the voxel size counts: a rotated or sheared affine gives the features of an upright
grid with the same spacing, as in pyradiomics (so VoxelVolume ignores a shear, where ``Lesion.volume_mm3``
does not).

pyradiomics' mesh volume is not always independent of where the mask lies in its array: on two realistic label
maps it moved with the position in 34 of 118 lesions, and with it Sphericity and SurfaceVolumeRatio. Values
here are those of a mask cut to the lesion's tight box, as pyradiomics' extractor cuts it; a looser box is
refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import GridMismatchError, LesionError, UnknownLesionError
from qsmrim_app.radiomic_features.bands import lesion_bands
from qsmrim_app.radiomic_features.crop import LesionCrop, crop_lesion
from qsmrim_app.radiomic_features.engine import Engine, engine_name
from qsmrim_app.radiomic_features.parameters import feature_names, radiomics_parameters
from qsmrim_app.records import Lesion, Volume
from qsmrim_app.settings import RadiomicsSettings

__all__ = ["MAX_GREY_LEVELS", "FeatureRows", "extract_features", "feature_names"]

# The texture matrices take memory with the square of this: 512 levels of 25 ppb are 27 MB a matrix, and no
# susceptibility map spans 12,800 ppb (12.8 ppm) within one lesion.
MAX_GREY_LEVELS = 512

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """One row of features a lesion.

    Parameters
    ----------
    values
        Shape (n, 527), float64, in the order of the lesions asked for; NaN where a feature is undefined.
    names
        Of the 527 columns.
    engine
        Which program computed them, with its version.
    failures
        Label -> why nothing could be measured, a key of ``tables.columns.EXCLUSION_REASONS``; these rows are
        all NaN.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    engine: str
    failures: Mapping[int, str]


def extract_features(
    qsm: Volume, labels: Volume, lesions: Sequence[Lesion], settings: RadiomicsSettings
) -> FeatureRows:
    """Measure the given lesions, one after the other.

    Parameters
    ----------
    qsm
        Susceptibility in ppb, shape (i, j, k), in RAS+ axis order, not masked to the lesions.
    labels
        int32 instances on the same grid.
    lesions
        Lesions of ``labels``; others in the map are ignored.
    settings
        Bin width and wavelet.

    Returns
    -------
    FeatureRows
        A row for each of ``lesions``. A single voxel or a straight row along an axis is a failure
        (``flat_or_straight``); a few scattered voxels leave single features NaN.

    Raises
    ------
    GridMismatchError
        If the images do not share a grid.
    UnknownLesionError
        If a lesion does not lie in ``labels`` as it is described, voxels and tight box.
    """
    if qsm.shape != labels.shape or not np.allclose(qsm.affine, labels.affine, atol=1e-3):
        raise GridMismatchError(
            f"QSM and lesion labels must share one grid, but their shapes ({qsm.shape} and {labels.shape}) "
            "or affines differ; resample the labels"
        )
    names = feature_names()
    engine = Engine(radiomics_parameters(), settings.bin_width_ppb, qsm.spacing_mm)
    values = np.full((len(lesions), len(names)), np.nan)
    failures: dict[int, str] = {}
    for row, lesion in enumerate(lesions):
        measured = _measure(_checked_crop(qsm, labels, lesion), settings, engine)
        if isinstance(measured, str):
            failures[lesion.index] = measured
            _LOG.info("lesion %d has no features: %s", lesion.index, measured)
            continue
        values[row] = [measured[name] for name in names]
        _log_undefined(lesion, values[row], names)
    return FeatureRows(values, names, engine_name(), failures)


def _checked_crop(qsm: Volume, labels: Volume, lesion: Lesion) -> LesionCrop:
    crop = crop_lesion(qsm, labels, lesion)
    found = np.count_nonzero(crop.mask)
    if found != lesion.n_voxels:
        raise UnknownLesionError(
            f"lesion {lesion.index} should have {lesion.n_voxels} voxels in its box, the label map has "
            f"{found}; find the lesions in the very map that is measured"
        )
    if _extent_vox(crop) != crop.mask.shape:
        raise UnknownLesionError(
            f"the box of lesion {lesion.index} is {crop.mask.shape} voxels, the lesion {_extent_vox(crop)}; "
            "a box must be tight"
        )
    return crop


def _extent_vox(crop: LesionCrop) -> tuple[int, ...]:
    return tuple(int(side) + 1 for side in np.ptp(np.argwhere(crop.mask), axis=0))


def _measure(crop: LesionCrop, settings: RadiomicsSettings, engine: Engine) -> dict[str, float] | str:
    """The features by name, or the reason why there are none."""
    if sum(side > 1 for side in crop.mask.shape) < 2:
        return "flat_or_straight"
    if not np.isfinite(crop.image).all():
        return "no_qsm"
    bands = lesion_bands(crop, settings.wavelet)
    spans = (float(np.ptp(band[crop.mask])) for band in bands.values())
    if max(spans) > MAX_GREY_LEVELS * settings.bin_width_ppb:
        return "implausible_qsm"
    try:
        return engine.measure(bands, crop.mask)
    except LesionError as error:
        _LOG.warning("%s", error)
        return "radiomics_failed"


def _log_undefined(lesion: Lesion, row: NDArray[np.float64], names: Iterable[str]) -> None:
    undefined = [name for name, value in zip(names, row, strict=True) if np.isnan(value)]
    if undefined:
        _LOG.info(
            "lesion %d: %d features are undefined, %s first", lesion.index, len(undefined), undefined[0]
        )
