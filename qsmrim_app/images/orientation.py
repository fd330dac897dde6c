"""Axis order: RAS+ in memory, whatever the file holds; axes are flipped or swapped, never interpolated."""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from qsmrim_app.records import Volume

_RAS = axcodes2ornt(("R", "A", "S"))


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
