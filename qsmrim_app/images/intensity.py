"""Intensity scales that do not depend on the scanner."""

from __future__ import annotations

import numpy as np

from qsmrim_app.records import Volume

_SD_PER_MAD = 1.4826  # of a normal distribution
_COVERED_SHARE = 0.9  # of a mask; where an image covers less, the rest is outside of its field of view


def relative_to_median(image: Volume, mask: Volume) -> Volume:
    """Values minus their median inside the mask; what is exactly 0 or outside the mask becomes 0.

    Parameters
    ----------
    image
        Shape (i, j, k), any unit.
    mask
        bool, same grid.

    Returns
    -------
    Volume
        float32. Unchanged where the mask holds no value other than 0.
    """
    inside = mask.data & (image.data != 0)
    if not inside.any():
        return image
    median = np.float32(np.median(image.data[inside]))
    return image.with_data(np.where(inside, image.data - median, 0).astype(np.float32))


def robust_z_score(image: Volume, mask: Volume) -> Volume:
    """Distance from the median in units of the robust standard deviation, both inside the mask.

    z = (x - median) / (1.4826 MAD), so that lesions and artefacts hardly move the scale.

    Parameters
    ----------
    image
        Intensities, shape (i, j, k).
    mask
        bool, same grid; outside it the result is 0. Where a tenth of it or more is exactly 0, so not covered
        by the image, that part is 0 too and has no say in the scale.

    Returns
    -------
    Volume
        float32. All 0 where the mask is empty or the image is constant in it.
    """
    covered = mask.data & (image.data != 0)
    # single zeros are dark tissue, and those that the default model was trained on stay as they were
    inside = covered if covered.sum() <= _COVERED_SHARE * mask.data.sum() else mask.data
    values = image.data[inside].astype(np.float64)
    scores = np.zeros(image.shape, dtype=np.float32)
    if values.size:
        median = np.median(values)
        spread = _SD_PER_MAD * np.median(np.abs(values - median))
        if spread > 0:
            scores[inside] = (values - median) / spread
    return image.with_data(scores)
