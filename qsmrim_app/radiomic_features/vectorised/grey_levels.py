"""Grey levels of all lesions and images, and the rows of their texture matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.vectorised.voxels import (
    DIRECTIONS,
    Ints,
    LesionVoxels,
    expand,
    starts_of,
    sum_by,
)

Floats = NDArray[np.float64]
EPS = np.spacing(1)  # pyradiomics adds it inside every logarithm
N_DIRECTIONS = len(DIRECTIONS)


@dataclass(frozen=True, eq=False)
class GreyLevels:
    """The grey levels that occur in G = B L groups, one lesion in one image each, image after image.

    A *slot* is a level that occurs in a group; slots are in the order of groups, levels ascending. A group
    has 13 matrices, one a direction, and each of them a *row* for every slot of the group.

    Parameters
    ----------
    slot
        Shape (B, N): of each voxel.
    level, n_voxels, group
        Shape (S,): grey level from 1, voxels and group of each slot.
    first, n_levels, highest
        Shape (G,): first slot, number of slots and highest level of each group.
    """

    slot: Ints
    level: Floats
    n_voxels: Ints
    group: Ints
    first: Ints
    n_levels: Ints
    highest: Ints


@dataclass(frozen=True, eq=False)
class Rows:
    """Where the rows of the 13 G matrices lie, matrix after matrix (group slowest).

    ``first`` (13 G,) is each matrix' first row, ``n`` its number of rows; ``matrix`` and ``level`` (R,) tell
    of each row its matrix and its grey level.
    """

    first: Ints
    n: Ints
    matrix: Ints
    level: Floats


def grey_levels(values: Floats, voxels: LesionVoxels, bin_width: float) -> GreyLevels:
    """Bins from 0 on, counted from the lesion's lowest: floor(x / w) - floor(min / w) + 1.

    pyradiomics, ``imageoperations.getBinEdges``; the same for every width of which the multiples are exact
    in single precision, such as 25, 5 or 0.5.
    """
    bins = np.floor(values / bin_width).astype(np.intp)
    bins -= np.minimum.reduceat(bins, voxels.first, axis=1)[:, voxels.lesion]
    highest = (np.maximum.reduceat(bins, voxels.first, axis=1) + 1).ravel()
    owner, level = expand(highest)
    offset = starts_of(highest).reshape(len(values), -1)
    at = bins + offset[:, voxels.lesion]
    n_voxels = np.bincount(at.ravel(), minlength=len(owner))
    occurs = n_voxels > 0
    group = owner[occurs]
    n_levels = np.bincount(group, minlength=len(highest))
    return GreyLevels(
        slot=(np.cumsum(occurs) - 1)[at],
        level=(level[occurs] + 1).astype(np.float64),
        n_voxels=n_voxels[occurs],
        group=group,
        first=starts_of(n_levels),
        n_levels=n_levels,
        highest=highest,
    )


def rows_of(levels: GreyLevels) -> Rows:
    """The rows of all matrices."""
    n = np.repeat(levels.n_levels, N_DIRECTIONS)
    matrix, position = expand(n)
    return Rows(starts_of(n), n, matrix, levels.level[levels.first[matrix // N_DIRECTIONS] + position])


def histogram_features(levels: GreyLevels) -> dict[str, Floats]:
    """First-order Entropy and Uniformity of each group, shape (G,)."""
    n_groups = len(levels.first)
    n_voxels = sum_by(levels.group, levels.n_voxels, n_groups)
    p = levels.n_voxels / n_voxels[levels.group]
    return {
        "Entropy": -sum_by(levels.group, p * np.log2(p + EPS), n_groups),
        "Uniformity": sum_by(levels.group, p**2, n_groups),
    }


def mean_over_directions(by_matrix: dict[str, Floats], is_used: NDArray[np.bool_]) -> dict[str, Floats]:
    """Mean over the directions that are used and have a value: (13 G,) to (G,), NaN if none has."""
    values = np.stack(list(by_matrix.values())).reshape(len(by_matrix), -1, N_DIRECTIONS)
    counted = is_used.reshape(-1, N_DIRECTIONS) & ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means = np.where(counted, values, 0).sum(axis=2) / counted.sum(axis=2)
    return dict(zip(by_matrix, means, strict=True))
