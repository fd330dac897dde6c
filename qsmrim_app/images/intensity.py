"""Intensity scales that do not depend on the scanner."""

from __future__ import annotations

import numpy as np

from qsmrim_app.records import Volume

_SD_PER_MAD = 1.4826  # of a normal distribution


def robust_z_score(image: Volume, mask: Volume) -> Volume:
    """Distance from the median in units of the robust standard deviation, both inside the mask.

    z = (x - median) / (1.4826 MAD), so that lesions and artefacts hardly move the scale.

    Parameters
    ----------
    image
        Intensities, shape (i, j, k).
    mask
        bool, same grid; outside it the result is 0.

    Returns
    -------
    Volume
        float32. All 0 where the mask is empty or the image is constant in it.
    """
    values = image.data[mask.data].astype(np.float64)
    scores = np.zeros(image.shape, dtype=np.float32)
    if values.size:
        median = np.median(values)
        spread = _SD_PER_MAD * np.median(np.abs(values - median))
        if spread > 0:
            scores[mask.data] = (values - median) / spread
    return image.with_data(scores)
