"""Axis order: RAS+ in memory, whatever the file holds; axes are flipped or swapped, never interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from qsmrim_app.records import Volume

_RAS = axcodes2ornt(("R", "A", "S"))


def has_three_axes(affine: NDArray[np.float64]) -> bool:
    """Whether each axis of a grid runs along an axis of the world of its own, beyond rounding."""
    if not np.isfinite(affine).all():
        return False
    try:
        with np.errstate(all="ignore"):
            return not bool(np.isnan(io_orientation(affine)).any())
    except np.linalg.LinAlgError:  # numbers beyond any length
        return False


def to_ras(volume: Volume) -> Volume:
    """The same image with its axes flipped and swapped to run closest to right, anterior, superior."""
    return _reorient(volume, _RAS)


def in_storage_order(volume: Volume, stored: Volume) -> Volume:
    """The inverse of `to_ras`: ``volume`` with the axis order and directions of ``stored``."""
    return _reorient(volume, io_orientation(stored.affine))


def _reorient(volume: Volume, target: NDArray[Any]) -> Volume:
    transform = ornt_transform(io_orientation(volume.affine), target)
    data = np.ascontiguousarray(apply_orientation(volume.data, transform))
    return Volume(data, volume.affine @ inv_ornt_aff(transform, volume.shape))
