"""The large veins of the head: sinuses and deep veins, as tubes along published courses in MNI space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.simulation.anatomy import Anatomy, mni_to_fine_vox
from qsmrim_app.simulation.veins import STEP_MM, BloodDrops, VeinPlan, join_drops, thicken

# Courses by hand along the folds of the MNI152 template; radii as in textbooks of anatomy.
Course = tuple[tuple[float, float, float], ...]

_MIDLINE: tuple[tuple[str, float, Course], ...] = (
    ("superior sagittal sinus", 3.2, (
        (0, 66, 12), (0, 58, 40), (0, 38, 62), (0, 8, 76),
        (0, -28, 80), (0, -58, 68), (0, -84, 42), (0, -99, 4),
    )),
    ("straight sinus", 2.2, ((0, -38, 4), (0, -52, 2), (0, -70, -4), (0, -90, -8))),
)  # fmt: skip
_PAIRED: tuple[tuple[str, float, Course], ...] = (
    ("transverse sinus", 3.4, ((3, -96, -4), (24, -90, -14), (44, -76, -22), (56, -56, -26))),
    ("internal cerebral vein", 1.1, ((3, 2, 14), (3, -14, 17), (3, -28, 12), (1, -38, 5))),
    ("basal vein", 1.0, ((14, -4, -16), (17, -18, -12), (13, -30, -3), (3, -39, 3))),
    ("thalamostriate vein", 0.8, ((22, -14, 20), (14, 2, 18), (6, 4, 15), (3, 2, 14))),
)


def large_veins(plan: VeinPlan, anatomy: Anatomy) -> BloodDrops:
    """Blood of the sinuses and deep veins; some of it lies outside the brain mask."""
    rng = np.random.default_rng([plan.seed, 1])
    courses = [(radius, course) for _, radius, course in _MIDLINE]
    for _, radius, course in _PAIRED:
        courses += [(radius, course), (radius, tuple((-x, y, z) for x, y, z in course))]
    tubes = []
    for radius, course in courses:
        path = _path_mm(rng, np.array(course, dtype=np.float64), anatomy)
        width = np.full(len(path), radius * rng.uniform(0.75, 1.15))
        tubes.append(thicken(rng, path, width, anatomy.grid.fine_spacing_mm))
    return join_drops(tubes)


def _path_mm(rng: np.random.Generator, course_mni: NDArray[Any], anatomy: Anatomy) -> NDArray[Any]:
    """Points in steps of `STEP_MM` along a course, fine voxel times its size, shape (n, 3)."""
    corners = mni_to_fine_vox(anatomy, course_mni + rng.normal(0, 1.0, course_mni.shape))
    corners = corners * np.asarray(anatomy.grid.fine_spacing_mm)
    along = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
    steps = np.arange(0, along[-1], STEP_MM)
    return np.stack([np.interp(steps, along, corners[:, axis]) for axis in range(3)], axis=1)
