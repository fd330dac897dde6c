"""Two images made comparable, and how well a motion fits them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.images import grid_with_spacing
from qsmrim_app.preprocessing.brain_mask import carry_mask, mask_from_intensity, widen
from qsmrim_app.preprocessing.itk_bridge import is_sheared, orthogonal_grid
from qsmrim_app.preprocessing.resampling import resample_image
from qsmrim_app.preprocessing.similarity import dice, mutual_information
from qsmrim_app.records import FloatArray, Volume

_SPACING_MM = 1.5
_MOVES_MM = (5.0, 10.0, 20.0)  # along each axis, there and back
_MARGIN_MM = 15.0  # the edge of the brain guides the registration, so enough of its outside must be seen


@dataclass(frozen=True)
class Pair:
    """What is compared, on orthogonal grids of about 1.5 mm.

    ``fixed`` is the GRE magnitude (or the QSM), ``moving`` the FLAIR; ``mask`` (bool, grid of ``fixed``) is
    where they are compared; ``fixed_head`` and ``moving_head`` are bool, each on the grid of its image.
    """

    fixed: Volume
    moving: Volume
    mask: Volume
    fixed_head: Volume
    moving_head: Volume


class Score(NamedTuple):
    """Mutual information (nats) inside the mask and Dice coefficient of the heads; higher is better."""

    similarity: float
    overlap: float


def make_pair(fixed: Volume, moving: Volume, brain_mask: Volume) -> Pair:
    """Bring both images to about 1.5 mm; where voxel axes are not perpendicular, onto a grid where they are.

    Parameters
    ----------
    fixed, moving
        Intensities, each on its own grid.
    brain_mask
        bool, grid of ``fixed``.
    """
    fixed_work, moving_work = (resample_image(image, _work_grid(image)) for image in (fixed, moving))
    brain = carry_mask(brain_mask, fixed_work)
    return Pair(fixed_work, moving_work, widen(brain, _MARGIN_MM), brain, mask_from_intensity(moving_work))


def score(pair: Pair, fixed_to_moving: FloatArray) -> Score:
    """How well a motion fits: ``fixed_to_moving`` (4, 4) takes fixed to moving world points, RAS millimetres.

    Only places that the moving image reaches count for the similarity.
    """
    head = carry_mask(pair.moving_head, pair.fixed, fixed_to_moving)
    return Score(_similarity(pair, fixed_to_moving), dice(pair.fixed_head.data, head.data))


def similarity_drop(pair: Pair, fixed_to_moving: FloatArray) -> float:
    """How much similarity is lost at least when the moving image is shifted by 5, 10 or 20 mm; in nats.

    Negative: it fits better elsewhere, so the motion is wrong by millimetres at least. Every second voxel is
    looked at along each axis.

    Parameters
    ----------
    pair
        What is compared.
    fixed_to_moving
        (4, 4), fixed to moving world points, RAS millimetres.
    """
    thin = replace(pair, **{name: _every_second(getattr(pair, name)) for name in ("fixed", "moving", "mask")})
    moved = []
    for axis in range(3):
        for shift_mm in (*_MOVES_MM, *(-move for move in _MOVES_MM)):
            shift = np.eye(4)
            shift[axis, 3] = shift_mm
            moved.append(_similarity(thin, fixed_to_moving @ shift))
    return _similarity(thin, fixed_to_moving) - max(moved)


def best_start(pair: Pair) -> FloatArray:
    """The header alone, or the shift that joins the centres of the heads where that is more similar.

    Heads that a scanner's header aligns already must not be torn apart because one image covers more of the
    neck.
    """
    centres = np.eye(4)
    if pair.fixed_head.data.any() and pair.moving_head.data.any():
        centres[:3, 3] = _centre(pair.moving_head) - _centre(pair.fixed_head)
    return max((np.eye(4), centres), key=lambda start: score(pair, start).similarity)


def _similarity(pair: Pair, fixed_to_moving: FloatArray) -> float:
    moved = resample_image(pair.moving, pair.fixed, fixed_to_moving)
    inside = pair.mask.data & _reached(pair, fixed_to_moving)
    return mutual_information(pair.fixed.data[inside], moved.data[inside])


def _every_second(volume: Volume) -> Volume:
    return Volume(volume.data[::2, ::2, ::2], volume.affine @ np.diag([2.0, 2.0, 2.0, 1.0]))


def _work_grid(image: Volume) -> Volume:
    grid = orthogonal_grid(image) if is_sheared(image) else image
    return grid_with_spacing(grid, (_SPACING_MM,) * 3)


def _reached(pair: Pair, fixed_to_moving: FloatArray) -> NDArray[np.bool_]:
    """Voxels of the fixed grid that fall inside the moving image, bool, shape (i, j, k)."""
    matrix = np.linalg.inv(pair.moving.affine) @ fixed_to_moving @ pair.fixed.affine
    i, j, k = np.ogrid[tuple(slice(n) for n in pair.fixed.shape)]
    inside = np.ones(pair.fixed.shape, dtype=bool)
    for axis, n in enumerate(pair.moving.shape):
        voxel = matrix[axis, 0] * i + matrix[axis, 1] * j + matrix[axis, 2] * k + matrix[axis, 3]
        inside &= (voxel >= 0) & (voxel <= n - 1)
    return inside


def _centre(mask: Volume) -> NDArray[Any]:
    voxel = np.argwhere(mask.data).mean(axis=0)
    return np.asarray(mask.affine[:3, :3] @ voxel + mask.affine[:3, 3])
