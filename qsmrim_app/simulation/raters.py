"""The people in the simulation: who draws the outline of a lesion, and who calls it rim+."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.simulation.grids import ScanGrid
from qsmrim_app.simulation.lesion_plans import LesionPlan
from qsmrim_app.simulation.lesions import PlacedLesion
from qsmrim_app.simulation.random_fields import smooth_field

MIN_VOXELS = 3  # a smaller trace is not outlined
FALSE_RIM = {"iso": 0.001, "diffuse": 0.004, "patchy": 0.015, "bright": 0.008, "faint-ring": 0.08}
VEIN_CONFUSION = 0.015


class OutlinedLesions(NamedTuple):
    """Labels on the scan's grid, int32, and the lesion behind each label (label 1 is the first)."""

    labels: NDArray[Any]
    lesions: tuple[PlacedLesion, ...]


class RimVotes(NamedTuple):
    """What two raters say of one lesion, their consensus (a third decides if they differ), and the truth."""

    rater1: bool
    rater2: bool
    consensus: bool
    truth: bool


def outline_lesions(lesions: Sequence[PlacedLesion], grid: ScanGrid) -> OutlinedLesions:
    """Instances as a rater would outline them: a voxel belongs to the lesion that fills at least half of it.

    The boundary is moved by a smooth error of the rater. Lesions with fewer than `MIN_VOXELS` voxels are not
    outlined; the rest are numbered from 1 without gaps.
    """
    labels = np.zeros(grid.shape, dtype=np.int32)
    share = np.full(grid.shape, 0.5 - 1e-6, dtype=np.float32)
    for number, lesion in enumerate(lesions, start=1):
        box, filled = _share_of_voxels(_traced(lesion, grid), lesion, grid)
        better = filled > share[box]
        labels[box][better] = number
        share[box][better] = filled[better]
    sizes = np.bincount(labels.ravel(), minlength=len(lesions) + 1)[1:]
    kept = [number for number, size in enumerate(sizes, start=1) if size >= MIN_VOXELS]
    renumber = np.zeros(len(lesions) + 1, dtype=np.int32)
    renumber[kept] = np.arange(1, len(kept) + 1)
    return OutlinedLesions(renumber[labels], tuple(lesions[number - 1] for number in kept))


def rate_rims(rng: np.random.Generator, plans: Sequence[LesionPlan]) -> list[RimVotes]:
    """Two independent readings of each lesion: the stronger and more complete a rim, the surer it is seen."""
    votes = []
    for plan in plans:
        chance = _chance_of_calling_rim(plan)
        one, two = (bool(draw < chance) for draw in rng.random(2))
        votes.append(RimVotes(one, two, one if one == two else plan.is_rim, plan.is_rim))
    return votes


def _chance_of_calling_rim(plan: LesionPlan) -> float:
    if not plan.is_rim:
        return FALSE_RIM[plan.kind] + VEIN_CONFUSION * plan.vein_along
    contrast = plan.edge_ppb - max(plan.core_ppb, 0)
    visibility = contrast * (1 - plan.gap_share) * min(1.0, plan.thickness_mm / 1.5)
    return float(1 / (1 + np.exp(-(visibility - 24) / 13)))


def _traced(lesion: PlacedLesion, grid: ScanGrid) -> NDArray[Any]:
    """The rater's outline on the fine grid."""
    plan = lesion.plan
    i, j, k = lesion.depth_mm.shape
    wobble = smooth_field(np.random.default_rng([plan.seed, 3]), (i, j, k), grid.fine_spacing_mm, 2.0)
    traced: NDArray[Any] = lesion.depth_mm + plan.rater_growth_mm + plan.rater_noise_mm * wobble > 0
    return traced


def _share_of_voxels(
    traced: NDArray[Any], lesion: PlacedLesion, grid: ScanGrid
) -> tuple[tuple[slice, slice, slice], NDArray[Any]]:
    """The box of scanned voxels around a lesion, and the share of each that the outline fills."""
    parts = grid.parts
    low = [part.start // size for part, size in zip(lesion.box, parts, strict=True)]
    high = [-(-part.stop // size) for part, size in zip(lesion.box, parts, strict=True)]
    shape = [b - a for a, b in zip(low, high, strict=True)]
    padded = np.zeros([n * size for n, size in zip(shape, parts, strict=True)], dtype=np.float32)
    start = [part.start - a * size for part, a, size in zip(lesion.box, low, parts, strict=True)]
    inner = tuple(slice(a, a + n) for a, n in zip(start, traced.shape, strict=True))
    padded[inner] = traced
    small = ScanGrid((shape[0], shape[1], shape[2]), np.eye(4), parts)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    return box, small.average(padded)
