"""Smooth random fields: the texture, deformation and irregularity of everything that is simulated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.settings import Shape3, Vector3

CELLS_PER_SIGMA = (
    2.0  # nodes of the random lattice a correlation length: finer would cost time and show nothing
)


def smooth_field(
    rng: np.random.Generator, shape: Shape3, spacing_mm: Vector3, sigma_mm: float
) -> NDArray[Any]:
    """A Gaussian random field of mean 0 and standard deviation 1.

    Parameters
    ----------
    rng
        Consumed by one draw.
    shape, spacing_mm
        The grid.
    sigma_mm
        Width of the Gaussian kernel that correlates the field, isotropic in millimetres.

    Returns
    -------
    NDArray
        float32, shape ``shape``.
    """
    cell_mm = np.maximum(sigma_mm / CELLS_PER_SIGMA, spacing_mm)
    ratio = np.asarray(spacing_mm) / cell_mm
    nodes = np.ceil(np.array(shape) * ratio).astype(int) + 1
    field = rng.standard_normal(tuple(nodes), dtype=np.float32)
    # "wrap" keeps the variance equal up to the border
    field = ndimage.gaussian_filter(field, sigma_mm / cell_mm, mode="wrap")
    for axis, size in enumerate(shape):
        field = _stretch(field, axis, size, float(ratio[axis]))
    field -= field.mean()
    spread = field.std()
    return field / spread if spread > 0 else field


def _stretch(field: NDArray[Any], axis: int, size: int, step: float) -> NDArray[Any]:
    """Linear interpolation along one axis at 0, step, 2 step, ..."""
    position = np.arange(size) * step
    low = np.minimum(position.astype(int), field.shape[axis] - 1)
    high = np.minimum(low + 1, field.shape[axis] - 1)
    weight = (position - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    below: NDArray[Any] = np.take(field, low, axis=axis)
    below += weight * (np.take(field, high, axis=axis) - below)
    return below


def smooth_step(value: NDArray[Any]) -> NDArray[Any]:
    """0 below -1, 1 above 1, and a cubic in between."""
    part = np.clip((value + 1) / 2, 0, 1)
    step: NDArray[Any] = part * part * (3 - 2 * part)
    return step
