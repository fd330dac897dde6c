"""How alike two images are, and how much two masks overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_N_BINS = 48
_FEWEST_VOXELS = 500  # below this a joint histogram says nothing


def mutual_information(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Mutual information of two sets of paired intensities, in nats; higher is better, 0 is independent.

    From the joint histogram of 48 x 48 bins between the 0.5th and the 99.5th percentile of each; what lies
    outside falls into the outermost bins.

    Parameters
    ----------
    one, other
        Intensities at the same places, shape (n,).
    """
    if one.size < _FEWEST_VOXELS:
        return 0.0
    pairs = np.bincount(_binned(one) * _N_BINS + _binned(other), minlength=_N_BINS**2)
    joint = pairs.reshape(_N_BINS, _N_BINS) / one.size
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log(joint[filled] / expected[filled])).sum())


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice coefficient of two masks of one shape: 1 identical, 0 disjoint or both empty."""
    total = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / total if total else 0.0


def _binned(values: NDArray[Any]) -> NDArray[np.intp]:
    low, high = np.percentile(values, [0.5, 99.5])
    scaled = (values.astype(np.float64) - low) / max(float(high - low), 1e-12) * _N_BINS
    return np.asarray(np.clip(scaled, 0, _N_BINS - 1), dtype=np.intp)
