"""Veins of lesions: the central one, and those that follow an edge and look like a rim."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.lesions import PlacedLesion, radius_mm
from qsmrim_app.simulation.veins import STEP_MM, BloodDrops, thicken

CENTRAL_VEIN_MM, EDGE_VEIN_MM = (0.1, 0.24), (0.2, 0.42)  # radii


def lesion_veins(lesion: PlacedLesion, spacing_mm: Vector3) -> list[BloodDrops]:
    """A vein through the middle or along the edge, where the plan says so."""
    rng = np.random.default_rng([lesion.plan.seed, 2])
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    radius = radius_mm(lesion.plan)
    paths, ranges = [], []
    if lesion.plan.vein_through:
        steps = np.arange(-1.4 * radius, 1.4 * radius, STEP_MM)
        wobble = ndimage.gaussian_filter1d(rng.standard_normal((len(steps), 3)), 4, axis=0)
        paths.append(lesion.center_mm + steps[:, None] * direction + wobble)
        ranges.append(CENTRAL_VEIN_MM)
    if lesion.plan.vein_along:
        paths.append(_edge_path(rng, lesion, direction, spacing_mm))
        ranges.append(EDGE_VEIN_MM)
    return [
        thicken(rng, path, np.full(len(path), rng.uniform(*limits)), spacing_mm)
        for path, limits in zip(paths, ranges, strict=True)
        if len(path)
    ]


def _edge_path(
    rng: np.random.Generator, lesion: PlacedLesion, normal: NDArray[Any], spacing_mm: Vector3
) -> NDArray[Any]:
    """Points of an arc that follows the boundary in one plane, shape (n, 3), millimetres."""
    span = np.deg2rad(rng.uniform(90, 230))
    start = np.array([part.start for part in lesion.box])
    voxels = np.argwhere(np.abs(lesion.depth_mm) < 0.7) + start
    offset = voxels * np.asarray(spacing_mm) - lesion.center_mm
    offset = offset[np.abs(offset @ normal) < 0.7]
    if len(offset) < 3:
        return np.zeros((0, 3))
    first = np.cross(normal, [1.0, 0.3, 0.2])
    first /= np.linalg.norm(first)
    angle = np.arctan2(offset @ np.cross(normal, first), offset @ first) + np.pi
    chosen = offset[np.argsort(angle)][np.sort(angle) < span]
    length = span * radius_mm(lesion.plan)
    keep = np.linspace(0, max(len(chosen) - 1, 0), max(2, int(length / STEP_MM))).astype(int)
    path: NDArray[Any] = (chosen[keep] if len(chosen) else np.zeros((0, 3))) + lesion.center_mm
    return path
