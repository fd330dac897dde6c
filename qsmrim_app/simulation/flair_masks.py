"""Lesion masks as users have them: drawn on FLAIR alone, moved, grown or shrunk, neighbours run together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Volume
from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.anatomy import Anatomy
from qsmrim_app.simulation.contrast import ScanPlan, flair_grid
from qsmrim_app.simulation.lesions import PlacedLesion
from qsmrim_app.simulation.random_fields import smooth_field

MIN_VOXELS = 3
LARGEST_SHIFT_MM = 1.5
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
    filled = _filled(lesions, anatomy, plan)
    grid, matrix = flair_grid(anatomy, scan, spacing_mm)
    shift = np.asarray(plan.shift_mm) / np.asarray(anatomy.grid.fine_spacing_mm)
    seen = ndimage.affine_transform(
        filled, matrix[:3, :3], matrix[:3, 3] - shift, output_shape=grid.shape, order=1
    )
    labels, count = ndimage.label(seen > 0.5, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = np.flatnonzero(sizes[1:] >= MIN_VOXELS) + 1
    renumber = np.zeros(count + 1, dtype=np.int32)
    renumber[kept] = np.arange(1, len(kept) + 1)
    return grid.volume(renumber[labels])


def _filled(lesions: Sequence[PlacedLesion], anatomy: Anatomy, plan: FlairMaskPlan) -> NDArray[Any]:
    """How surely each fine voxel is in the mask, 0 to 1, float32."""
    spacing = anatomy.grid.fine_spacing_mm
    rough = smooth_field(np.random.default_rng(plan.seed), anatomy.grid.fine_shape, spacing, 2.5)
    filled = np.zeros(anatomy.grid.fine_shape, dtype=np.float32)
    for lesion in lesions:
        depth: NDArray[Any] = lesion.depth_mm + np.float32(lesion.plan.flair_growth_mm + plan.growth_mm)
        depth += np.float32(plan.roughness_mm) * rough[lesion.box]
        share = np.clip(0.5 + depth / np.float32(2 * _SOFT_MM), 0, 1) * anatomy.brain[lesion.box]
        filled[lesion.box] = np.maximum(filled[lesion.box], share)
    return filled
