"""Shape features of all lesions at once.

Definitions: pyradiomics 3.0.1, ``radiomics.shape``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from radiomics import cShape

from qsmrim_app.radiomic_features.vectorised.diameters import diameters
from qsmrim_app.radiomic_features.vectorised.grey_levels import Floats
from qsmrim_app.radiomic_features.vectorised.voxels import (
    Ints,
    LesionVoxels,
    Lines,
    expand_boxes,
    flat_index,
    starts_of,
    sum_by,
)
from qsmrim_app.settings import Vector3

_CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=np.intp)
_FLAT = 1e-12  # share of the largest eigenvalue below which the smallest may be rounding alone
_ROUNDING = -1e-10  # pyradiomics takes an eigenvalue between this and 0 for 0


def shape_features(voxels: LesionVoxels, lines: Lines, spacing_mm: Vector3) -> dict[str, Floats]:
    """Feature -> shape (L,).

    Parameters
    ----------
    voxels, lines
        Of the lesions.
    spacing_mm
        Voxel size along i, j, k.
    """
    area, volume = _mesh(voxels, spacing_mm)
    with np.errstate(invalid="ignore", divide="ignore"):
        least, minor, major = _axis_variances(voxels, spacing_mm)
        return {
            "Elongation": np.sqrt(minor / major),
            "Flatness": np.sqrt(least / major),
            "LeastAxisLength": np.sqrt(least) * 4,
            "MajorAxisLength": np.sqrt(major) * 4,
            "MeshVolume": volume,
            "MinorAxisLength": np.sqrt(minor) * 4,
            "Sphericity": (36 * np.pi * volume**2) ** (1 / 3) / area,
            "SurfaceArea": area,
            "SurfaceVolumeRatio": area / volume,
            "VoxelVolume": voxels.n * np.prod(spacing_mm),
        } | diameters(voxels, lines, spacing_mm)


def _axis_variances(voxels: LesionVoxels, spacing_mm: Vector3) -> Floats:
    """Eigenvalues of the covariance of the voxels' places in mm², ascending: shape (3, L)."""
    place = voxels.place * np.array(spacing_mm)[:, None]
    centred = place - (voxels.sum_within(place) / voxels.n)[:, voxels.lesion]
    covariance = voxels.sum_within(centred[:, None] * centred[None]) / voxels.n
    found = np.linalg.eigvalsh(covariance.transpose(2, 0, 1)).T
    flat = np.flatnonzero(found[0] < _FLAT * found[2])
    if len(flat):
        found[:, flat] = _of_flat(voxels.some(flat), spacing_mm)
    return np.where(found < _ROUNDING, np.nan, np.maximum(found, 0))


def _of_flat(voxels: LesionVoxels, spacing_mm: Vector3) -> Floats:
    """The same for lesions in one plane, of which one eigenvalue is 0 but for rounding.

    Its root is a length of 1e-8 mm or 0 by chance; so that it is pyradiomics' chance, its operations are
    followed one by one, lesions of the same size together.
    """
    order = np.lexsort((*voxels.place, voxels.lesion))  # k slowest
    place = voxels.place[::-1, order].T + 1
    found = np.empty((3, len(voxels.n)))
    for n in np.unique(voxels.n):
        same = np.flatnonzero(voxels.n == n)
        mm = place[voxels.first[same, None] + np.arange(n)] * np.array(spacing_mm[::-1])
        mm -= mm.mean(axis=1, keepdims=True)
        mm /= np.sqrt(n)
        found[:, same] = np.sort(np.linalg.eigvals(mm.transpose(0, 2, 1).copy() @ mm).real, axis=1).T
    return found


def _mesh(voxels: LesionVoxels, spacing_mm: Vector3) -> tuple[Floats, Floats]:
    """Area in mm² and volume in mm³ of each lesion's surface by marching cubes (Lorensen and Cline 1987).

    The cubes lie between the voxels of the box and a margin of one voxel around it. Of each cube only counts
    which of its corners are lesion, and, as pyradiomics' surface is not always closed, where it lies.
    """
    sides = voxels.sides + 1
    owner, place = expand_boxes(sides)
    first = starts_of(sides.prod(axis=1))
    corners = np.zeros(len(owner), dtype=np.intp)
    for bit, corner in enumerate(_CORNERS):
        corners[flat_index(first, sides, voxels.lesion, voxels.place + 1 - corner[:, None])] |= 1 << bit
    at_surface = (corners > 0) & (corners < 255)
    owner, place, corners = owner[at_surface], place[:, at_surface], corners[at_surface]
    areas, volumes = _cube_areas(spacing_mm), _cube_volumes()
    signed = volumes[0, corners] + (volumes[1:, corners] * place).sum(axis=0)
    n = len(sides)
    return sum_by(owner, areas[corners], n), sum_by(owner, signed, n) * np.prod(spacing_mm)


@cache
def _cube_areas(spacing_mm: Vector3) -> Floats:
    """What each of the 256 cubes adds to the surface, in mm², by pyradiomics itself."""
    return np.array([_measured(cube, spacing_mm)[0] for cube in _cubes()])


@cache
def _cube_volumes() -> Floats:
    """What each of the 256 cubes adds to the volume in voxels: shape (4, 256).

    The volume is the sum of a . (b x c) / 6 over the triangles a, b, c. Moved by o, a cube adds as much more
    as o . (a x b + b x c + c x a) / 6: row 0 is the cube at the origin, rows 1 to 3 what a step along i, j, k
    adds, found from two cubes one behind the other of which the nearer one is known.
    """
    unit = (1.0, 1.0, 1.0)
    at_origin = np.array([_measured(cube, unit)[1] for cube in _cubes()])
    weights = (1 << np.arange(8)).reshape(2, 2, 2)
    steps = []
    for axis in range(3):
        moved = np.empty(256)
        for number, cube in enumerate(_cubes()):
            pair = np.concatenate([np.zeros_like(cube.take([0], axis)), cube], axis)
            nearer = int((pair.take([0, 1], axis) * weights).sum())
            moved[number] = _measured(pair, unit)[1] - at_origin[nearer]
        steps.append(moved - at_origin)
    return np.stack([at_origin, *steps])


def _cubes() -> NDArray[np.bool_]:
    """The 256 cubes, shape (256, 2, 2, 2); bit n of the number is corner n of `_CORNERS`."""
    numbers: Ints = np.arange(256)
    return (numbers[:, None] >> np.arange(8) & 1).astype(np.bool_).reshape(256, 2, 2, 2)


def _measured(mask: NDArray[np.bool_], spacing_mm: Vector3) -> tuple[float, float]:
    """Area and volume of a piece of surface by pyradiomics, which wants its axes as k, j, i."""
    area, volume, _ = cShape.calculate_coefficients(
        np.ascontiguousarray(mask.transpose(2, 1, 0)), np.array(spacing_mm[::-1])
    )
    return float(area), float(volume)
