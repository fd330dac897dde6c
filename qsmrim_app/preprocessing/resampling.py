"""Images and label maps on another grid: one interpolation, from the source straight to the target."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
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
        float32; 0 where the source, up to the faces of its outer voxels, does not reach. A voxel that it
        reaches in part is the average over that part. On its own grid an image comes back untouched.
    """
    if _is_identity(grid_to_source_mm) and same_grid(source, grid):
        return Volume(source.data, grid.affine)
    data = source.data.astype(np.float32, copy=False)
    matrix, start = _grid_to_voxel(source, grid, grid_to_source_mm)
    offsets = _subvoxel_offsets(matrix)
    if len(offsets) == 1:  # nothing to average
        return Volume(_sample(data, grid.shape, matrix, start + matrix @ offsets[0]), grid.affine)
    total = np.zeros(grid.shape, dtype=np.float64)
    reached = np.zeros(grid.shape, dtype=np.int16)
    for offset in offsets:
        first = start + matrix @ offset
        total += _sample(data, grid.shape, matrix, first)
        reached += _is_inside(data.shape, grid.shape, matrix, first)
    return Volume((total / np.maximum(reached, 1)).astype(np.float32), grid.affine)


def _sample(
    data: NDArray[np.float32], shape: tuple[int, int, int], matrix: FloatArray, start: FloatArray
) -> NDArray[np.float32]:
    """Values between the voxels of ``data``, shape of the grid, 0 outside of it."""
    resample = sitk.ResampleImageFilter()  # the values of SciPy's affine_transform, several times as fast
    resample.SetNumberOfThreads(1)
    resample.SetSize(shape[::-1])  # here and below the axes are counted from the last one
    resample.SetTransform(sitk.AffineTransform(matrix[::-1, ::-1].ravel().tolist(), start[::-1].tolist()))
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetDefaultPixelValue(0)
    values: NDArray[np.float32] = sitk.GetArrayFromImage(resample.Execute(sitk.GetImageFromArray(data)))
    return values


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
    labels = np.zeros(grid.shape, dtype=np.int32)
    matrix, start = _grid_to_voxel(source, grid, grid_to_source_mm)
    near = _near_labels(source, grid.shape, matrix, start)
    points = np.argwhere(near)  # a few per cent of the grid: only they are sampled finely
    votes = [
        ndimage.map_coordinates(
            source.data,
            matrix @ (points + offset).T + start[:, None],
            order=0,
            mode="grid-constant",
            output=np.int32,
        )
        for offset in _subvoxel_offsets(matrix, fewest=3)  # with 2, every cut face would tie and lesions grow
    ]
    labels[near] = _largest_share(np.stack(votes))
    return Volume(labels, grid.affine)


def _near_labels(
    source: Volume, shape: tuple[int, int, int], matrix: FloatArray, start: FloatArray
) -> NDArray[np.bool_]:
    """Which voxels of the target grid may hold a piece of a lesion."""
    reach = np.ceil(np.abs(matrix).sum(axis=1) / 2 + 0.5).astype(int)  # of a target voxel, in source voxels
    thick = ndimage.maximum_filter((source.data != 0).astype(np.uint8), size=tuple(2 * reach + 1))
    near: NDArray[np.bool_] = ndimage.affine_transform(
        thick, matrix, start, output_shape=shape, order=0, mode="nearest", output=np.uint8
    ).astype(bool)
    return near


def _largest_share(votes: NDArray[np.int32]) -> NDArray[np.int32]:
    """The label that most samples of a voxel hold; votes of shape (samples, voxels)."""
    votes = np.sort(votes, axis=0)
    shares = np.stack([(votes == row).sum(axis=0) for row in votes])
    best = (2 * shares + (votes > 0)).argmax(axis=0)  # the first of equals: the smaller label
    winner: NDArray[np.int32] = np.take_along_axis(votes, best[None], axis=0)[0]
    return winner


def _subvoxel_offsets(matrix: FloatArray, fewest: int = 1) -> list[FloatArray]:
    """Points inside a target voxel, in its own units: as many along an axis as it crosses source voxels.

    ``matrix``, shape (3, 3), takes target voxels to source voxels.
    """
    counts = np.maximum(fewest, np.ceil(np.abs(matrix).max(axis=0) - 0.25).astype(int))
    steps = [(np.arange(count) + 0.5) / count - 0.5 for count in counts]
    return [np.array([i, j, k]) for i in steps[0] for j in steps[1] for k in steps[2]]


def _grid_to_voxel(
    source: Volume, grid: Volume, grid_to_source_mm: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Matrix (3, 3) and offset (3,) that take a voxel of the grid to a voxel of the source."""
    world = np.eye(4) if grid_to_source_mm is None else grid_to_source_mm
    full = np.linalg.inv(source.affine) @ world @ grid.affine
    return full[:3, :3], full[:3, 3]


def _is_inside(
    source_shape: tuple[int, ...], shape: tuple[int, ...], matrix: FloatArray, start: FloatArray
) -> NDArray[np.bool_]:
    """Which points lie within the faces of the source's outer voxels, shape of the grid."""
    i, j, k = np.ogrid[: shape[0], : shape[1], : shape[2]]
    inside = np.ones(shape, dtype=bool)
    for row, offset, n in zip(matrix, start, source_shape, strict=True):
        position = row[0] * i + row[1] * j + row[2] * k + offset
        inside &= (position >= -0.5) & (position < n - 0.5)
    return inside


def _is_identity(matrix: FloatArray | None) -> bool:
    return matrix is None or np.allclose(matrix, np.eye(4), atol=1e-6)
