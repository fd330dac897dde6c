"""What a susceptibility map holds where nothing was measured: 0, or a constant that stands for it.

Exports write the lowest value outside of the brain, a map that was referenced to a mean afterwards holds its
negative there, and one that was filtered holds nearly 0. Here 0 means "not measured", so these become 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Volume

_LEAST_SHARE = 0.2  # of all voxels; less is no background
_FLAT = 1e-4  # of the range of the values: as little as this is no contrast
_RANGE_PERCENT = 97.0  # of the distances from the background; beyond it there may be damaged voxels
_CLIPPED_SHARE = 0.01  # of the voxels at the lowest and at the highest value: more is a clipped map
_SMALLEST_PIECE = 1000  # voxels; fewer are tissue that happens to have the value
_LOOK_AT = 200_000  # voxels are enough to find a value that a fifth of them has, and steps
_FEW_VALUES = 5000  # a map that holds no more of them was stored in steps
_LARGEST_ZERO = 8  # voxels of a piece that holds 0 because the step nearest to its value is 0
_NEXT_TO_ZERO = 1e-3  # of the smallest step
_COARSE = 0.2  # of the robust standard deviation of the measured values: steps from which much tissue is 0


class _Background(NamedTuple):
    """Where nothing was measured, bool, and what stands there, in words."""

    where: NDArray[np.bool_]
    level: str


def zero_background(qsm: Volume, path: Path) -> tuple[Volume, tuple[str, ...]]:
    """The map with a constant or nearly constant background set to 0, and what is to be said of it.

    Parameters
    ----------
    qsm
        Susceptibility in the unit of its file, shape (i, j, k), finite.
    path
        Its file, for the message.

    Returns
    -------
    Volume
        The map itself where there is no such background.
    tuple of str
        A sentence where there is one, else none.
    """
    found = _constant(qsm.data) or _nearly_constant(qsm.data)
    if found is None or not qsm.data[~found.where].any():
        return qsm, ()  # if nothing would be left: what is wrong with a constant map is said elsewhere
    said = (
        f"{path.name}: {found.where.mean():.0%} of the voxels hold {found.level}; they were taken for the "
        "background, where nothing is measured, and set to 0"
    )
    rest, more = zero_background(qsm.with_data(np.where(found.where, np.float32(0), qsm.data)), path)
    return rest, (said, *more)  # an export that was padded afterwards has two


def keep_measured_zeros(qsm: Volume, path: Path) -> tuple[Volume, tuple[str, ...]]:
    """A map that was stored in steps, such as whole ppb, with tissue that happens to be 0 moved next to it.

    That are single voxels and pieces of a few, which share no face with more of them. Where nothing was
    measured there are more.

    Parameters
    ----------
    qsm
        Susceptibility in the unit of its file, shape (i, j, k), finite.
    path
        Its file, for the message.

    Returns
    -------
    Volume
        The map itself where it was not stored in steps.
    tuple of str
        A sentence where the steps are coarse, else none.
    """
    seen = _thinned(qsm.data)
    levels = np.unique(seen)
    if not 1 < len(levels) <= _FEW_VALUES:
        return qsm, ()
    step, measured = float(np.diff(levels).min()), seen[seen != 0]
    pieces, _ = ndimage.label(qsm.data == 0)
    small = np.bincount(pieces.ravel()) <= _LARGEST_ZERO
    small[0] = False
    found = qsm.with_data(np.where(small[pieces], np.float32(_NEXT_TO_ZERO * step), qsm.data))
    spread = 1.4826 * float(np.median(np.abs(measured - np.median(measured))))
    if step < _COARSE * spread:
        return found, ()
    return found, (
        f"{path.name}: the map is stored in steps of {step:.3g}, coarse against its spread of {spread:.3g} "
        "(robust standard deviation); tissue that was rounded to 0 counts as not measured where it is more "
        f"than {_LARGEST_ZERO} voxels; export it with more digits",
    )


def _constant(data: NDArray[np.float32]) -> _Background | None:
    """Where one value other than 0 fills much of the map in pieces; None if none does.

    A map that was clipped holds both its limits often: neither is a background.
    """
    seen, counts = np.unique(_thinned(data), return_counts=True)
    limits = np.count_nonzero(data == data.min()), np.count_nonzero(data == data.max())
    if min(limits) > _CLIPPED_SHARE * data.size:
        return None
    counts[seen == 0] = 0
    level = seen[counts.argmax()]
    return _in_pieces(data == level, f"{level:.4g}") if level != 0 else None


def _thinned(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every n-th voxel along each axis, some `_LOOK_AT` in all: enough to find frequent values and steps."""
    step = max(1, round((data.size / _LOOK_AT) ** (1 / 3)))
    return data[::step, ::step, ::step]


def _nearly_constant(data: NDArray[np.float32]) -> _Background | None:
    """Where the map has nearly the value of its faces in pieces, without being 0; None if nowhere."""
    if (data == 0).mean() >= _LEAST_SHARE:
        return None
    faces = [np.take(data, (0, -1), axis).ravel() for axis in range(3)]
    level = float(np.median(np.concatenate(faces)))
    away = np.abs(data - np.float32(level))
    return _in_pieces(away <= _FLAT * np.percentile(away, _RANGE_PERCENT), f"nearly {level:.4g}")


def _in_pieces(flat: NDArray[np.bool_], level: str) -> _Background | None:
    """The large pieces of a background; None if they are too little of the map."""
    if flat.mean() < _LEAST_SHARE:
        return None
    pieces, _ = ndimage.label(flat)
    large = np.bincount(pieces.ravel()) >= _SMALLEST_PIECE
    large[0] = False
    where = np.asarray(large[pieces])
    return _Background(where, level) if where.mean() >= _LEAST_SHARE else None
