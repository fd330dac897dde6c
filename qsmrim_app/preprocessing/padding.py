"""Constants that a program filled in where an image was not scanned, and intensities that were standardised.

Here 0 means "not measured". Resampling and cutting fill with other values too: the lowest of the image, -1, a
number that somebody chose. Left as they are they would count as dark tissue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Volume

_FACE_SHARE = 0.01  # of the voxels on the faces of the array that hold a value which is looked at
_SOLID = (3, 3, 3)  # voxels of one value all round: tissue has noise
_SMALLEST_CORE = 1000  # voxels of a piece that are solid
_LOW, _HIGH = 5, 95  # percent of the values
_STEPS, _OF_RANGE = 3, 0.02  # values that stand so many steps, and so much of their range, apart are a jump
_JUMPS, _JUMPS_FROM_LIMIT = 90, 5  # percent of the neighbours of tissue jump less; of saturated tissue
_EDGE_VOXELS, _BEYOND = 2, 0.25  # that interpolation mixed: so much of the range of tissue outside of it
_DARKEST, _BRIGHTEST = 0.1, 99.9  # percent of the values
_NEGATIVE = 0.2  # of the high end of the values; their low end lies as far below 0 or farther: standardised
_ABOVE_ZERO = 0.01  # of the range: how far the darkest value is moved above 0
_LOOK_AT = 200_000  # values are enough to find their steps


def zero_padding(image: Volume, path: Path, is_signed: bool = False) -> tuple[Volume, tuple[str, ...]]:
    """The image with filled-in constants set to 0, and what is to be said of them.

    Filled in is what is exactly one value other than 0 in a solid piece that reaches a face of the array and
    from which its neighbours jump: those of smooth tissue that was stored in steps lie a step away, and many
    of saturated tissue little below it. What interpolation mixed at the edge goes with it.

    Parameters
    ----------
    image
        Shape (i, j, k), any unit.
    path
        Its file, for the message.
    is_signed
        Whether tissue has values of both signs, so that the lowest value too may be a limit of saturation.

    Returns
    -------
    Volume
        The image itself where nothing was filled in, or nothing would be left.
    tuple of str
        A sentence for each such value.
    """
    data, said = image.data, []
    limits = (data.max(), data.min()) if is_signed else (data.max(),)
    for level in _levels_of_faces(data):
        where = _filled(data == level)
        percent = _JUMPS_FROM_LIMIT if level in limits else _JUMPS
        if where.any() and (data[~where] != 0).any() and _stands_out(data, where, percent):
            data = np.where(where | _mixed_edge(data, where), np.float32(0), data)
            said.append(
                f"{path.name}: {where.mean():.0%} of the voxels hold {level:.4g} without any noise, as where "
                "nothing was scanned; they were set to 0, and lesions there are left out or flagged"
            )
    return (image.with_data(data), tuple(said)) if said else (image, ())


def above_zero(image: Volume, path: Path) -> tuple[Volume, tuple[str, ...]]:
    """Standardised intensities moved above 0, where no tissue is taken for background; 0 stays 0.

    Parameters
    ----------
    image
        Intensities, shape (i, j, k).
    path
        Its file, for the message.

    Returns
    -------
    Volume
        The image itself where its values are not standardised.
    tuple of str
        A sentence where they are.
    """
    values = image.data[image.data != 0]
    low, high = np.percentile(values, [_LOW, _HIGH]) if values.size else (0.0, 0.0)
    if low >= -_NEGATIVE * high:
        return image, ()
    darkest, brightest = np.percentile(values, [_DARKEST, _BRIGHTEST])
    least = np.float32(_ABOVE_ZERO * (brightest - darkest))
    moved = np.maximum(image.data - np.float32(darkest) + least, least)
    said = (
        f"{path.name}: {(values < 0).mean():.0%} of the values are negative, as where intensities were "
        "standardised; they were moved above 0"
    )
    return image.with_data(np.where(image.data != 0, moved, np.float32(0))), (said,)


def _levels_of_faces(data: NDArray[np.float32]) -> list[float]:
    """Values other than 0 that hold much of the faces of the array, the most frequent first."""
    faces = np.concatenate([np.take(data, (0, -1), axis).ravel() for axis in range(3)])
    levels, counts = np.unique(faces[faces != 0], return_counts=True)
    frequent = counts >= _FACE_SHARE * faces.size
    order = np.argsort(-counts[frequent])
    return [float(level) for level in levels[frequent][order]]


def _filled(flat: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pieces of one value that reach a face and hold a solid core."""
    if np.count_nonzero(flat) < _SMALLEST_CORE:
        return np.zeros_like(flat)
    core = ndimage.binary_erosion(flat, np.ones(_SOLID, dtype=bool), border_value=1)
    if np.count_nonzero(core) < _SMALLEST_CORE:
        return np.zeros_like(flat)
    pieces, n = ndimage.label(flat)
    solid = np.bincount(pieces[core], minlength=n + 1) >= _SMALLEST_CORE
    on_faces = {int(one) for axis in range(3) for one in np.unique(np.take(pieces, (0, -1), axis))}
    kept = solid & np.isin(np.arange(n + 1), list(on_faces - {0}))
    return np.asarray(kept[pieces])


def _stands_out(data: NDArray[np.float32], where: NDArray[np.bool_], percent: float) -> bool:
    """Whether that percentile of the differences to the neighbours is more than smooth tissue has."""
    beside = ndimage.binary_dilation(where) & ~where & (data != 0)
    rest = data[~where & (data != 0)]
    if not beside.any():
        return True
    level, (low, high) = data[where][0], np.percentile(rest, [_LOW, _HIGH])
    steps = np.diff(np.unique(rest[:: max(1, rest.size // _LOOK_AT)]))
    jump = max(_STEPS * float(steps.min(initial=np.inf)) if steps.size else 0.0, _OF_RANGE * (high - low))
    return bool(np.percentile(np.abs(data[beside] - level), percent) > jump)


def _mixed_edge(data: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels next to what was filled in that are far darker, or brighter, than tissue."""
    edge = ndimage.binary_dilation(where, iterations=_EDGE_VOXELS) & ~where & (data != 0)
    tissue = data[~where & ~edge & (data != 0)]
    if not tissue.size:
        return np.zeros_like(edge)
    low, high = np.percentile(tissue, [_DARKEST, _BRIGHTEST])
    beyond = _BEYOND * (high - low)
    return np.asarray(edge & ((data < low - beyond) | (data > high + beyond)))
