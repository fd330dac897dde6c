"""Linear registration with SimpleITK: Mattes mutual information at three resolutions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import SimpleITK as sitk

from qsmrim_app.errors import PreprocessingError
from qsmrim_app.preprocessing.itk_bridge import RAS_TO_LPS, one_thread, to_itk, world_matrix
from qsmrim_app.preprocessing.registration_pair import Pair
from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import PreprocessingSettings

_SHRINK = (4, 2, 1)
_SMOOTHING_MM = (4.0, 2.0, 0.0)
_N_BINS = 32
_N_ITERATIONS = 200  # at most, a level
_FIRST_STEP, _LAST_STEP = 1.0, 1e-4  # of the parameters, scaled so that 1 moves a voxel by 1 mm at most


def register_with_sitk(pair: Pair, start: FloatArray, settings: PreprocessingSettings) -> FloatArray:
    """The motion that makes the two images most alike (Mattes et al., IEEE TMI 2003).

    Parameters
    ----------
    pair
        What is compared, and where.
    start
        Shape (4, 4): where to begin, fixed world to moving world, RAS millimetres.
    settings
        ``registration`` (rigid or affine), ``sampling_fraction`` and ``random_seed``.

    Returns
    -------
    ndarray
        Shape (4, 4), as ``start``.

    Raises
    ------
    PreprocessingError
        If SimpleITK gives up, as it does where the two images do not meet.
    """
    if settings.registration == "affine":  # scale and shear only once the position is right
        start = register_with_sitk(pair, start, dataclasses.replace(settings, registration="rigid"))
    moving = Volume(pair.moving.data, np.linalg.inv(start) @ pair.moving.affine)  # begins at the identity
    try:
        with one_thread():
            transform = _method(pair, settings).Execute(_floats(pair.fixed), _floats(moving))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PreprocessingError(
            f"registration (SimpleITK) failed: {reason}; look at both images, or register by header"
        ) from error
    return start @ world_matrix(transform)


def _method(pair: Pair, settings: PreprocessingSettings) -> Any:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_N_BINS)
    method.SetMetricFixedMask(to_itk(pair.mask))
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(settings.sampling_fraction, settings.random_seed + 1)  # 0 is the clock
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(_FIRST_STEP, _LAST_STEP, _N_ITERATIONS, 0.5)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTHING_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(_first_transform(pair, settings.registration), inPlace=False)
    return method


def _first_transform(pair: Pair, kind: str) -> Any:
    """The identity, turning about the middle of the mask, so that turning and shifting hardly mix."""
    voxel = np.argwhere(pair.mask.data).mean(axis=0)
    centre = (RAS_TO_LPS @ pair.fixed.affine @ np.append(voxel, 1.0))[:3]
    transform = sitk.AffineTransform(3) if kind == "affine" else sitk.Euler3DTransform()
    transform.SetCenter(tuple(float(x) for x in centre))
    return transform


def _floats(volume: Volume) -> Any:
    return to_itk(volume.with_data(volume.data.astype(np.float32)))
