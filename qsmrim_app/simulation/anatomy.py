"""Brains that differ: the MNI152 template, deformed, as tissue fractions on the grid of a simulated scan.

Susceptibilities of white and grey matter as in `deep_grey`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import FloatArray
from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.deep_grey import deep_grey, within_box
from qsmrim_app.simulation.grids import ScanGrid, parts_for, rotation
from qsmrim_app.simulation.random_fields import smooth_field

CSF_PPB, WHITE_MATTER_PPB, GREY_MATTER_PPB = 0.0, -49.0, 1.0
DEFORMATION_SIGMA_MM, FOLDING_SIGMA_MM = 18.0, 7.0
MARGIN_MM = 4.0
VENTRICLE_BOX_MM = ((-24.0, 24.0), (-48.0, 36.0), (-6.0, 32.0))  # lateral and third ventricles, MNI
BRAINSTEM_MM = (  # centre and radii of ellipsoids: midbrain, pons, medulla
    ((0.0, -25.0, -12.0), (16.0, 12.0, 13.0)),
    ((0.0, -28.0, -32.0), (17.0, 15.0, 17.0)),
    ((0.0, -40.0, -58.0), (11.0, 10.0, 20.0)),
)


@dataclass(frozen=True)
class AnatomyPlan:
    """What makes one brain differ from the template; all numbers are drawn before anything is computed."""

    scale: Vector3
    head_turn_deg: Vector3  # of the head against the slices
    slice_turn_deg: Vector3  # of the slices against the scanner
    shift_mm: Vector3
    deformation_mm: float  # standard deviation a component
    folding_mm: float  # the same on the scale of folds and nuclei
    ventricle_growth: float  # 1: as in the template
    iron: float  # deep grey susceptibility, 1: as published
    seed: int


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Tissue fractions on the fine grid of a scan; each float32 of shape ``grid.fine_shape``."""

    grid: ScanGrid
    mni_to_world: FloatArray  # (4, 4), without the deformation
    grey: NDArray[Any]
    white: NDArray[Any]
    csf: NDArray[Any]
    brain: NDArray[Any]  # bool
    ventricles: NDArray[Any]  # bool
    infratentorial: NDArray[Any]  # bool
    nuclei_ppb: NDArray[Any]  # susceptibility of deep grey, 0 elsewhere
    nuclei: NDArray[Any]  # fraction


class Template(NamedTuple):
    """MNI152 tissue fractions, float32, on one grid of 1 mm."""

    grey: NDArray[Any]
    white: NDArray[Any]
    brain: NDArray[Any]  # 0 or 1
    affine: FloatArray


@cache
def load_template() -> Template:
    """The MNI152 template that ships with nilearn, corrected where its probabilities are blurred.

    The rim that partial volume draws around the ventricles, and the brain stem, count as white matter; deep
    grey comes back as nuclei.
    """
    t1 = load_mni152_template(resolution=1)
    images = [
        np.asarray(image.dataobj, dtype=np.float32)
        for image in (t1, load_mni152_gm_template(resolution=1), load_mni152_wm_template(resolution=1))
    ]
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(images[0] > 0.02, iterations=2))
    csf = np.clip(1 - images[1] - images[2], 0, 1) * brain
    powers = [part**2 for part in (images[1], images[2], csf)]  # sharpens the average of many brains
    total = np.maximum(sum(powers), 1e-6)
    grey, white = powers[0] / total * brain, powers[1] / total * brain
    affine = np.asarray(t1.affine, dtype=np.float64)
    wall = ndimage.binary_dilation(_in_box(csf.shape, affine, VENTRICLE_BOX_MM) & (csf > 0.5), iterations=5)
    moved = np.maximum(wall, _brainstem(csf.shape, affine)).astype(np.float32)
    moved = ndimage.gaussian_filter(moved, 1.0)
    white, grey = white + moved * grey, (1 - moved) * grey
    return Template(grey.astype(np.float32), white.astype(np.float32), brain.astype(np.float32), affine)


def make_scan_grid(plan: AnatomyPlan, spacing_mm: Vector3) -> ScanGrid:
    """The grid that holds the whole brain: oblique to the scanner, nearly along the head."""
    template = load_template()
    points = np.argwhere(template.brain[::4, ::4, ::4] > 0) * 4
    world = _apply(_head_to_world(plan) @ template.affine, points)
    turn = rotation(plan.slice_turn_deg)
    along = world @ turn  # the same points along the axes of the grid
    margin = MARGIN_MM + plan.deformation_mm
    low, high = along.min(axis=0) - margin, along.max(axis=0) + margin
    i, j, k = (int(np.ceil(extent / size)) for extent, size in zip(high - low, spacing_mm, strict=True))
    affine = np.eye(4)
    affine[:3, :3] = turn * np.asarray(spacing_mm)
    affine[:3, 3] = turn @ low
    return ScanGrid((i, j, k), affine, parts_for(spacing_mm))


def build_anatomy(plan: AnatomyPlan, grid: ScanGrid) -> Anatomy:
    """The brain of one participant on the fine grid of a scan."""
    template = load_template()
    mni_mm = _template_coordinates(plan, grid)
    voxels = mni_mm - template.affine[:3, 3, None, None, None].astype(
        np.float32
    )  # the template has 1 mm voxels
    brain = ndimage.map_coordinates(template.brain, voxels, order=1, output=np.float32) > 0.5
    grey, white = np.zeros(brain.shape, dtype=np.float32), np.zeros(brain.shape, dtype=np.float32)
    points = voxels[:, brain]
    grey[brain] = ndimage.map_coordinates(template.grey, points, order=1, output=np.float32)
    white[brain] = ndimage.map_coordinates(template.white, points, order=1, output=np.float32)
    csf = np.clip(1 - grey - white, 0, 1) * brain
    fraction, susceptibility = deep_grey(mni_mm)
    fraction *= brain
    for part in (grey, white, csf):
        part *= 1 - fraction
    ventricles = (csf > 0.6) & within_box(mni_mm, VENTRICLE_BOX_MM)
    infratentorial = brain & (mni_mm[2] < -12) & (mni_mm[1] < -12) & (np.abs(mni_mm[0]) < 42)
    return Anatomy(
        grid=grid,
        mni_to_world=_head_to_world(plan),
        grey=grey,
        white=white,
        csf=csf,
        brain=brain,
        ventricles=ventricles,
        infratentorial=infratentorial,
        nuclei_ppb=susceptibility * plan.iron,
        nuclei=fraction,
    )


def mni_to_fine_vox(anatomy: Anatomy, points_mm: NDArray[Any]) -> NDArray[Any]:
    """Where points of MNI space, shape (n, 3), lie on the fine grid, but for the deformation."""
    return _apply(np.linalg.inv(anatomy.grid.fine_affine) @ anatomy.mni_to_world, points_mm)


def _template_coordinates(plan: AnatomyPlan, grid: ScanGrid) -> NDArray[Any]:
    """MNI millimetres of each fine voxel, float32, shape (3, i, j, k)."""
    matrix = (np.linalg.inv(_head_to_world(plan)) @ grid.fine_affine).astype(np.float32)
    axes = [np.arange(size, dtype=np.float32) for size in grid.fine_shape]
    rng = np.random.default_rng(plan.seed)
    coordinates = np.empty((3, *grid.fine_shape), dtype=np.float32)
    for row in range(3):
        coordinates[row] = matrix[row, 3]
        coordinates[row] += matrix[row, 0] * axes[0][:, None, None]
        coordinates[row] += matrix[row, 1] * axes[1][None, :, None]
        coordinates[row] += matrix[row, 2] * axes[2][None, None, :]
        for size_mm, sigma_mm in (
            (plan.deformation_mm, DEFORMATION_SIGMA_MM),
            (plan.folding_mm, FOLDING_SIGMA_MM),
        ):
            field = smooth_field(rng, grid.fine_shape, grid.fine_spacing_mm, sigma_mm)
            coordinates[row] += np.float32(size_mm) * field
    _grow_ventricles(coordinates, plan.ventricle_growth)
    return coordinates


def _grow_ventricles(mni_mm: NDArray[Any], growth: float) -> None:
    """Draw points around the ventricles towards the midline, so that more read as ventricle; in place."""
    near = np.exp(-(((mni_mm[1] + 8) / 45) ** 2) - ((mni_mm[2] - 12) / 22) ** 2 - (mni_mm[0] / 28) ** 2)
    mni_mm[0] *= 1 - np.float32(1 - 1 / growth) * near


def _head_to_world(plan: AnatomyPlan) -> FloatArray:
    """Shape (4, 4): MNI millimetres to scanner millimetres."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(plan.slice_turn_deg) @ rotation(plan.head_turn_deg) @ np.diag(plan.scale)
    matrix[:3, 3] = plan.shift_mm
    return matrix


def _apply(affine: FloatArray, points: NDArray[Any]) -> FloatArray:
    return points @ affine[:3, :3].T + affine[:3, 3]


def _brainstem(shape: tuple[int, ...], affine: FloatArray) -> NDArray[Any]:
    """Which voxels of an axis-aligned grid lie in the brain stem."""
    x, y, z = (affine[axis, axis] * np.arange(shape[axis]) + affine[axis, 3] for axis in range(3))
    inside = np.zeros(shape, dtype=bool)
    for (cx, cy, cz), (rx, ry, rz) in BRAINSTEM_MM:
        square = ((x - cx) / rx)[:, None, None] ** 2 + ((y - cy) / ry)[None, :, None] ** 2
        inside |= square + ((z - cz) / rz)[None, None, :] ** 2 <= 1
    return inside


def _in_box(
    shape: tuple[int, ...], affine: FloatArray, box_mm: tuple[tuple[float, float], ...]
) -> NDArray[Any]:
    """Which voxels of an axis-aligned grid lie in a box of world millimetres."""
    inside = np.ones(shape, dtype=bool)
    for axis, (low, high) in enumerate(box_mm):
        position = affine[axis, axis] * np.arange(shape[axis]) + affine[axis, 3]
        inside &= ((position >= low) & (position <= high)).reshape([-1 if a == axis else 1 for a in range(3)])
    return inside
