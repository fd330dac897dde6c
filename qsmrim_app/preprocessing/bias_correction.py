"""The FLAIR without its slow change of brightness (N4).

SimpleITK's N4 and that of antspyx are the same code. Both give other last digits with another number of
threads. SimpleITK lets the program choose it for one call, antspyx takes that of the environment at the
start of the process. So SimpleITK's, on one thread: the same input gives the same bits everywhere, and
sessions run side by side instead.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from qsmrim_app.errors import InputError, PreprocessingError
from qsmrim_app.images import require_same_grid
from qsmrim_app.preprocessing.itk_bridge import one_thread
from qsmrim_app.records import Volume

_ITERATIONS = (50, 50, 50, 50)  # at most, a level; one more level doubles the resolution of the field
_TOLERANCE = 1e-7
_CONTROL_POINTS = 4  # an axis: one mesh element of a cubic spline, the smoothest field there is


def correct_bias(image: Volume, mask: Volume, shrink_factor: int) -> Volume:
    """The image divided by its N4 bias field (Tustison et al., IEEE TMI 2010).

    The logarithm of the field has mean 0 inside the mask.

    Parameters
    ----------
    image
        Intensities, shape (i, j, k). Negative values play no part in the estimate.
    mask
        bool, same grid: where the field is estimated.
    shrink_factor
        The field is estimated on every n-th voxel along each axis; fewer where the image is too small for
        that.

    Returns
    -------
    Volume
        float32, same grid, corrected inside and outside the mask.

    Raises
    ------
    InputError
        If no voxel inside the mask is positive.
    PreprocessingError
        If N4 fails.
    """
    require_same_grid(image, mask, "an image and the mask of its bias correction")
    used = mask.data & (image.data > 0)
    if not used.any():
        raise InputError(
            "the FLAIR has no voxel above 0 inside the brain mask; look whether both show the same head"
        )
    try:
        with one_thread():
            log_field = _log_bias_field(image, used, shrink_factor)
    except RuntimeError as error:
        raise PreprocessingError(f"bias correction (N4) failed: {_last_line(error)}") from error
    log_field -= log_field[used].mean(dtype=np.float64)
    return image.with_data((image.data / np.exp(log_field)).astype(np.float32))


def _log_bias_field(image: Volume, used: np.ndarray, shrink_factor: int) -> np.ndarray:
    """Natural logarithm of the field, shape (i, j, k). Only voxel sizes matter, so no direction is given."""
    full, mask = (sitk.GetImageFromArray(a.transpose(2, 1, 0)) for a in (image.data, used.astype(np.uint8)))
    for part in (full, mask):
        part.SetSpacing(image.spacing_mm)
    factors = [max(1, min(shrink_factor, n // 8)) for n in image.shape]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(_ITERATIONS)
    n4.SetConvergenceThreshold(_TOLERANCE)
    n4.SetNumberOfControlPoints([_CONTROL_POINTS] * 3)
    n4.Execute(sitk.Shrink(full, factors), sitk.Shrink(mask, factors))
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(full)).transpose(2, 1, 0)
    return np.array(field, dtype=np.float32)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
