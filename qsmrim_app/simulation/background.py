"""What background removal leaves of the fields that air, bone and skin make inside the brain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.anatomy import Anatomy, mni_to_fine_vox
from qsmrim_app.simulation.random_fields import smooth_field

AIR_MM: tuple[Vector3, ...] = ((0, 52, -22), (38, -28, -38), (-38, -28, -38))  # sphenoid and mastoid air, MNI
AIR_REACH_MM = 14.0
ROUGHNESS_MM = 10.0


@dataclass(frozen=True)
class BackgroundPlan:
    """Susceptibility outside the brain whose field removal leaves, ppb: standard deviation, and air."""

    residual_ppb: float
    air_ppb: float
    seed: int


def outer_sources(plan: BackgroundPlan, anatomy: Anatomy) -> NDArray[Any]:
    """Susceptibility outside the brain, ppb, float32 of the fine grid's shape; 0 inside.

    Its field inside is harmonic, as the true remainder is (Schweser F et al., NMR Biomed 2017;30:e3604).
    """
    grid = anatomy.grid
    rng = np.random.default_rng(plan.seed)
    sources = plan.residual_ppb * smooth_field(rng, grid.fine_shape, grid.fine_spacing_mm, ROUGHNESS_MM)
    for center in mni_to_fine_vox(anatomy, np.array(AIR_MM)):
        sources += np.float32(plan.air_ppb) * _blob(anatomy, center)
    sources[anatomy.brain] = 0
    return sources.astype(np.float32, copy=False)


def _blob(anatomy: Anatomy, center_vox: NDArray[Any]) -> NDArray[Any]:
    squares = [
        ((np.arange(size) - middle) * spacing / AIR_REACH_MM) ** 2
        for size, middle, spacing in zip(
            anatomy.grid.fine_shape, center_vox, anatomy.grid.fine_spacing_mm, strict=True
        )
    ]
    i, j, k = (np.exp(-square).astype(np.float32) for square in squares)
    blob: NDArray[Any] = i[:, None, None] * j[None, :, None] * k[None, None, :]
    return blob
