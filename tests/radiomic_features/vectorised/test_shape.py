import numpy as np
import pytest
from radiomics import cShape

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.vectorised import diameters
from qsmrim_app.radiomic_features.vectorised.shape import shape_features
from qsmrim_app.radiomic_features.vectorised.voxels import lesion_voxels, lines_of
from qsmrim_app.records import Volume

SPACING = (0.75, 0.9, 3.0)
MESH = ("SurfaceArea", "MeshVolume")
DIAMETERS = [
    f"Maximum{kind}" for kind in ("2DDiameterSlice", "2DDiameterColumn", "2DDiameterRow", "3DDiameter")
]


def random_masks(rng, n):
    """Scattered voxels at any density: every one of the 256 cubes occurs, and surfaces that do not close."""
    return [rng.random(rng.integers(1, 8, 3)) < rng.uniform(0.1, 0.9) for _ in range(n)]


def shape_of(mask):
    labels = Volume(mask.astype(np.int32), np.diag([*SPACING, 1.0]))
    voxels = lesion_voxels(labels, find_lesions(labels))
    return {name: values[0] for name, values in shape_features(voxels, lines_of(voxels), SPACING).items()}


def test_mesh_and_diameters_are_pyradiomics_own(rng):
    compared = 0
    for mask in random_masks(rng, 150):
        if not mask.any():
            continue
        tight = mask[
            tuple(
                slice(low, high + 1)
                for low, high in zip(*(f(np.argwhere(mask), axis=0) for f in (np.min, np.max)), strict=True)
            )
        ]
        area, volume, longest = cShape.calculate_coefficients(
            np.pad(tight, 1).T.copy(), np.array(SPACING[::-1])
        )
        found = shape_of(mask)
        np.testing.assert_allclose([found[name] for name in MESH], [area, volume], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose([found[name] for name in DIAMETERS], longest, rtol=1e-12)
        compared += 1
    assert compared > 100


def test_a_box_by_hand():
    found = shape_of(np.ones((8, 4, 2), dtype=bool))
    assert found["VoxelVolume"] == pytest.approx(64 * 0.75 * 0.9 * 3.0)
    # Places 0 to n - 1 have variance (n^2 - 1) / 12; pyradiomics' axes are four standard deviations long.
    lengths = sorted(4 * np.sqrt((n**2 - 1) / 12) * mm for n, mm in zip((8, 4, 2), SPACING, strict=True))
    names = ("LeastAxisLength", "MinorAxisLength", "MajorAxisLength")
    assert [found[name] for name in names] == pytest.approx(lengths)


def test_few_pairs_at_once_find_the_same_diameters(rng, monkeypatch):
    masks = [mask for mask in random_masks(rng, 20) if mask.sum() > 3]
    before = [[shape_of(mask)[name] for name in DIAMETERS] for mask in masks]
    monkeypatch.setattr(diameters, "_PAIRS_AT_ONCE", 7)
    assert [[shape_of(mask)[name] for name in DIAMETERS] for mask in masks] == before
