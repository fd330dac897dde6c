"""Images and label maps on another grid: one interpolation, from the source straight to the target."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from qsmrim_app.images.grids import same_grid
from qsmrim_app.records import FloatArray, Volume


def resample_image(source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None = None) -> Volume:
    """An image on another grid: trilinear, averaged over each target voxel where that is the larger one.

    Parameters
    ----------
    source
        The image.
    grid
        Where it is wanted; only shape and affine count.
    grid_to_source_mm
        Shape (4, 4): world point of the grid to world point of the source, RAS millimetres. None: identity.

    Returns
    -------
    Volume
        float32; 0 where the source does not reach. On its own grid an image comes back untouched.
    """
    if _is_identity(grid_to_source_mm) and same_grid(source, grid):
        return Volume(source.data, grid.affine)
    data = source.data.astype(np.float32, copy=False)
    total = np.zeros(grid.shape, dtype=np.float64)
    offsets = _subvoxel_offsets(source, grid)
    for offset in offsets:
        matrix, start = _grid_to_voxel(source, grid, grid_to_source_mm, offset)
        total += ndimage.affine_transform(
            data, matrix, start, output_shape=grid.shape, order=1, output=np.float32
        )
    return Volume((total / len(offsets)).astype(np.float32), grid.affine)


def resample_labels(source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None = None) -> Volume:
    """A label map on another grid: each voxel takes the label that fills most of it, background included.

    The voxel is sampled at several points, by nearest neighbour; no label that the source lacks can arise. A
    label that fills no voxel vanishes, which the caller must notice. At equal shares the smaller label wins,
    and any lesion wins over background.

    Parameters
    ----------
    source
        Labels, int32.
    grid, grid_to_source_mm
        As in `resample_image`.

    Returns
    -------
    Volume
        int32; 0 where the source does not reach.
    """
    if _is_identity(grid_to_source_mm) and same_grid(source, grid):
        return Volume(source.data, grid.affine)
    offsets = _subvoxel_offsets(source, grid, finest=2)
    best_share = np.zeros(grid.shape, dtype=np.int16)
    best = np.zeros(grid.shape, dtype=np.int32)
    samples = [
        ndimage.affine_transform(
            source.data, matrix, start, output_shape=grid.shape, order=0, output=np.int32
        )
        for matrix, start in (_grid_to_voxel(source, grid, grid_to_source_mm, offset) for offset in offsets)
    ]
    touched = np.any([sample != 0 for sample in samples], axis=0)
    votes = np.stack([sample[touched] for sample in samples])  # (offsets, touched voxels)
    winner, share = best[touched], best_share[touched]
    for label in np.unique(votes):
        count = (votes == label).sum(axis=0).astype(np.int16)
        better = count >= share if label == 0 else count > share
        if label > 0:  # a lesion that ties with background keeps the voxel
            better |= (count == share) & (winner == 0)
        winner = np.where(better, np.int32(label), winner)
        share = np.where(better, count, share)
    best[touched] = winner
    return Volume(best, grid.affine)


def _subvoxel_offsets(source: Volume, grid: Volume, finest: int = 1) -> list[tuple[float, ...]]:
    """Points inside a voxel, in voxel units: as many along an axis as source voxels fit."""
    smallest = min(source.spacing_mm)
    counts = [max(finest, math.ceil(size / smallest - 0.25)) for size in grid.spacing_mm]
    steps = [[(step + 0.5) / count - 0.5 for step in range(count)] for count in counts]
    return [(i, j, k) for i in steps[0] for j in steps[1] for k in steps[2]]


def _grid_to_voxel(
    source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None, offset: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Matrix (3, 3) and offset (3,) that take a voxel of the grid to a voxel of the source."""
    world = np.eye(4) if grid_to_source_mm is None else grid_to_source_mm
    full = np.linalg.inv(source.affine) @ world @ grid.affine
    return full[:3, :3], full[:3, :3] @ np.array(offset) + full[:3, 3]


def _is_identity(matrix: FloatArray | None) -> bool:
    return matrix is None or np.allclose(matrix, np.eye(4), atol=1e-6)
