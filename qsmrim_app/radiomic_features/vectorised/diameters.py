"""Largest distances between points of the surface of each lesion."""

from __future__ import annotations

import numpy as np

from qsmrim_app.radiomic_features.vectorised.grey_levels import Floats
from qsmrim_app.radiomic_features.vectorised.voxels import DIRECTIONS, Ints, LesionVoxels, Lines, expand
from qsmrim_app.settings import Vector3

_PAIRS_AT_ONCE = 2**18
_PLANES = ("Row", "Column", "Slice")  # across i, j, k


def diameters(voxels: LesionVoxels, lines: Lines, spacing_mm: Vector3) -> dict[str, Floats]:
    """The four diameters of pyradiomics 3.0.1 in mm, each of shape (L,).

    They join vertices of the mesh, which lie halfway between a voxel of the lesion and a neighbour outside;
    the three in a plane join vertices that lie at the same place along i, j or k.
    """
    lesion, doubled = _vertices(voxels, lines)
    mm = doubled * (np.array(spacing_mm) / 2)[:, None]
    n_lesions = len(voxels.first)
    found = {"Maximum3DDiameter": _longest(mm, lesion, np.arange(n_lesions), n_lesions)}
    for axis, plane in enumerate(_PLANES):
        heights = int(doubled[axis].max()) + 2
        planes, cloud = np.unique(lesion * heights + doubled[axis] + 1, return_inverse=True)
        found[f"Maximum2DDiameter{plane}"] = _longest(mm, cloud, planes // heights, n_lesions)
    return found


def _vertices(voxels: LesionVoxels, lines: Lines) -> tuple[Ints, Ints]:
    """Lesion (V,) and place (3, V) in half voxels of every vertex."""
    lesion, place = [], []
    for axis in range(3):
        step = np.eye(3, dtype=np.intp)[axis]
        (direction,) = np.flatnonzero((step == DIRECTIONS).all(axis=1))
        order, linked = lines.order[direction], lines.linked[direction]
        for side, is_open in ((1, np.append(~linked, True)), (-1, np.append(True, ~linked))):
            at = order[is_open]
            lesion.append(voxels.lesion[at])
            place.append(2 * voxels.place[:, at] + side * step[:, None])
    return np.concatenate(lesion), np.concatenate(place, axis=1)


def _longest(points: Floats, cloud: Ints, owner: Ints, n_owners: int) -> Floats:
    """The largest distance within a cloud, for each owner of clouds; 0 where all clouds are single points.

    Only points that could beat a distance already found are paired: no point of a cloud lies farther from
    another one than its distance from the middle plus the cloud's radius.

    Parameters
    ----------
    points
        Shape (3, V).
    cloud
        Shape (V,), 0 to C - 1.
    owner
        Shape (C,).
    n_owners
        Clouds belong to 0 to ``n_owners - 1``.
    """
    order = np.argsort(cloud, kind="stable")
    points, cloud = points[:, order], cloud[order]
    first = np.searchsorted(cloud, np.arange(len(owner)))
    low, high = (np.array(end.reduceat(points, first, axis=1)) for end in (np.minimum, np.maximum))
    from_middle = _norm(points - ((low + high) / 2)[:, cloud])
    radius = np.maximum.reduceat(from_middle, first)
    outermost = np.empty_like(first)
    at_rim = np.flatnonzero(from_middle >= radius[cloud])
    outermost[cloud[at_rim]] = at_rim
    longest = np.zeros(n_owners)
    np.maximum.at(longest, owner, np.maximum.reduceat(_norm(points - points[:, outermost[cloud]]), first))
    reach = from_middle + radius[cloud]
    kept = np.flatnonzero(reach >= longest[owner[cloud]] * (1 - 1e-9))
    points, cloud = points[:, kept], cloud[kept]
    n_later = np.searchsorted(cloud, cloud, side="right") - 1 - np.arange(len(cloud))
    paired = np.flatnonzero(n_later)
    if not len(paired):
        return longest
    parts = np.cumsum(n_later[paired]) // _PAIRS_AT_ONCE
    for part in np.split(paired, np.flatnonzero(np.diff(parts)) + 1):
        at, later = expand(n_later[part])
        one = part[at]
        distance = _norm(points[:, one] - points[:, one + 1 + later])
        first = np.flatnonzero(later == 0)
        np.maximum.at(longest, owner[cloud[part]], np.maximum.reduceat(distance, first))
    return longest


def _norm(vectors: Floats) -> Floats:
    return np.asarray(np.sqrt((vectors**2).sum(axis=0)))
