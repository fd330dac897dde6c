"""What a susceptibility map holds where nothing was measured: 0, or a constant that stands for it.

Exports write the lowest value outside of the brain, a map that was referenced to a mean afterwards holds its
negative there, and one that was filtered holds nearly 0. Here 0 means "not measured", so these become 0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Volume

_LEAST_SHARE = 0.2  # of all voxels; less is no background
_FLAT = 1e-4  # of the range of the values: as little as this is no contrast
_SMALLEST_PIECE = 1000  # voxels; fewer are tissue that happens to have the value
_LOOK_AT = 200_000  # voxels are enough to find a value that a fifth of them has


def zero_background(qsm: Volume, path: Path) -> tuple[Volume, tuple[str, ...]]:
    """The map with a constant or nearly constant background set to 0, and what is to be said of it.

    Parameters
    ----------
    qsm
        Susceptibility in the unit of its file, shape (i, j, k), finite.
    path
        Its file, for the message.
    """
    flat, level = _constant(qsm.data)
    if flat is None:
        flat, level = _nearly_constant(qsm.data)
    if flat is None:
        return qsm, ()
    if flat.all() or not qsm.data[~flat].any():
        return qsm, ()  # nothing would be left; what is wrong with a constant map is said elsewhere
    said = (
        f"{path.name}: {flat.mean():.0%} of the voxels hold {level:.4g}, or next to it; they were taken "
        "for the background, where nothing is measured, and set to 0"
    )
    return qsm.with_data(np.where(flat, np.float32(0), qsm.data)), (said,)


def _constant(data: NDArray[np.float32]) -> tuple[NDArray[np.bool_] | None, float]:
    """Where one value other than 0 fills much of the map, and that value; None if none does."""
    seen, counts = np.unique(data.ravel()[:: max(1, data.size // _LOOK_AT)], return_counts=True)
    counts[seen == 0] = 0
    level = seen[counts.argmax()]
    flat = np.asarray(data == level)
    return (flat, float(level)) if level != 0 and flat.mean() >= _LEAST_SHARE else (None, 0.0)


def _nearly_constant(data: NDArray[np.float32]) -> tuple[NDArray[np.bool_] | None, float]:
    """Where the map has nearly the value of its faces without being 0, and that value; None if nowhere."""
    if (data == 0).mean() >= _LEAST_SHARE:
        return None, 0.0
    faces = [np.take(data, (0, -1), axis).ravel() for axis in range(3)]
    level = float(np.median(np.concatenate(faces)))
    away = np.abs(data - np.float32(level))
    near = away <= _FLAT * np.percentile(away, 99.5)
    if near.mean() < _LEAST_SHARE:
        return None, 0.0
    pieces, _ = ndimage.label(near)
    large = np.bincount(pieces.ravel()) >= _SMALLEST_PIECE
    large[0] = False
    flat = np.asarray(large[pieces])
    return (flat, level) if flat.mean() >= _LEAST_SHARE else (None, 0.0)
