"""Lesions on the fine grid: where they lie, what shape they have, and what they add to each contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.anatomy import Anatomy
from qsmrim_app.simulation.grids import rotation
from qsmrim_app.simulation.lesion_plans import LesionPlan, Place
from qsmrim_app.simulation.random_fields import smooth_field, smooth_step

MAX_TRIES = 6
HUGGING_MM3 = 1500.0
COARSE = 2  # places are looked for on every second fine voxel
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class PlacedLesion:
    """A lesion's shape: ``depth_mm`` is the distance from the boundary within ``box``, positive inside."""

    plan: LesionPlan
    box: Box
    depth_mm: NDArray[Any]
    center_mm: NDArray[Any]  # fine voxel times its size


class LesionContrast(NamedTuple):
    """What a lesion does inside its box; each float32 of the box's shape."""

    filled: NDArray[Any]  # 0 to 1: replaces the tissue
    susceptibility_ppb: NDArray[Any]  # above white matter
    flair: NDArray[Any]  # in units of typical lesion contrast


def place_lesions(
    plans: Sequence[LesionPlan], anatomy: Anatomy, barred: NDArray[np.bool_] | None = None
) -> list[PlacedLesion]:
    """Find room for each lesion, the largest first; neighbours may touch, none overlap.

    A lesion that finds no room after `MAX_TRIES` places is left out; the caller counts what comes back.

    Parameters
    ----------
    plans, anatomy
        What is wanted, and where.
    barred
        Fine voxels that no lesion may hold, shape ``anatomy.grid.fine_shape``; outside the brain none may.
    """
    candidates = _candidates(anatomy)
    occupied = ~anatomy.brain if barred is None else ~anatomy.brain | barred
    placed: list[PlacedLesion] = []
    for plan in sorted(plans, key=lambda item: -item.volume_mm3):
        rng = np.random.default_rng(plan.seed)
        beside = _beside(rng, placed, plan, anatomy) if plan.attached else np.zeros((0, 3), dtype=int)
        centers = beside if len(beside) else candidates[plan.place]
        lesion = _place(rng, plan, anatomy, centers, occupied)
        if lesion is not None:
            occupied[lesion.box] |= lesion.depth_mm > 0
            placed.append(lesion)
    return placed


def lesion_contrast(lesion: PlacedLesion, spacing_mm: Vector3) -> LesionContrast:
    """Susceptibility and FLAIR contrast of one lesion."""
    plan, depth = lesion.plan, lesion.depth_mm
    rng = np.random.default_rng([plan.seed, 1])
    radius = radius_mm(plan)
    along, gaps, width, texture = (
        smooth_field(rng, _shape(depth), spacing_mm, sigma)
        for sigma in (0.6 * radius, 0.5 * radius, 0.7 * radius, 1.6)
    )
    filled = smooth_step(depth / np.float32(plan.edge_softness_mm))
    thickness = plan.thickness_mm * np.clip(1 + np.float32(plan.variation) * width, 0.45, 1.8)
    band = rim_band(depth + np.float32(plan.rim_shift_mm), thickness)
    strength = np.clip(1 + plan.variation * along, 0.1, 2.2) * _open_gaps(gaps, band, plan.gap_share)
    susceptibility = filled * (plan.core_ppb + plan.patch_ppb * texture) + band * strength * (
        plan.edge_ppb - min(plan.core_ppb, 0.5 * plan.edge_ppb)
    )
    flair_depth = depth + plan.flair_growth_mm
    flair = plan.flair_gain * smooth_step(flair_depth / 0.8) * (1 + 0.08 * texture)
    halo = 0.18 * np.exp(-((np.minimum(flair_depth, 0) / 2.5) ** 2))
    return LesionContrast(
        filled, susceptibility.astype(np.float32), np.maximum(flair, halo).astype(np.float32)
    )


def rim_band(depth_mm: NDArray[Any], thickness_mm: float | NDArray[Any]) -> NDArray[Any]:
    """1 from the boundary to ``thickness_mm`` inside it and 0 elsewhere, with edges 0.6 mm wide."""
    ramp = np.float32(0.3)
    inner = smooth_step((depth_mm - np.asarray(thickness_mm, dtype=np.float32)) / ramp)
    band: NDArray[Any] = smooth_step(depth_mm / ramp) * (1 - inner)
    return band


def _candidates(anatomy: Anatomy) -> dict[Place, NDArray[Any]]:
    """Fine voxels at which a lesion of each place may be centred, shape (n, 3)."""
    step = (slice(None, None, COARSE),) * 3
    spacing = [size * COARSE for size in anatomy.grid.fine_spacing_mm]
    white = anatomy.white[step] > 0.6
    infratentorial = anatomy.infratentorial[step]
    from_ventricle = _distance_to(anatomy.ventricles[step], spacing)
    from_grey = _distance_to((anatomy.grey[step] > 0.6) & ~infratentorial, spacing)
    from_outside = _distance_to(~anatomy.brain[step], spacing)
    upper = white & ~infratentorial & (from_outside > 4)
    masks: dict[Place, NDArray[Any]] = {
        "periventricular": upper & (from_ventricle > 1) & (from_ventricle < 7),
        "deep": upper & (from_ventricle > 8) & (from_grey > 4),
        "juxtacortical": upper & (from_ventricle > 10) & (from_grey < 3),
        "infratentorial": white & infratentorial & (from_outside > 4),
    }
    return {place: np.argwhere(mask) * COARSE for place, mask in masks.items()}


def _beside(
    rng: np.random.Generator, placed: Sequence[PlacedLesion], plan: LesionPlan, anatomy: Anatomy
) -> NDArray[Any]:
    """Fine voxels from which a lesion would touch one that is there already, shape (n, 3); n may be 0."""
    parents = [lesion for lesion in placed if lesion.plan.place == plan.place]
    if not parents:
        return np.zeros((0, 3), dtype=int)
    parent = parents[rng.integers(len(parents))]
    radius = np.float32(radius_mm(plan))
    near = (parent.depth_mm < -0.5 * radius) & (parent.depth_mm > -radius)
    near &= anatomy.white[parent.box] > 0.5
    voxels: NDArray[Any] = np.argwhere(near) + np.array([part.start for part in parent.box])
    return voxels


def _place(
    rng: np.random.Generator,
    plan: LesionPlan,
    anatomy: Anatomy,
    candidates: NDArray[Any],
    occupied: NDArray[Any],
) -> PlacedLesion | None:
    """Try some centres until the lesion fits with most of its volume."""
    for _ in range(MAX_TRIES if len(candidates) else 0):
        center = candidates[rng.integers(len(candidates))]
        if occupied[tuple(center)]:
            continue
        box = _window(center, plan, anatomy)
        shape = _grow(rng, plan, anatomy, box, center, occupied[box])
        if shape is not None:
            depth = signed_depth(shape, anatomy.grid.fine_spacing_mm)
            return PlacedLesion(plan, box, depth, center * np.asarray(anatomy.grid.fine_spacing_mm))
    return None


def _window(center: NDArray[Any], plan: LesionPlan, anatomy: Anatomy) -> Box:
    """A box that surely holds the lesion and its surroundings."""
    factor = 2.4 if plan.volume_mm3 > HUGGING_MM3 else 1.9
    reach_mm = factor * radius_mm(plan) * max(plan.stretch) + 6
    reach = np.ceil(reach_mm / np.asarray(anatomy.grid.fine_spacing_mm)).astype(int)
    low = np.maximum(center - reach, 0)
    high = np.minimum(center + reach + 1, anatomy.grid.fine_shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def _grow(
    rng: np.random.Generator,
    plan: LesionPlan,
    anatomy: Anatomy,
    box: Box,
    center: NDArray[Any],
    occupied: NDArray[Any],
) -> NDArray[Any] | None:
    """The voxels nearest to the centre in a distorted metric, as many as wanted; None if it does not fit."""
    spacing = anatomy.grid.fine_spacing_mm
    radius = radius_mm(plan)
    axes = [
        (np.arange(part.start, part.stop) - middle) * size
        for part, middle, size in zip(box, center, spacing, strict=True)
    ]
    offset = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) @ rotation(plan.turn_deg)
    reach = np.sqrt(((offset / np.asarray(plan.stretch)) ** 2).sum(axis=-1)) / radius
    if plan.volume_mm3 > HUGGING_MM3:  # large periventricular lesions are caps and bands along the ventricle
        away = _distance_to(anatomy.ventricles[box], spacing) / radius
        reach = np.sqrt((0.55 * reach) ** 2 + (1.4 * np.minimum(away, 3.0)) ** 2)
    rough = smooth_field(rng, _shape(reach), spacing, max(0.35 * radius, 0.8))
    reach = reach + plan.roughness * rough + 3.0 * anatomy.csf[box]
    reach += 1.5 * anatomy.nuclei[box] + (0.4 if plan.place == "juxtacortical" else 1.2) * anatomy.grey[box]
    reach[occupied] = np.inf
    count = round(plan.volume_mm3 / float(np.prod(spacing)))
    if count >= reach.size or not np.isfinite(limit := np.partition(reach, count, axis=None)[count]):
        return None
    labels, _ = ndimage.label(reach < limit)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if sizes.max() < 0.6 * count or limit > 1.8:
        return None
    filled: NDArray[Any] = ndimage.binary_fill_holes(labels == sizes.argmax()) & ~occupied
    return filled


def signed_depth(shape: NDArray[Any], spacing_mm: Vector3) -> NDArray[Any]:
    """Distance from the boundary of a mask in millimetres, positive inside, float32."""
    half = 0.5 * float(np.cbrt(np.prod(spacing_mm)))  # voxel centres lie half a voxel from the boundary
    inside = ndimage.distance_transform_edt(shape, sampling=spacing_mm)
    outside = ndimage.distance_transform_edt(~shape, sampling=spacing_mm)
    depth: NDArray[Any] = np.where(shape, inside - half, half - outside).astype(np.float32)
    return depth


def _open_gaps(field: NDArray[Any], band: NDArray[Any], share: float) -> NDArray[Any]:
    """Near 0 in a share of the rim and 1 in the rest, with soft ends."""
    if share <= 0 or not (band > 0.5).any():
        return np.ones_like(field)
    return np.float32(0.1) + np.float32(0.9) * smooth_step(
        (field - np.quantile(field[band > 0.5], share)) / 0.35
    )


def radius_mm(plan: LesionPlan) -> float:
    """Of the ball that has the lesion's volume."""
    return float(np.cbrt(plan.volume_mm3 * 3 / (4 * np.pi)))


def _distance_to(mask: NDArray[Any], spacing_mm: Sequence[float]) -> NDArray[Any]:
    if not mask.any():
        return np.full(mask.shape, np.inf)
    distance: NDArray[Any] = ndimage.distance_transform_edt(~mask, sampling=spacing_mm)
    return distance


def _shape(array: NDArray[Any]) -> tuple[int, int, int]:
    i, j, k = array.shape
    return i, j, k
