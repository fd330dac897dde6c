"""The susceptibility and its eight wavelet sub-bands at the voxels of all lesions."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pywt
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.crop import REACH_AFTER, REACH_BEFORE
from qsmrim_app.radiomic_features.vectorised.voxels import Ints, LesionVoxels, expand_boxes

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
    return values, np.cumsum(sides.prod(axis=1)) - sides.prod(axis=1)


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
    taps = _taps(wavelet)
    last = np.array(shape) + np.array(shape) % 2 - 1
    i, j, k = voxels.sides.T
    full_j, full_k = j + _REACH, k + _REACH

    owner, place = expand_boxes(np.stack([i, full_j, full_k], axis=1))
    low = first[owner] + (place[0] * full_j[owner] + place[1]) * full_k[owner] + place[2]
    at_end = voxels.start[owner, 0] + place[0] == last[0]
    bands = _filtered(crop[None], low, (full_j * full_k)[owner], at_end, taps)
    first = _first(i * full_j * full_k)

    owner, place = expand_boxes(np.stack([i, j, full_k], axis=1))
    low = first[owner] + (place[0] * full_j[owner] + place[1]) * full_k[owner] + place[2]
    at_end = voxels.start[owner, 1] + place[1] == last[1]
    bands = _filtered(bands, low, full_k[owner], at_end, taps)
    first = _first(i * j * full_k)

    owner, place = voxels.lesion, voxels.place
    low = first[owner] + (place[0] * j[owner] + place[1]) * full_k[owner] + place[2]
    at_end = voxels.start[owner, 2] + place[2] == last[2]
    bands = _filtered(bands, low, np.ones_like(low), at_end, taps)

    sides = voxels.sides + _REACH
    first = _first(sides.prod(axis=1))
    i, j, k = place + REACH_BEFORE
    original = crop[first[owner] + (i * sides[owner, 1] + j) * sides[owner, 2] + k]
    return np.concatenate([original[None], bands]).astype(np.float64)


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


def _first(sizes: Ints) -> Ints:
    return np.asarray(np.cumsum(sizes) - sizes)


def _filtered(
    images: Floats32, low: Ints, stride: Ints, at_end: NDArray[np.bool_], taps: Floats32
) -> Floats32:
    """Both filters along one axis: (n, M) to (2 n, m); the voxels read lie from ``low`` on, a stride apart.

    out(n) = sum over t of taps(t) * image(n + 3 - t), t ascending; at the last voxel of an axis PyWavelets
    adds the three taps that reach over the end in the other order.
    """
    n_taps = taps.shape[1]
    read = [images[:, None, low + (n_taps - 1 - t) * stride] for t in range(n_taps)]
    terms = [taps[:, t, None] * values for t, values in enumerate(read)]
    total = (terms[0] + terms[1]) + terms[2]
    if at_end.any():
        total[..., at_end] = ((terms[2] + terms[1]) + terms[0])[..., at_end]
    for term in terms[3:]:
        total += term
    return np.asarray(total.reshape(-1, total.shape[-1]))
