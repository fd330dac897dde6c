"""Compare voxel grids and make new ones."""

from __future__ import annotations

import numpy as np

from qsmrim_app.errors import GridMismatchError
from qsmrim_app.records import Volume


def same_grid(one: Volume, other: Volume, tolerance_mm: float = 1e-2) -> bool:
    """Whether two volumes share shape and, to within ``tolerance_mm`` at every corner, position."""
    if one.shape != other.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.shape], indexing="ij")).reshape(3, -1)
    moved = (one.affine - other.affine)[:3, :3] @ corners + (one.affine - other.affine)[:3, 3:]
    return bool(np.abs(moved).max() <= tolerance_mm)


def require_same_grid(one: Volume, other: Volume, what: str) -> None:
    """Pass silently if two volumes share a grid.

    Raises
    ------
    GridMismatchError
        If they do not; ``what`` names both.
    """
    if not same_grid(one, other):
        raise GridMismatchError(
            f"{what} must share one grid: shapes {one.shape} and {other.shape}, or their affines"
        )


def grid_with_spacing(volume: Volume, spacing_mm: tuple[float, float, float]) -> Volume:
    """An empty grid over the same field of view and along the same axes with another voxel size.

    The outer faces of the first voxels coincide; the last voxel may reach beyond the field of view by part
    of a voxel. Where every voxel size agrees to a thousandth, the grid itself comes back.
    """
    old, new = np.array(volume.spacing_mm), np.array(spacing_mm)
    if np.allclose(old, new, rtol=1e-3):
        return volume.with_data(np.broadcast_to(np.zeros((), dtype=bool), volume.shape))
    shape = np.maximum(1, np.ceil(np.array(volume.shape) * old / new - 1e-3)).astype(int)
    affine = volume.affine.copy()
    affine[:3, :3] *= new / old
    affine[:3, 3] += volume.affine[:3, :3] @ ((new / old - 1) / 2)
    return Volume(np.broadcast_to(np.zeros((), dtype=bool), tuple(shape)), affine)
