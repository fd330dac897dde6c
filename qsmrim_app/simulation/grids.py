"""The voxel grid of a simulated scan, and the finer grid on which physics is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import Shape3, Vector3

LARGEST_FINE_MM = 1.0  # a rim is 0.75 to 2.5 mm thick


@dataclass(frozen=True, eq=False)
class ScanGrid:
    """A voxel grid whose voxels are divided into equal parts.

    Parameters
    ----------
    shape
        Number of scanned voxels.
    affine
        Shape (4, 4): scanned voxel to world, RAS millimetres.
    parts
        Into how many parts a voxel is divided along each axis.
    """

    shape: Shape3
    affine: FloatArray
    parts: Shape3

    @property
    def spacing_mm(self) -> Vector3:
        """Size of a scanned voxel."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(x), float(y), float(z)

    @property
    def fine_shape(self) -> Shape3:
        """Number of fine voxels."""
        i, j, k = (size * part for size, part in zip(self.shape, self.parts, strict=True))
        return i, j, k

    @property
    def fine_spacing_mm(self) -> Vector3:
        """Size of a fine voxel."""
        x, y, z = (size / part for size, part in zip(self.spacing_mm, self.parts, strict=True))
        return x, y, z

    @property
    def fine_affine(self) -> FloatArray:
        """Shape (4, 4): fine voxel to world, RAS millimetres."""
        affine = self.affine.copy()
        parts = np.array(self.parts)
        affine[:3, :3] /= parts
        affine[:3, 3] -= affine[:3, :3] @ ((parts - 1) / 2)
        return affine

    def average(self, fine: NDArray[Any]) -> NDArray[Any]:
        """The mean over the parts of each scanned voxel: shape ``fine_shape`` to ``shape``."""
        (i, j, k), (a, b, c) = self.shape, self.parts
        if self.parts == (1, 1, 1):
            return fine
        blocks = fine.reshape(i, a, j, b, k, c)
        total = sum(blocks[:, p, :, q, :, r] for p in range(a) for q in range(b) for r in range(c))
        mean: NDArray[Any] = np.asarray(total) / np.float32(a * b * c)
        return mean

    def volume(self, data: NDArray[Any]) -> Volume:
        """Data of shape ``shape`` on this grid."""
        return Volume(np.ascontiguousarray(data), self.affine)


def parts_for(spacing_mm: Vector3) -> Shape3:
    """Into how many parts a voxel must be divided for none to exceed `LARGEST_FINE_MM`."""
    i, j, k = (max(1, math.ceil(size / LARGEST_FINE_MM - 1e-6)) for size in spacing_mm)
    return i, j, k


def rotation(degrees: Vector3) -> FloatArray:
    """Shape (3, 3): turn about x, then y, then z."""
    x, y, z = np.deg2rad(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    turn: FloatArray = about_z @ about_y @ about_x
    return turn


def rigid(degrees: Vector3, shift_mm: Vector3) -> FloatArray:
    """Shape (4, 4): turn about the origin, then shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(degrees)
    matrix[:3, 3] = shift_mm
    return matrix
