"""Flat views of a volume as radiologists look at them: which voxels, and where in a frame in millimetres.

The patient's right is on the left of axial and coronal views, anterior on the left of sagittal views;
anterior or superior is at the top. Volumes are in RAS+ axis order; an oblique one is cut along its own axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.records import Volume


@dataclass(frozen=True)
class Plane:
    """A direction of cut through ``normal``; of ``axes`` the first grows to the left, the second upwards."""

    name: str
    axes: tuple[int, int]
    normal: int
    left: str  # what the edges of the view show
    right: str
    top: str
    bottom: str


AXIAL = Plane("axial", (0, 1), 2, "R", "L", "A", "P")
CORONAL = Plane("coronal", (0, 2), 1, "R", "L", "S", "I")
SAGITTAL = Plane("sagittal", (1, 2), 0, "A", "P", "S", "I")
PLANES = (AXIAL, CORONAL, SAGITTAL)


@dataclass(frozen=True)
class View:
    """A rectangle of voxels of one slice inside a frame of ``size_mm`` (width, height).

    ``start`` and ``stop`` are the half-open voxel ranges along the plane's axes. The picture of the slice may
    be smaller than the frame (at the border of the image) or reach beyond it by part of a voxel.
    """

    plane: Plane
    index: int
    start: tuple[int, int]
    stop: tuple[int, int]
    spacing_mm: tuple[float, float]
    size_mm: tuple[float, float]
    middle_vox: tuple[float, float]  # voxel-edge coordinate (voxel 0 spans 0 to 1) at the middle of the frame

    @property
    def x_mm(self) -> float:
        """Left edge of the picture in the frame."""
        return self._edge(0)

    @property
    def y_mm(self) -> float:
        """Top edge of the picture in the frame."""
        return self._edge(1)

    @property
    def width_mm(self) -> float:
        """Width of the picture."""
        return (self.stop[0] - self.start[0]) * self.spacing_mm[0]

    @property
    def height_mm(self) -> float:
        """Height of the picture."""
        return (self.stop[1] - self.start[1]) * self.spacing_mm[1]

    def picture(self, data: NDArray[Any]) -> NDArray[Any]:
        """The voxels of the view, shape (rows, columns): row 0 on top, column 0 on the left."""
        index: list[Any] = [0, 0, 0]
        index[self.plane.normal] = self.index
        for axis, start, stop in zip(self.plane.axes, self.start, self.stop, strict=True):
            index[axis] = slice(start, stop)
        flat: NDArray[Any] = data[tuple(index)]
        return flat[::-1, ::-1].T

    def place(self, voxel: tuple[float, float]) -> tuple[float, float]:
        """Where in the frame (from the left, from the top, mm) the centre of a voxel of the slice lies."""
        x, y = (
            size / 2 - (value + 0.5 - middle) * spacing
            for size, value, middle, spacing in zip(
                self.size_mm, voxel, self.middle_vox, self.spacing_mm, strict=True
            )
        )
        return x, y

    def _edge(self, axis: int) -> float:
        reach = (self.stop[axis] - self.middle_vox[axis]) * self.spacing_mm[axis]
        return self.size_mm[axis] / 2 - reach


def view_around(volume: Volume, plane: Plane, voxel: tuple[int, int, int], field_mm: float) -> View:
    """A square view of ``field_mm`` centred on a voxel."""
    spacing = volume.spacing_mm[plane.axes[0]], volume.spacing_mm[plane.axes[1]]
    middle = voxel[plane.axes[0]] + 0.5, voxel[plane.axes[1]] + 0.5
    ranges = [
        _range(middle[side], field_mm / 2 / spacing[side], volume.shape[axis])
        for side, axis in enumerate(plane.axes)
    ]
    (a0, a1), (b0, b1) = ranges
    return View(plane, voxel[plane.normal], (a0, b0), (a1, b1), spacing, (field_mm, field_mm), middle)


def view_of_box(volume: Volume, plane: Plane, index: int, box: tuple[tuple[int, int], ...]) -> View:
    """A view whose frame is exactly a box of voxels: ``box`` holds (start, stop) along i, j, k."""
    (a0, a1), (b0, b1) = box[plane.axes[0]], box[plane.axes[1]]
    spacing = volume.spacing_mm[plane.axes[0]], volume.spacing_mm[plane.axes[1]]
    size = (a1 - a0) * spacing[0], (b1 - b0) * spacing[1]
    return View(plane, index, (a0, b0), (a1, b1), spacing, size, ((a0 + a1) / 2, (b0 + b1) / 2))


def bounding_box(mask: NDArray[np.bool_], margin: int = 2) -> tuple[tuple[int, int], ...]:
    """Half-open voxel ranges that hold a mask and a margin; the whole image if the mask is empty."""
    if not mask.any():
        return tuple((0, n) for n in mask.shape)
    ranges = []
    for axis, n in enumerate(mask.shape):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        ranges.append((max(0, int(hit[0]) - margin), min(n, int(hit[-1]) + 1 + margin)))
    return tuple(ranges)


def _range(middle: float, reach: float, n: int) -> tuple[int, int]:
    return max(0, math.floor(middle - reach)), min(n, math.ceil(middle + reach))
