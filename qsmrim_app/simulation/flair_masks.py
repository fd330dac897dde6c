"""Lesion masks as users have them: drawn on FLAIR alone, moved, grown or shrunk, merged or cut apart."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.cluster.vq import kmeans2

from qsmrim_app.records import Volume
from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.anatomy import Anatomy
from qsmrim_app.simulation.contrast import ScanPlan, flair_grid
from qsmrim_app.simulation.grids import ScanGrid
from qsmrim_app.simulation.lesions import PlacedLesion
from qsmrim_app.simulation.random_fields import smooth_field

MIN_VOXELS = 3
LARGEST_SHIFT_MM = 1.5
LARGEST_PIECE_MM3 = (500.0, 2500.0)  # a confluent lesion is cut into pieces of at most about this
_SOFT_MM = 0.5  # over which a boundary goes from 0 to 1 before it is put on the grid of the FLAIR


@dataclass(frozen=True)
class FlairMaskPlan:
    """What is wrong with the mask of one participant.

    ``shift_mm`` is the displacement of the whole mask along the axes of the fine grid (at most
    `LARGEST_SHIFT_MM` long), ``growth_mm`` how far it is dilated or, if negative, eroded,
    ``roughness_mm`` the standard deviation of its boundary.
    """

    shift_mm: Vector3
    growth_mm: float
    roughness_mm: float
    seed: int


def draw_flair_mask(rng: np.random.Generator) -> FlairMaskPlan:
    """The errors of one participant's plain FLAIR mask."""
    direction = rng.standard_normal(3)
    shift = direction / np.linalg.norm(direction) * LARGEST_SHIFT_MM * np.sqrt(rng.random())
    return FlairMaskPlan(
        shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        growth_mm=float(np.clip(rng.normal(0.0, 0.45), -0.9, 1.1)),
        roughness_mm=float(rng.uniform(0.15, 0.5)),
        seed=int(rng.integers(2**31)),
    )


def outline_on_flair(
    lesions: Sequence[PlacedLesion],
    anatomy: Anatomy,
    plan: FlairMaskPlan,
    scan: ScanPlan,
    spacing_mm: Vector3,
) -> Volume:
    """Instances on the grid of the FLAIR: components of what a mask drawn on FLAIR alone holds.

    Lesions that touch at a face, an edge or a corner become one. Components of fewer than `MIN_VOXELS`
    voxels are left out.

    Parameters
    ----------
    lesions
        Every lesion that is in the images.
    anatomy, scan, spacing_mm
        Whose images, and the grid of their FLAIR.
    plan
        The errors of the mask.

    Returns
    -------
    Volume
        int32, numbered from 1 without gaps.
    """
    mask = _on_flair(lesions, anatomy, plan, scan, spacing_mm)
    labels, _ = ndimage.label(mask.inside, structure=np.ones((3, 3, 3)))
    return mask.grid.volume(_without_specks(labels))


def pieces_on_flair(
    lesions: Sequence[PlacedLesion],
    anatomy: Anatomy,
    plan: FlairMaskPlan,
    scan: ScanPlan,
    spacing_mm: Vector3,
) -> Volume:
    """As `outline_on_flair`, with confluent lesions cut apart as people and programs do it.

    A voxel belongs to the lesion in which it lies deepest; lesions above a size that is drawn once for all of
    a participant are cut along planes between points spread over them. Parameters and result as there.
    """
    mask = _on_flair(lesions, anatomy, plan, scan, spacing_mm)
    rng = np.random.default_rng([plan.seed, 1])
    piece_vox = np.exp(rng.uniform(*np.log(LARGEST_PIECE_MM3))) / np.prod(spacing_mm)
    labels, count = np.zeros(mask.inside.shape, dtype=np.int64), 0
    for number in np.unique(mask.owner[mask.inside]).tolist():
        voxels = np.argwhere(mask.inside & (mask.owner == number))  # (n, 3)
        pieces = int(np.ceil(len(voxels) / piece_vox))
        with warnings.catch_warnings(action="ignore"):  # a point that draws no voxel makes one piece less
            _, piece = kmeans2(voxels * np.asarray(spacing_mm), pieces, minit="++", seed=rng)  # (n,)
        labels[tuple(voxels.T)] = count + 1 + piece
        count += pieces
    return mask.grid.volume(_without_specks(labels))


class _Mask(NamedTuple):
    """A mask on the grid of the FLAIR, and in which lesion (from 1) each voxel lies deepest."""

    grid: ScanGrid
    inside: NDArray[np.bool_]
    owner: NDArray[Any]


def _on_flair(
    lesions: Sequence[PlacedLesion],
    anatomy: Anatomy,
    plan: FlairMaskPlan,
    scan: ScanPlan,
    spacing_mm: Vector3,
) -> _Mask:
    filled, owner = _filled(lesions, anatomy, plan)
    grid, matrix = flair_grid(anatomy, scan, spacing_mm)
    offset = matrix[:3, 3] - np.asarray(plan.shift_mm) / np.asarray(anatomy.grid.fine_spacing_mm)
    turn = matrix[:3, :3]
    seen = ndimage.affine_transform(filled, turn, offset, output_shape=grid.shape, order=1)
    whose = ndimage.affine_transform(owner, turn, offset, output_shape=grid.shape, order=0)
    return _Mask(grid, seen > 0.5, whose)


def _without_specks(labels: NDArray[Any]) -> NDArray[np.int32]:
    """Labels numbered anew from 1, without those of fewer than `MIN_VOXELS` voxels."""
    sizes = np.bincount(labels.ravel())
    kept = np.flatnonzero(sizes[1:] >= MIN_VOXELS) + 1
    renumber = np.zeros(len(sizes), dtype=np.int32)
    renumber[kept] = np.arange(1, len(kept) + 1)
    renumbered: NDArray[np.int32] = renumber[labels]
    return renumbered


def _filled(
    lesions: Sequence[PlacedLesion], anatomy: Anatomy, plan: FlairMaskPlan
) -> tuple[NDArray[Any], NDArray[Any]]:
    """How surely each fine voxel is in the mask, 0 to 1, and in which lesion (from 1) it lies deepest."""
    spacing = anatomy.grid.fine_spacing_mm
    rough = smooth_field(np.random.default_rng(plan.seed), anatomy.grid.fine_shape, spacing, 2.5)
    filled = np.zeros(anatomy.grid.fine_shape, dtype=np.float32)
    deepest = np.full(anatomy.grid.fine_shape, -np.inf, dtype=np.float32)
    owner = np.zeros(anatomy.grid.fine_shape, dtype=np.int32)
    for number, lesion in enumerate(lesions, start=1):
        depth: NDArray[Any] = lesion.depth_mm + np.float32(lesion.plan.flair_growth_mm + plan.growth_mm)
        depth += np.float32(plan.roughness_mm) * rough[lesion.box]
        share = np.clip(0.5 + depth / np.float32(2 * _SOFT_MM), 0, 1) * anatomy.brain[lesion.box]
        filled[lesion.box] = np.maximum(filled[lesion.box], share)
        deeper = depth > deepest[lesion.box]
        owner[lesion.box][deeper] = number
        deepest[lesion.box] = np.maximum(deepest[lesion.box], depth)
    return filled, owner
