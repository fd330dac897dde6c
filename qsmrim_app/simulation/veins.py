"""Veins: branching random curves, given as small volumes of blood along a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.settings import Shape3, Vector3
from qsmrim_app.simulation.anatomy import Anatomy

STEP_MM = 0.4
N_STEPS = 110
DROPS, DROPS_RADIUS_MM = 6, 0.6  # in each step along a vein of up to this radius


@dataclass(frozen=True)
class VeinPlan:
    """How many veins of each kind, how wide, and how much more paramagnetic than CSF their blood is.

    Venous blood lies 0.2 to 0.4 ppm above tissue at usual haematocrit and oxygenation (Weisskoff and Kiihne,
    Magn Reson Med 1992;24:375-383; Fan AP et al., Magn Reson Med 2014;72:149-159).
    """

    n_medullary: int
    n_sulcal: int
    medullary_radius_mm: tuple[float, float]
    sulcal_radius_mm: tuple[float, float]
    blood_ppb: float
    seed: int


class Course(NamedTuple):
    """How veins run: their pull away from the middle of the brain, scatter at the start, and turning."""

    outwards: float
    scatter: float
    drift: float


STRAIGHT, WINDING = Course(1.0, 0.22, 0.1), Course(-0.4, 0.4, 0.25)


class BloodDrops(NamedTuple):
    """Points with a volume each: ``points_vox`` (n, 3) in fine voxels, ``volumes_mm3`` (n,)."""

    points_vox: NDArray[Any]
    volumes_mm3: NDArray[Any]


def grow_veins(plan: VeinPlan, anatomy: Anatomy) -> BloodDrops:
    """Medullary veins from the ventricles' walls outwards, and sulcal veins along the brain's folds."""
    rng = np.random.default_rng(plan.seed)
    wall = _shell(anatomy.ventricles)
    sulci = np.argwhere((anatomy.csf > 0.35)[::2, ::2, ::2] & ~anatomy.ventricles[::2, ::2, ::2]) * 2
    medullary = _walk(rng, _starts(rng, wall, plan.n_medullary), anatomy, plan.medullary_radius_mm, STRAIGHT)
    sulcal = _walk(rng, _starts(rng, sulci, plan.n_sulcal), anatomy, plan.sulcal_radius_mm, WINDING)
    return join_drops([medullary, sulcal])


def blood_fraction(drops: BloodDrops, shape: Shape3, spacing_mm: Vector3) -> NDArray[Any]:
    """How much of each voxel is venous blood, float32 in 0 to 1; each drop is shared by its eight voxels."""
    base = np.floor(drops.points_vox).astype(int)
    rest = drops.points_vox - base
    voxels, weights = [], []
    for corner in np.ndindex(2, 2, 2):
        index = base + corner
        weight = np.prod(np.where(corner, rest, 1 - rest), axis=1) * drops.volumes_mm3
        valid = ((index >= 0) & (index < shape)).all(axis=1)
        voxels.append(np.ravel_multi_index(tuple(index[valid].T), shape))
        weights.append(weight[valid])
    total = np.bincount(
        np.concatenate(voxels), weights=np.concatenate(weights), minlength=int(np.prod(shape))
    )
    fraction = np.minimum(total / np.prod(spacing_mm), 1).astype(np.float32)
    return fraction.reshape(shape)


def thicken(
    rng: np.random.Generator, path_mm: NDArray[Any], radius_mm: NDArray[Any], spacing_mm: Vector3
) -> BloodDrops:
    """Drops that fill a tube along a path: ``path_mm`` (n, 3) in steps of `STEP_MM`, ``radius_mm`` (n,)."""
    widest = float(radius_mm.max(initial=0.0))
    n_drops = round(DROPS * max(1.0, (widest / DROPS_RADIUS_MM) ** 2))  # a wide tube must not show its drops
    offsets = rng.standard_normal((len(path_mm), n_drops, 3)) * (radius_mm[:, None, None] / 2)
    points = (path_mm[:, None, :] + offsets).reshape(-1, 3) / np.asarray(spacing_mm)
    volumes = np.repeat(np.pi * radius_mm**2 * STEP_MM / n_drops, n_drops)
    return BloodDrops(points, volumes)


def join_drops(parts: list[BloodDrops]) -> BloodDrops:
    """All drops together."""
    return BloodDrops(
        np.concatenate([part.points_vox for part in parts]),
        np.concatenate([part.volumes_mm3 for part in parts]),
    )


def _shell(mask: NDArray[Any]) -> NDArray[Any]:
    """Voxels just outside a mask, on every second voxel; shape (n, 3)."""
    coarse = mask[::2, ::2, ::2]
    return np.argwhere(ndimage.binary_dilation(coarse) & ~coarse) * 2


def _starts(rng: np.random.Generator, candidates: NDArray[Any], count: int) -> NDArray[Any]:
    if not len(candidates):
        return np.zeros((0, 3))
    return candidates[rng.integers(len(candidates), size=count)].astype(np.float64)


def _walk(
    rng: np.random.Generator,
    starts_vox: NDArray[Any],
    anatomy: Anatomy,
    radius_mm: tuple[float, float],
    course: Course,
) -> BloodDrops:
    """Let all veins grow at once, turning a little at each step, until they leave the brain."""
    spacing = np.asarray(anatomy.grid.fine_spacing_mm)
    position = starts_vox * spacing
    center = np.argwhere(anatomy.brain[::8, ::8, ::8]).mean(axis=0) * 8 * spacing
    outward = position - center
    outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6
    heading = course.outwards * outward + course.scatter * rng.standard_normal(position.shape)
    length = rng.integers(25, N_STEPS, size=len(position))
    width = rng.uniform(*radius_mm, size=len(position))
    drift = course.drift * ndimage.gaussian_filter1d(
        rng.standard_normal((N_STEPS, *position.shape)), 5, axis=0
    )
    alive = np.ones(len(position), dtype=bool)
    paths, radii = [], []
    for step in range(N_STEPS):
        heading = heading + drift[step]
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        position = position + STEP_MM * heading
        alive = alive & (step < length) & _is_inside(anatomy.brain, position / spacing)
        paths.append(position[alive])
        radii.append((width * (1 - 0.6 * step / N_STEPS))[alive])
    return thicken(rng, np.concatenate(paths), np.concatenate(radii), anatomy.grid.fine_spacing_mm)


def _is_inside(mask: NDArray[Any], points_vox: NDArray[Any]) -> NDArray[Any]:
    index = np.clip(np.rint(points_vox).astype(int), 0, np.array(mask.shape) - 1)
    inside: NDArray[Any] = mask[tuple(index.T)]
    return inside
