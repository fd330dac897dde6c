"""The nine images of one lesion: the susceptibility itself and its eight wavelet sub-bands."""

from __future__ import annotations

import numpy as np
import pywt
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.crop import LesionCrop


def lesion_bands(crop: LesionCrop, wavelet: str) -> dict[str, NDArray[np.float32]]:
    """The image and its wavelet sub-bands within the lesion's box, by pyradiomics' name.

    One level of the stationary transform. The three letters of a sub-band stand for the axes i, j, k:
    ``L`` low-pass, ``H`` high-pass.

    Parameters
    ----------
    crop
        The lesion with its surroundings.
    wavelet
        PyWavelets' name; the crop is made for filters of six taps (coif1).

    Returns
    -------
    dict
        ``original``, ``wavelet-LLH`` ... ``wavelet-LLL`` -> shape of the box, float32, unit of the image.
    """
    (coefficients,) = pywt.swtn(crop.image, wavelet, level=1, axes=(0, 1, 2))
    bands = {"original": crop.image[crop.box]}
    for filters, values in coefficients.items():
        letters = filters.replace("a", "L").replace("d", "H")
        bands[f"wavelet-{letters}"] = values[crop.box]
    return bands
