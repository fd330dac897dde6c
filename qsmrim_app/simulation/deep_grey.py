"""Deep grey nuclei: ellipsoids in MNI coordinates, with their susceptibilities.

The values, and those of white and grey matter, follow the head phantom of the second QSM challenge (Marques
JP et al., Magn Reson Med 2021;86:526-542, doi:10.1002/mrm.28716) minus its value of CSF, so that CSF is zero.
They have not been compared with the publication number by number yet.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.grids import rotation
from qsmrim_app.simulation.random_fields import smooth_step


class Nucleus(NamedTuple):
    """One pair of deep grey nuclei: the right one's ellipsoid in MNI millimetres; the left mirrors it."""

    name: str
    center_mm: Vector3
    radii_mm: Vector3
    turn_deg: Vector3
    susceptibility_ppb: float  # relative to CSF


NUCLEI = (
    Nucleus("thalamus", (12.0, -19.0, 8.0), (7.5, 13.0, 8.0), (0, 0, 25), 1.0),
    Nucleus("caudate head", (12.5, 14.0, 5.0), (4.5, 8.0, 9.5), (20, 0, 0), 25.0),
    Nucleus("caudate body", (15.0, -1.0, 20.0), (3.2, 13.0, 4.0), (10, 0, 10), 25.0),
    Nucleus("putamen", (26.5, 4.0, 0.5), (4.5, 14.0, 9.5), (0, 10, 12), 19.0),
    Nucleus("globus pallidus", (19.5, -3.5, -1.0), (3.8, 8.5, 6.0), (0, 15, 22), 112.0),
    Nucleus("red nucleus", (5.0, -20.5, -8.5), (3.0, 3.3, 3.8), (0, 0, 0), 81.0),
    Nucleus("substantia nigra", (10.0, -17.5, -12.0), (5.5, 2.6, 4.2), (0, 35, 35), 92.0),
    Nucleus("dentate nucleus", (14.5, -57.0, -34.0), (6.0, 8.0, 4.5), (0, 20, 20), 133.0),
)


def deep_grey(mni_mm: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Fraction of deep grey in each voxel and its susceptibility in ppb, float32.

    Parameters
    ----------
    mni_mm
        MNI millimetres of each voxel, shape (3, i, j, k).
    """
    fraction = np.zeros(mni_mm.shape[1:], dtype=np.float32)
    susceptibility = np.zeros_like(fraction)
    core = within_box(mni_mm, ((-45.0, 45.0), (-75.0, 35.0), (-48.0, 30.0)))
    box = ndimage.find_objects(core.astype(np.int8))[0]
    local = mni_mm[(slice(None), *box)]
    for nucleus in NUCLEI:
        part = _ellipsoids(local, nucleus)
        kept = susceptibility[box] * (1 - part)
        susceptibility[box] = kept + part * np.float32(nucleus.susceptibility_ppb)
        fraction[box] = np.maximum(fraction[box], part)
    susceptibility /= np.maximum(fraction, 1e-3)
    return fraction, susceptibility


def _ellipsoids(mni_mm: NDArray[Any], nucleus: Nucleus) -> NDArray[Any]:
    """Membership in the pair, 1 inside and 0 outside, with an edge about 1 mm wide."""
    turn = rotation(nucleus.turn_deg).astype(np.float32)
    right = (np.abs(mni_mm[0]), mni_mm[1], mni_mm[2])  # the left side mirrors the right
    x, y, z = (axis - np.float32(middle) for axis, middle in zip(right, nucleus.center_mm, strict=True))
    squares = np.zeros(x.shape, dtype=np.float32)
    for axis, radius in enumerate(nucleus.radii_mm):
        squares += ((turn[0, axis] * x + turn[1, axis] * y + turn[2, axis] * z) / np.float32(radius)) ** 2
    depth_mm = (1 - np.sqrt(squares)) * np.float32(min(nucleus.radii_mm))
    return smooth_step(depth_mm / np.float32(0.8))


def within_box(mni_mm: NDArray[Any], box_mm: tuple[tuple[float, float], ...]) -> NDArray[Any]:
    """Which points of shape (3, i, j, k) lie in a box of millimetres."""
    inside = np.ones(mni_mm.shape[1:], dtype=bool)
    for axis, (low, high) in enumerate(box_mm):
        inside &= (mni_mm[axis] >= low) & (mni_mm[axis] <= high)
    return inside
