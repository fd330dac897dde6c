"""The 527 features of each lesion (METHOD: radiomics).

They are pyradiomics' values on the whole, unmasked susceptibility map. Two engines compute them, both on no
more of the image than they depend on: ``vectorised``, all lesions at once, and ``pyradiomics`` itself, lesion
after lesion, the reference. Of the grid only the voxel size counts: a rotated or sheared affine gives the
features of an upright grid with the same spacing, as in pyradiomics (so VoxelVolume ignores a shear, where
``Lesion.volume_mm3`` does not).

pyradiomics' mesh volume is not always independent of where the mask lies in its array: on two realistic label
maps it moved with the position in 34 of 118 lesions, and with it Sphericity and SurfaceVolumeRatio. Values
here are those of a mask cut to the lesion's tight box, as pyradiomics' extractor cuts it; a looser box is
refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import GridMismatchError, LesionError
from qsmrim_app.radiomic_features import pyradiomics_engine
from qsmrim_app.radiomic_features.parameters import MAX_GREY_LEVELS, feature_names
from qsmrim_app.radiomic_features.vectorised import engine as vectorised_engine
from qsmrim_app.radiomic_features.vectorised.voxels import LesionVoxels, lesion_voxels
from qsmrim_app.records import Lesion, Volume
from qsmrim_app.settings import RadiomicsEngine, RadiomicsSettings

__all__ = ["MAX_GREY_LEVELS", "FeatureRows", "extract_features", "feature_names"]

_LOG = logging.getLogger(__name__)
# Image, lesions, settings -> features (L, 527) and why a lesion has none (L,).
_Measure = Callable[[Volume, LesionVoxels, RadiomicsSettings], tuple[NDArray[np.float64], NDArray[np.str_]]]
_ENGINES: Mapping[RadiomicsEngine, tuple[Callable[[], str], _Measure]] = {
    "vectorised": (vectorised_engine.engine_name, vectorised_engine.measure_lesions),
    "pyradiomics": (pyradiomics_engine.engine_name, pyradiomics_engine.measure_lesions),
}


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
    """Measure the given lesions.

    Parameters
    ----------
    qsm
        Susceptibility in ppb, shape (i, j, k), in RAS+ axis order, not masked to the lesions.
    labels
        int32 instances on the same grid.
    lesions
        Lesions of ``labels``; others in the map are ignored.
    settings
        Bin width, wavelet and engine.

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
    engine_name, measure = _ENGINES[settings.engine]
    names = feature_names()
    values = np.full((len(lesions), len(names)), np.nan)
    voxels = lesion_voxels(labels, lesions)
    reasons = np.where((voxels.sides > 1).sum(axis=1) < 2, "flat_or_straight", "").astype("U20")
    at = np.flatnonzero(reasons == "")
    if len(at):
        try:
            values[at], reasons[at] = measure(qsm, voxels.some(at), settings)
        except LesionError as error:
            _LOG.warning("%s", error)
            reasons[at] = "radiomics_failed"
    failures = {lesion.index: str(why) for lesion, why in zip(lesions, reasons, strict=True) if why}
    _log_gaps(lesions, values, names, failures)
    return FeatureRows(values, names, engine_name(), failures)


def _log_gaps(
    lesions: Iterable[Lesion],
    values: NDArray[np.float64],
    names: Sequence[str],
    failures: Mapping[int, str],
) -> None:
    for lesion, undefined in zip(lesions, np.isnan(values), strict=True):
        if lesion.index in failures:
            _LOG.info("lesion %d has no features: %s", lesion.index, failures[lesion.index])
        elif undefined.any():
            _LOG.info(
                "lesion %d: %d features are undefined, %s first",
                lesion.index,
                undefined.sum(),
                names[int(undefined.argmax())],
            )
