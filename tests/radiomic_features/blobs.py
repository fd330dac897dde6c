"""Small images with small lesions, and the features of all of them."""

from __future__ import annotations

import numpy as np

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import FeatureRows, extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsSettings

SPACING = np.diag([0.75, 0.9, 3.0, 1.0])  # three sizes, so that no two axes can be swapped unseen
PAPER = RadiomicsSettings()
BLOB = np.array(  # 4 x 3 x 2 voxels, no symmetry
    [
        [[1, 0], [1, 1], [0, 0]],
        [[1, 1], [1, 1], [0, 1]],
        [[0, 1], [1, 1], [1, 0]],
        [[0, 0], [1, 0], [1, 0]],
    ],
    dtype=bool,
)


def noise(shape, affine=SPACING, seed=0) -> Volume:
    """Susceptibility in ppb with structure of several voxels, and some noise."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(shape)
    smooth = 40 * np.sin(i / 2.1) + 30 * np.cos(j / 1.7 + i / 5) - 15 * np.sin(k + j / 3)
    return Volume((smooth + rng.normal(0, 15, shape)).astype(np.float32), affine)


def labelled(shape, *lesions, affine=SPACING) -> Volume:
    """A label map with each of the (label, first voxel, mask) in it."""
    labels = np.zeros(shape, dtype=np.int32)
    for label, first, mask in lesions:
        part = tuple(slice(start, start + size) for start, size in zip(first, mask.shape, strict=True))
        labels[part][mask] = label
    return Volume(labels, affine)


def measure(qsm: Volume, labels: Volume, settings: RadiomicsSettings = PAPER) -> FeatureRows:
    return extract_features(qsm, labels, find_lesions(labels), settings)


def finite(values: dict[str, float]) -> dict[str, float]:
    return {name: value if np.isfinite(value) else np.nan for name, value in values.items()}


def scattered(*voxels) -> np.ndarray:
    mask = np.zeros(np.max(voxels, axis=0) + 1, dtype=bool)
    mask[tuple(np.transpose(voxels))] = True
    return mask
