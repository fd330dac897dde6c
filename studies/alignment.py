"""Where a point of the QSM lies in the FLAIR: known for the semi-real participants, else registered."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from qsmrim_app.images import load_image
from qsmrim_app.preprocessing.registration_pair import Pair
from qsmrim_app.preprocessing.registration_sitk import register_with_sitk
from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import PreprocessingSettings
from studies.cohort_files import Participant

SPACING_MM = (
    3.0  # half the App's resolution: 0.1 to 0.3 mm off on simulated participants, in a third of the time
)
_MARGIN_MM = 15.0  # as much outside the brain as the App looks at
_SETTINGS = PreprocessingSettings(registration="rigid", sampling_fraction=0.5)


def qsm_to_flair(person: Participant, qsm: Volume) -> FloatArray:
    """World point of the QSM to world point of the FLAIR, shape (4, 4), RAS millimetres.

    Raises
    ------
    PreprocessingError
        If the registration fails.
    """
    if person.motion is not None:
        return np.asarray(np.linalg.inv(np.loadtxt(person.motion)))
    fixed = load_image(person.magnitude).volume if person.magnitude else qsm
    return _register(fixed, load_image(person.flair).volume, qsm)


def flair_on_qsm_grid(person: Participant, qsm: Volume) -> Volume:
    """The FLAIR, in its own units, on the grid of the QSM."""
    return resample_image(load_image(person.flair).volume, qsm, qsm_to_flair(person, qsm))


def shrunk(image: Volume, spacing_mm: float) -> Volume:
    """Means of blocks of voxels, as many as fit into ``spacing_mm`` along each axis; the rest is cut off."""
    block = np.maximum(1, np.rint(spacing_mm / np.array(image.spacing_mm))).astype(int)
    count = np.array(image.shape) // block
    cut = image.data[tuple(slice(n * size) for n, size in zip(count, block, strict=True))]
    split = cut.reshape([part for n, size in zip(count, block, strict=True) for part in (n, size)])
    affine = image.affine.copy()
    affine[:3, :3] *= block
    affine[:3, 3] += image.affine[:3, :3] @ ((block - 1) / 2)
    return Volume(split.mean(axis=(1, 3, 5), dtype=np.float64).astype(np.float32), affine)


def _register(fixed: Volume, flair: Volume, qsm: Volume) -> FloatArray:
    small_fixed, small_flair = shrunk(fixed, SPACING_MM), shrunk(flair, SPACING_MM)
    known = shrunk(qsm.with_data((qsm.data != 0).astype(np.float32)), SPACING_MM)
    near = ndimage.binary_dilation(known.data > 0.5, iterations=round(_MARGIN_MM / SPACING_MM))
    mask = small_fixed.with_data(near)
    pair = Pair(small_fixed, small_flair, mask, mask, mask)  # the heads are for a check that is not made here
    return register_with_sitk(pair, np.eye(4), _SETTINGS)
