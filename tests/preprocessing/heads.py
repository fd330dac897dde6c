"""A head of a grown-up's size with what the checks of plausibility look for: veins, pallida, lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsmrim_app.records import Volume
from tests.phantoms import centred_affine

SHAPE, SPACING_MM = (72, 88, 68), (2.0, 2.0, 2.0)
RADII_MM = np.array([64.0, 80.0, 58.0])  # 1,240 ml
PALLIDUM_MM = ((19.0, 6.0, -2.0), (-19.0, 6.0, -2.0))
LESION_MM = ((25.0, -15.0, 20.0), (-28.0, 20.0, 18.0), (15.0, -40.0, 12.0))


@dataclass(frozen=True)
class Head:
    """QSM in ppb, magnitude, FLAIR and T1w in arbitrary units, brain (bool) and lesions (int32); one grid."""

    qsm: Volume
    magnitude: Volume
    flair: Volume
    t1w: Volume
    brain: Volume
    lesions: Volume


def draw_adult_head(seed: int = 0, veins: bool = True, pallida: bool = True) -> Head:
    """White matter at -30 ppb, grey at 0 in the outer 15 %; a third of the middle slices has veins."""
    rng = np.random.default_rng(seed)
    affine = centred_affine(SHAPE, SPACING_MM)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij"), axis=-1)
    points = grid @ affine[:3, :3].T + affine[:3, 3]
    radius = np.sqrt(np.square(points / RADII_MM).sum(axis=-1))
    brain, cortex = radius <= 1, (radius <= 1) & (radius > 0.92)
    qsm = np.where(cortex, 0.0, -30.0) + rng.normal(0, 12, SHAPE)
    flair = np.where(cortex, 115.0, 100.0)
    t1w = np.where(cortex, 80.0, 120.0)
    if pallida:
        for centre in PALLIDUM_MM:
            qsm[np.linalg.norm(points - centre, axis=-1) < 6] += 150
    if veins:
        lines = rng.integers([10, 10, 14], np.array(SHAPE) - [10, 10, 14], size=(90, 3))
        for i, j, k in lines:
            qsm[i, j : j + 12, k] += 220
    lesions = np.zeros(SHAPE, dtype=np.int32)
    for label, centre in enumerate(LESION_MM, start=1):
        lesions[np.linalg.norm(points - centre, axis=-1) < 5] = label
    flair[lesions > 0], t1w[lesions > 0] = 160.0, 70.0
    images = (
        np.where(brain, image + rng.normal(0, 3, SHAPE), 0).astype(np.float32) for image in (qsm, flair, t1w)
    )
    qsm_image, flair_image, t1w_image = (Volume(image, affine) for image in images)
    magnitude = np.where(brain, 300 - 0.4 * qsm, 0).astype(np.float32)
    return Head(
        qsm_image,
        qsm_image.with_data(magnitude),
        flair_image,
        t1w_image,
        qsm_image.with_data(brain),
        qsm_image.with_data(lesions),
    )
