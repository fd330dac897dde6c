"""A short name of a susceptibility map: the same for the same image, whichever file it came from."""

from __future__ import annotations

import hashlib

import numpy as np

from qsmrim_app.images.units import to_ppb, to_ppm
from qsmrim_app.records import Volume

_DIGEST_BYTES = 16
_AFFINE_DECIMALS = 3  # of a millimetre: NIfTI keeps an affine in single precision


def map_digest(qsm: Volume) -> str:
    """What tells a susceptibility map from every other one: 32 hexadecimal digits.

    The unit of the file does not matter: the values are brought to ppm and back, which rounds them as a file
    in ppm would, and rounds no second time.

    Parameters
    ----------
    qsm
        Shape (i, j, k), ppb, RAS+ order, as it was read: on its own grid, not masked, not shifted.
    """
    values = np.ascontiguousarray(to_ppb(to_ppm(qsm), "ppm").data, dtype="<f4") + np.float32(0)  # no -0
    affine = np.round(qsm.affine, _AFFINE_DECIMALS) + 0.0
    found = hashlib.blake2b(repr((qsm.shape, affine.tolist())).encode(), digest_size=_DIGEST_BYTES)
    found.update(values.tobytes())
    return found.hexdigest()
