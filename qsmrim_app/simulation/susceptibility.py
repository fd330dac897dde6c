"""From susceptibility to the field it makes: the dipole convolution.

The relative field change along B0 of a susceptibility distribution is, in the Fourier domain,
(1/3 - (k . b)^2 / |k|^2) times it (Salomir R et al., Concepts Magn Reson B 2003;19:26-34; Marques JP and
Bowtell R, Concepts Magn Reson B 2005;25:65-78).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from qsmrim_app.settings import Shape3, Vector3

PADDING = 1.15  # the periodic images of the brain that an FFT implies are kept this much further away


def padded_shape(shape: Shape3) -> Shape3:
    """A somewhat larger shape that the FFT handles fast."""
    i, j, k = (fft.next_fast_len(int(np.ceil(size * PADDING)) + 8, real=True) for size in shape)
    return i, j, k


def frequencies(shape: Shape3, spacing_mm: Vector3) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Spatial frequencies of a real FFT in cycles a millimetre, float32, broadcastable to its shape."""
    x = np.fft.fftfreq(shape[0], spacing_mm[0]).astype(np.float32)
    y = np.fft.fftfreq(shape[1], spacing_mm[1]).astype(np.float32)
    z = np.fft.rfftfreq(shape[2], spacing_mm[2]).astype(np.float32)
    return x[:, None, None], y[None, :, None], z[None, None, :]


def dipole_kernel(shape: Shape3, spacing_mm: Vector3, b0_direction: Vector3) -> NDArray[Any]:
    """The unit dipole in the Fourier domain, for `scipy.fft.rfftn`.

    Parameters
    ----------
    shape, spacing_mm
        The grid.
    b0_direction
        Unit vector of the main field along the axes of the grid.

    Returns
    -------
    NDArray
        float32, shape (i, j, k // 2 + 1); 0 at frequency 0, which no field can show.
    """
    x, y, z = frequencies(shape, spacing_mm)
    square = x * x + y * y + z * z
    along = (
        x * np.float32(b0_direction[0]) + y * np.float32(b0_direction[1]) + z * np.float32(b0_direction[2])
    )
    square[0, 0, 0] = 1
    kernel = np.float32(1 / 3) - along * along / square
    kernel[0, 0, 0] = 0
    result: NDArray[Any] = kernel
    return result


def field_of(susceptibility: NDArray[Any], spacing_mm: Vector3, b0_direction: Vector3) -> NDArray[Any]:
    """The field change that a susceptibility distribution makes, in its unit, float32, same shape."""
    shape = susceptibility.shape
    assert len(shape) == 3
    padded = padded_shape(shape)
    kernel = dipole_kernel(padded, spacing_mm, b0_direction)
    spectrum = fft.rfftn(susceptibility.astype(np.float32, copy=False), s=padded, workers=1)
    spectrum *= kernel
    field = fft.irfftn(spectrum, s=padded, workers=1, overwrite_x=True)
    return np.ascontiguousarray(field[: shape[0], : shape[1], : shape[2]])
