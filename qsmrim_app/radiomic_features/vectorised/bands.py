"""The susceptibility and its eight wavelet sub-bands at the voxels of all lesions."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pywt
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.crop import REACH_AFTER, REACH_BEFORE
from qsmrim_app.radiomic_features.vectorised.voxels import (
    Ints,
    LesionVoxels,
    expand_boxes,
    flat_index,
    starts_of,
)

BANDS = ("original", *(f"wavelet-{''.join(filters)}" for filters in product("LH", repeat=3)))
_REACH = REACH_BEFORE + REACH_AFTER
Floats32 = NDArray[np.float32]


def crops(image: NDArray[np.float32], voxels: LesionVoxels) -> tuple[Floats32, Ints]:
    """The boxes of all lesions with what the wavelet reads around them, in one flat list.

    As in the whole volume, an axis of odd size is lengthened by its first voxel and then is periodic
    (pyradiomics, ``imageoperations._swt3``; PyWavelets, mode ``periodization``).

    Returns
    -------
    values
        Shape (M,): box after box.
    first
        Shape (L,): where each box begins.
    """
    sides = voxels.sides + _REACH
    owner, place = expand_boxes(sides)
    size = np.array(image.shape)[:, None]
    at = (place + (voxels.start - REACH_BEFORE).T[:, owner]) % (size + size % 2)
    at[at == size] = 0
    values = image[tuple(at)].astype(np.float32, copy=False)
    return values, starts_of(sides.prod(axis=1))


def band_values(
    crop: Floats32, first: Ints, voxels: LesionVoxels, shape: tuple[int, int, int], wavelet: str
) -> NDArray[np.float64]:
    """One level of the stationary transform, axis after axis, at the voxels of the lesions only.

    Sums are in single precision and in the order of PyWavelets, so that the values are those of the whole
    volume to the last bit: pyradiomics bins them, and the mean of a high-pass band is close to 0.

    Parameters
    ----------
    crop, first
        Of `crops`.
    voxels
        N voxels of L lesions.
    shape
        Of the volume.
    wavelet
        PyWavelets' name, of six taps.

    Returns
    -------
    ndarray
        Shape (9, N), in the order of `BANDS`.
    """
    last = np.array(shape) + np.array(shape) % 2 - 1
    sides = voxels.sides + _REACH
    middle = flat_index(first, sides, voxels.lesion, voxels.place + REACH_BEFORE)
    bands = crop[None]
    for axis in range(3):
        read, sides = sides, sides.copy()
        sides[:, axis] = voxels.sides[:, axis]
        owner, place = (voxels.lesion, voxels.place) if axis == 2 else expand_boxes(sides)
        low = flat_index(first, read, owner, place)
        stride = read[:, axis + 1 :].prod(axis=1)[owner]
        at_end = voxels.start[owner, axis] + place[axis] == last[axis]
        bands = _filtered(bands, low, stride, at_end, _taps(wavelet))
        first = starts_of(sides.prod(axis=1))
    return np.concatenate([crop[None, middle], bands]).astype(np.float64)


@cache
def _taps(wavelet: str) -> Floats32:
    """Low-pass and high-pass filter (2, 6) in the single precision in which PyWavelets applies them.

    They are not its published coefficients rounded, so they are read from what becomes of a single 1.
    """
    n_taps = REACH_BEFORE + 1 + REACH_AFTER
    single = np.zeros(4 * n_taps, dtype=np.float32)
    single[2 * n_taps] = 1
    ((low, high),) = pywt.swt(single, wavelet, level=1)
    return np.stack([low, high])[:, 2 * n_taps - REACH_AFTER :][:, :n_taps]


def _filtered(
    images: Floats32, low: Ints, stride: Ints, at_end: NDArray[np.bool_], taps: Floats32
) -> Floats32:
    """Both filters along one axis: (n, M) to (2 n, m); the voxels read lie from ``low`` on, a stride apart.

    out(n) = sum over t of taps(t) * image(n + 3 - t), t ascending; at the last voxel of an axis PyWavelets
    adds the three taps that reach over the end in the other order.
    """
    n_taps = taps.shape[1]
    read = [images.take(low + (n_taps - 1 - t) * stride, axis=1) for t in range(n_taps)]
    terms = [taps[:, t, None] * values[:, None] for t, values in enumerate(read)]
    total = (terms[0] + terms[1]) + terms[2]
    if at_end.any():
        total[..., at_end] = ((terms[2] + terms[1]) + terms[0])[..., at_end]
    for term in terms[3:]:
        total += term
    return np.asarray(total.reshape(-1, total.shape[-1]))
