"""Volumes to SimpleITK images and back; the geometry is turned from RAS+ to ITK's LPS+ and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from qsmrim_app.errors import InputError
from qsmrim_app.records import FloatArray, Volume

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # its own inverse
# Cosine between two voxel axes from which a grid counts as sheared; float32 headers round at 1e-5
_LARGEST_SHEAR = 1e-3


def to_itk(volume: Volume) -> Any:
    """A SimpleITK image with the same voxels at the same places.

    Parameters
    ----------
    volume
        Any data type that ITK knows; bool becomes uint8. World RAS millimetres.

    Returns
    -------
    SimpleITK.Image
        World LPS millimetres.

    Raises
    ------
    InputError
        If the voxel axes are not perpendicular: ITK cannot say so. `orthogonal_grid` gives a grid to resample
        onto.
    """
    if is_sheared(volume):
        raise InputError(
            "the voxel axes are not perpendicular; resample the image onto an orthogonal grid first"
        )
    data = volume.data.astype(np.uint8) if volume.data.dtype == bool else volume.data
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))  # ITK counts k, j, i
    image.SetSpacing(volume.spacing_mm)
    lps = RAS_TO_LPS @ volume.affine
    image.SetOrigin(tuple(float(x) for x in lps[:3, 3]))
    image.SetDirection(_nearest_rotation(lps[:3, :3] / volume.spacing_mm).ravel().tolist())
    return image


def from_itk(image: Any) -> Volume:
    """The volume that a SimpleITK image holds; the inverse of `to_itk`."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    data = np.ascontiguousarray(sitk.GetArrayFromImage(image).transpose(2, 1, 0))
    return Volume(data, RAS_TO_LPS @ affine)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let ITK work on one thread, so that the last digits do not depend on the number of processors.

    A filter's own number of threads is not enough: N4 and the metrics of a registration are made of parts
    that go by the default of the process.
    """
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def world_matrix(transform: Any) -> FloatArray:
    """A linear SimpleITK transform as a (4, 4) matrix on RAS points: fixed world to moving world."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(tuple(axis))) - origin for axis in np.eye(3).tolist()]
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack(columns, axis=1)
    matrix[:3, 3] = origin
    return np.asarray(RAS_TO_LPS @ matrix @ RAS_TO_LPS)


def is_sheared(volume: Volume) -> bool:
    """Whether two voxel axes are not perpendicular."""
    axes = volume.affine[:3, :3] / volume.spacing_mm
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > _LARGEST_SHEAR)


def orthogonal_grid(volume: Volume) -> Volume:
    """An empty grid with perpendicular axes near those of ``volume``, with the same centre and size.

    Nothing is lost by going through it: images are resampled onto it, so the world positions stay true.
    """
    affine = volume.affine.copy()
    middle = (np.array(volume.shape) - 1) / 2
    centre = affine[:3, :3] @ middle + affine[:3, 3]
    affine[:3, :3] = _nearest_rotation(affine[:3, :3] / volume.spacing_mm) * volume.spacing_mm
    affine[:3, 3] = centre - affine[:3, :3] @ middle
    return Volume(np.broadcast_to(np.zeros((), dtype=bool), volume.shape), affine)


def _nearest_rotation(axes: NDArray[Any]) -> FloatArray:
    """The orthogonal matrix nearest to ``axes`` (polar decomposition); a reflection stays one."""
    left, _, right = np.linalg.svd(axes)
    return np.asarray(left @ right)
