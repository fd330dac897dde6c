"""First-order features of all lesions and images at once.

Definitions: pyradiomics 3.0.1, ``radiomics.firstorder`` (IBSI's intensity-based statistics but for what its
documentation says). Histogram features are in `grey_levels`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.vectorised.voxels import LesionVoxels

Floats = NDArray[np.float64]


def first_order(values: Floats, voxels: LesionVoxels, voxel_volume_mm3: float) -> dict[str, Floats]:
    """Feature -> shape (B, L).

    Parameters
    ----------
    values
        Shape (B, N): B images at the voxels of L lesions.
    voxels
        Of the lesions.
    voxel_volume_mm3
        Of one voxel.
    """
    n, lesion, total = voxels.n, voxels.lesion, voxels.sum_within
    mean = total(values) / n
    centred = values - mean[:, lesion]
    squares = centred**2
    m2, m3, m4 = (total(power) / n for power in (squares, squares * centred, squares**2))
    spread = np.where(m2 == 0, 1, m2)  # a flat lesion has skewness and kurtosis 0
    energy = total(values**2)
    ordered = _sorted_within(values, voxels)
    minimum, maximum = ordered[:, voxels.first], ordered[:, voxels.first + n - 1]
    p10, p25, p50, p75, p90 = (_percentile(ordered, voxels, q) for q in (10, 25, 50, 75, 90))
    inner = (values >= p10[:, lesion]) & (values <= p90[:, lesion])
    n_inner = total(inner.astype(np.float64))
    with np.errstate(invalid="ignore"):  # of two voxels neither lies between the percentiles
        inner_mean = total(np.where(inner, values, 0)) / n_inner
        inner_deviation = total(np.where(inner, np.abs(values - inner_mean[:, lesion]), 0)) / n_inner
    return {
        "10Percentile": p10,
        "90Percentile": p90,
        "Energy": energy,
        "InterquartileRange": p75 - p25,
        "Kurtosis": m4 / spread**2,
        "Maximum": maximum,
        "MeanAbsoluteDeviation": total(np.abs(centred)) / n,
        "Mean": mean,
        "Median": p50,
        "Minimum": minimum,
        "Range": maximum - minimum,
        "RobustMeanAbsoluteDeviation": inner_deviation,
        "RootMeanSquared": np.sqrt(energy / n),
        "Skewness": m3 / spread**1.5,
        "TotalEnergy": energy * voxel_volume_mm3,
        "Variance": m2,
    }


def _sorted_within(values: Floats, voxels: LesionVoxels) -> Floats:
    """Each image's values in ascending order within every lesion; they are exact in single precision.

    Lesion and value make one whole number: a float's bits, read as a number, are in the order of the floats,
    the negative ones in reverse.
    """
    bits = values.astype(np.float32).view(np.int32)
    key = (voxels.lesion << 32) + np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    key.sort(axis=1)
    bits = key.astype(np.int32)  # the lower half
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).view(np.float32).astype(np.float64)


def _percentile(ordered: Floats, voxels: LesionVoxels, percent: float) -> Floats:
    """Linear between the two nearest ranks, in numpy's own order of operations: (B, N) to (B, L).

    The robust deviation asks whether a voxel equals a percentile, so that the last bit counts.
    """
    rank = (voxels.n - 1) * np.true_divide(percent, 100)
    below = np.floor(rank).astype(np.intp)
    part = rank - below
    low = ordered[:, voxels.first + below]
    high = ordered[:, voxels.first + np.minimum(below + 1, voxels.n - 1)]
    step = high - low
    return np.where(part >= 0.5, high - step * (1 - part), low + step * part)
