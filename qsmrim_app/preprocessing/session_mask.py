"""Which of the ways to a brain mask a session takes, and how the mask reaches the FLAIR."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import GridMismatchError, InputError
from qsmrim_app.images import load_labels, same_grid
from qsmrim_app.preprocessing.brain_mask import (
    carry_mask,
    is_masked,
    mask_from_intensity,
    mask_from_support,
    widen,
)
from qsmrim_app.records import Volume
from qsmrim_app.settings import Shape3

_CARRY_MARGIN_MM = 10.0  # heads differ by this much between two scans of a session, by their headers
_FINE_MM = 1.5  # voxels smaller than this are skipped by half
_SMALLEST_SHARE = (
    0.25  # of the head of the FLAIR that must lie near the carried mask, else headers do not fit
)


class SessionMask(NamedTuple):
    """A brain mask (bool, grid of the QSM) and what a user should know of it."""

    mask: Volume
    warnings: tuple[str, ...]


def session_mask(qsm: Volume, magnitude: Volume | None, flair: Volume, given: Path | None) -> SessionMask:
    """The brain on the grid of the QSM: the mask that came with the data, else by QSM, magnitude or FLAIR.

    Parameters
    ----------
    qsm, flair
        On their own grids.
    magnitude
        On the grid of the QSM.
    given
        A mask file on the grid of the QSM, or on that of the FLAIR (then its header carries it over).

    Raises
    ------
    GridMismatchError
        If the given mask lies on neither grid.
    InputError
        If the mask is empty.
    """
    found = _given_mask(given, qsm, flair) if given else _derived_mask(qsm, magnitude, flair)
    if not found.mask.data.any():
        source = f"{given}: this brain mask" if given else "the brain mask made from the images"
        raise InputError(
            f"{source} is empty on the grid of the QSM; give a brain mask, or correct the headers"
        )
    return found


def mask_for_flair(brain_mask: Volume, flair: Volume) -> Volume:
    """Where the FLAIR shows brain, on its own grid, for the bias correction, which comes before registration.

    The head of the FLAIR, cut to the surroundings of the brain mask as the headers place it; the whole head
    where the headers do not fit together. A fine image is looked at in every second voxel: an eighth of the
    time, and as good for a smooth field.

    Parameters
    ----------
    brain_mask
        bool, grid of the QSM.
    flair
        Intensities on their own grid.
    """
    steps = tuple(2 if size < _FINE_MM else 1 for size in flair.spacing_mm)
    coarse = Volume(flair.data[:: steps[0], :: steps[1], :: steps[2]], flair.affine @ np.diag([*steps, 1]))
    head = mask_from_intensity(coarse).data
    near = widen(carry_mask(brain_mask, coarse), _CARRY_MARGIN_MM).data & head
    fits = near.sum() >= max(1.0, _SMALLEST_SHARE * int(head.sum()))
    return flair.with_data(_repeat(near if fits else head, steps, flair.shape))


def _repeat(mask: NDArray[np.bool_], steps: tuple[int, ...], shape: Shape3) -> NDArray[np.bool_]:
    for axis, step in enumerate(steps):
        mask = mask.repeat(step, axis=axis)
    return mask[: shape[0], : shape[1], : shape[2]]


def _given_mask(path: Path, qsm: Volume, flair: Volume) -> SessionMask:
    labels, warnings = load_labels(path)
    if same_grid(labels, qsm):
        return SessionMask(labels.with_data(labels.data > 0), warnings)
    if not same_grid(labels, flair):
        raise GridMismatchError(
            f"{path}: this brain mask lies on a grid of {labels.shape}, neither on that of the QSM "
            f"{qsm.shape} nor on that of the FLAIR {flair.shape}; resample it onto the QSM"
        )
    moved = carry_mask(labels.with_data(labels.data > 0), qsm)
    note = f"{path.name}: this brain mask lies on the FLAIR; its header carried it to the QSM"
    return SessionMask(moved, (*warnings, note))


def _derived_mask(qsm: Volume, magnitude: Volume | None, flair: Volume) -> SessionMask:
    if is_masked(qsm):
        return SessionMask(mask_from_support(qsm), ())
    if magnitude is not None:
        note = (
            "the QSM is not masked; the brain mask comes from the magnitude (Otsu's threshold), so check it"
        )
        return SessionMask(mask_from_intensity(magnitude), (note,))
    note = (
        "the QSM is not masked and no magnitude was found; the head of the FLAIR stands in for the brain mask"
    )
    return SessionMask(carry_mask(mask_from_intensity(flair), qsm), (note,))
