"""Whether a susceptibility map lies on its magnitude as the headers say.

Both come of one scan, so they share every edge. A program that turned the voxels of the map and kept the
header of the magnitude leaves no other trace, and the FLAIR is registered to the magnitude alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.preprocessing.similarity import mutual_information
from qsmrim_app.records import Volume

_SPACING_MM = 1.5  # about; every n-th voxel is looked at
_SHIFTS_MM = (5.0, 10.0, 20.0)  # along each axis, there and back
_FEWEST_ML = 200.0  # of brain

Move = Callable[[NDArray[Any]], NDArray[Any]]


def magnitude_fit(qsm: Volume, magnitude: Volume, brain_mask: Volume) -> float:
    """Mutual information of map and magnitude as they lie, over the highest with the map turned or shifted.

    Turned: mirrored along one, two or three axes of its array. Shifted: by 5, 10 or 20 mm along one axis.
    Below 1 the map fits better elsewhere. NaN where there are less than 200 ml of brain, or
    nothing to compare.

    Parameters
    ----------
    qsm, magnitude
        Susceptibility (any unit) and intensities, one grid.
    brain_mask
        bool, same grid.
    """
    known = brain_mask.data & (qsm.data != 0)
    if known.sum() * qsm.voxel_volume_mm3 / 1000 < _FEWEST_ML:
        return float("nan")
    thin = tuple(slice(None, None, max(1, round(_SPACING_MM / edge))) for edge in qsm.spacing_mm)

    def likeness(move: Move) -> float:
        values, where, guide = move(qsm.data)[thin], move(known)[thin], magnitude.data[thin]
        inside = where & (guide > 0)
        return mutual_information(values[inside], guide[inside])

    elsewhere = max(likeness(move) for move in _moves(qsm.spacing_mm))
    return likeness(lambda data: data) / elsewhere if elsewhere > 0 else float("nan")


def _moves(spacing_mm: tuple[float, float, float]) -> Iterator[Move]:
    """Every other place that is tried, as what brings an array there."""
    for n_axes in (1, 2, 3):
        for axes in itertools.combinations(range(3), n_axes):
            yield partial(np.flip, axis=axes)
    for axis, shift_mm, sign in itertools.product(range(3), _SHIFTS_MM, (-1, 1)):
        steps = sign * round(shift_mm / spacing_mm[axis])
        if steps:
            yield partial(np.roll, shift=steps, axis=axis)
