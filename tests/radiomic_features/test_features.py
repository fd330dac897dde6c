from itertools import product
from typing import get_args

import numpy as np
import pytest

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsEngine, RadiomicsSettings
from tests.phantoms import rotation_mm
from tests.radiomic_features.blobs import BLOB, SPACING, labelled, measure, noise
from tests.radiomic_features.oracle import assert_same_features, row_of, whole_volume_features


# ---- by hand ----
def test_four_voxels_by_hand():
    """Nothing here is read from our parameter file or from pyradiomics."""
    square = np.array([[0, 30], [30, 60]], dtype=np.float32)  # grey levels 1, 2, 2, 3
    data = np.full((10, 10, 6), 500, dtype=np.float32)
    data[4:6, 4:6, 3] = square
    mask = np.ones((2, 2, 1), dtype=bool)
    row = row_of(measure(Volume(data, SPACING), labelled(data.shape, (1, (4, 4, 3), mask))))
    by_hand = {
        "original_shape_VoxelVolume": 4 * 0.75 * 0.9 * 3.0,
        "original_firstorder_Energy": 30**2 + 30**2 + 60**2,
        "original_firstorder_RootMeanSquared": np.sqrt(5400 / 4),
        "original_firstorder_TotalEnergy": 5400 * 0.75 * 0.9 * 3.0,
        "original_firstorder_Entropy": 1.5,  # levels with p = 1/4, 1/2, 1/4
        # Neighbours 1-2 and 2-3 along i and along j, 1-3 and 2-2 along the diagonals: the mean of 1, 1, 4, 0.
        "original_glcm_Contrast": 1.5,
        "original_glcm_JointAverage": 2.0,  # symmetrical: 2 in every direction
    }
    for name, value in by_hand.items():
        assert row[name] == pytest.approx(value, rel=1e-6), name


# ---- equal to pyradiomics on the whole volume ----
ENGINES = pytest.mark.parametrize("engine", get_args(RadiomicsEngine))


@ENGINES
@pytest.mark.parametrize(
    ("shape", "places"),
    [
        ((24, 21, 13), list(product((0, 10, 20), (0, 9, 18), (0, 6, 11)))),  # every face, edge and corner
        ((21, 22, 12), list(product((0, 17), (0, 19), (0, 10)))),  # the other parities
        ((7, 5, 3), [(0, 0, 0), (3, 2, 1), (1, 1, 0)]),  # hardly larger than the lesion
        ((8, 4, 2), [(2, 1, 0)]),
    ],
)
def test_equal_to_pyradiomics_on_the_whole_volume(shape, places, engine):
    qsm = noise(shape)
    for place in places:
        labels = labelled(shape, (1, place, BLOB))
        found = row_of(measure(qsm, labels, RadiomicsSettings(engine=engine)))
        assert_same_features(found, whole_volume_features(qsm, labels, 1))


@ENGINES
def test_equal_to_pyradiomics_with_neighbours_and_large_labels(engine):
    shape = (16, 15, 8)
    qsm = noise(shape)
    labels = labelled(
        shape,
        (300, (4, 4, 2), BLOB),
        (2**31 - 1, (4, 6, 2), BLOB),
        (17, (7, 3, 3), BLOB),
        (9, (6, 5, 4), BLOB),
    )
    rows = measure(qsm, labels, RadiomicsSettings(engine=engine))
    for row, lesion in enumerate(find_lesions(labels)):
        expected = whole_volume_features(qsm, labels, lesion.index)
        assert_same_features(row_of(rows, row), expected)


@ENGINES
def test_equal_to_pyradiomics_with_another_bin_width(engine):
    qsm, labels = noise((14, 13, 7)), labelled((14, 13, 7), (1, (3, 4, 2), BLOB))
    found = row_of(measure(qsm, labels, RadiomicsSettings(bin_width_ppb=10, engine=engine)))
    assert_same_features(found, whole_volume_features(qsm, labels, 1, binWidth=10))
    assert found["original_glcm_Contrast"] != row_of(measure(qsm, labels))["original_glcm_Contrast"]


# ---- rows and their order ----
def test_each_row_is_its_lesion_whatever_the_order():
    shape = (24, 20, 10)
    qsm = noise(shape)
    labels = labelled(shape, (3, (3, 3, 3), BLOB), (8, (14, 12, 5), BLOB), (5, (3, 12, 6), BLOB[::-1]))
    lesions = find_lesions(labels)
    rows = measure(qsm, labels)
    swapped = extract_features(qsm, labels, [lesions[2], lesions[0]], RadiomicsSettings())
    np.testing.assert_array_equal(swapped.values, rows.values[[2, 0]])
    assert len(np.unique(rows.values, axis=0)) == 3
    assert not np.isnan(rows.values).any()
    for row, lesion in enumerate(lesions):
        mean = qsm.data[labels.data == lesion.index].mean(dtype=np.float64)
        assert row_of(rows, row)["original_firstorder_Mean"] == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize(
    ("engine", "name"), [("vectorised", "vectorised-1"), ("pyradiomics", "pyradiomics-3.0.1")]
)
def test_no_lesion_gives_no_row(engine, name):
    shape = (8, 8, 8)
    rows = measure(noise(shape), labelled(shape), RadiomicsSettings(engine=engine))
    assert rows.values.shape == (0, 527)
    assert rows.engine == name
    assert dict(rows.failures) == {}


def test_the_same_input_gives_the_same_bytes():
    qsm, labels = noise((14, 13, 7)), labelled((14, 13, 7), (1, (3, 4, 2), BLOB))
    assert measure(qsm, labels).values.tobytes() == measure(qsm, labels).values.tobytes()


# ---- axes, units, mask ----
@pytest.mark.parametrize("axes", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_swapped_axes_are_noticed(axes):
    """Swapping image, labels and spacing alike moves what belongs to an axis, and nothing else."""
    shape = (14, 13, 12)
    qsm, labels = noise(shape), labelled(shape, (1, (3, 4, 2), BLOB))
    spacing = np.diag([*np.diag(SPACING)[list(axes)], 1.0])
    swapped = Volume(qsm.data.transpose(axes), spacing), Volume(labels.data.transpose(axes), spacing)
    found, before = row_of(measure(*swapped)), row_of(measure(qsm, labels))
    expected = {name: before[name_before_swap(name, axes)] for name in found}
    # Sums over voxels and directions come in another order, in float32 for the sub-bands.
    assert_same_features(found, expected, rtol=1e-3, atol=2e-3)
    changed = {name for name in found if not np.isclose(found[name], before[name], rtol=1e-2)}
    assert len(changed) > 100


def name_before_swap(name, axes):
    band, kind, feature = name.split("_")
    if band.startswith("wavelet"):
        new = band.removeprefix("wavelet-")
        band = "wavelet-" + "".join(new[axes.index(axis)] for axis in range(3))
    across = ("Row", "Column", "Slice")  # the plane of a 2-D diameter, by the axis across it
    if feature.startswith("Maximum2D"):
        new_axis = across.index(feature.removeprefix("Maximum2DDiameter"))
        feature = "Maximum2DDiameter" + across[axes[new_axis]]
    return f"{band}_{kind}_{feature}"


def test_sizes_are_in_millimetres_of_their_own_axis():
    shape = (20, 20, 20)
    slab = np.ones((8, 4, 2), dtype=bool)
    row = row_of(measure(noise(shape), labelled(shape, (1, (5, 5, 5), slab))))
    assert row["original_shape_VoxelVolume"] == pytest.approx(64 * 0.75 * 0.9 * 3.0)
    # Mesh vertices lie halfway to the outside, on straight edges: the slab is 8 x 4 x 2 voxels across.
    in_slice = np.hypot(8 * 0.75, 3 * 0.9), np.hypot(7 * 0.75, 4 * 0.9)
    assert row["original_shape_Maximum2DDiameterSlice"] == pytest.approx(max(in_slice))


def test_only_the_spacing_of_an_affine_counts():
    shape = (14, 13, 7)
    oblique = SPACING.copy()
    oblique[:3, :3] = rotation_mm((10, -20, 15)) @ SPACING[:3, :3]
    oblique[:3, 3] = (-30, 12, 50)
    upright = measure(noise(shape), labelled(shape, (1, (3, 4, 2), BLOB)))
    turned = measure(noise(shape, oblique), labelled(shape, (1, (3, 4, 2), BLOB), affine=oblique))
    np.testing.assert_allclose(turned.values, upright.values, rtol=1e-9, atol=1e-12)


def test_ppm_leaves_one_or_two_grey_levels():
    """Why susceptibility is in ppb: 25 ppm is no width of a grey level."""
    shape = (14, 13, 7)
    qsm, labels = noise(shape), labelled(shape, (1, (3, 4, 2), np.ones((8, 6, 3), dtype=bool)))
    in_ppb = row_of(measure(qsm, labels))
    in_ppm = row_of(measure(qsm.with_data(qsm.data / np.float32(1000)), labels))
    assert 2 ** in_ppb["original_firstorder_Entropy"] > 3  # effective number of grey levels
    assert all(2 ** in_ppm[name] <= 2 for name in in_ppm if name.endswith("firstorder_Entropy"))
    assert in_ppm["original_glcm_JointEnergy"] > in_ppb["original_glcm_JointEnergy"]


def test_masking_the_image_first_would_change_the_wavelet_features_only():
    """Why the crop is not masked: the filters read beyond the lesion."""
    shape = (14, 13, 7)
    qsm, labels = noise(shape), labelled(shape, (1, (3, 4, 2), BLOB))
    masked = qsm.with_data(np.where(labels.data == 1, qsm.data, np.float32(0)))
    whole, alone = row_of(measure(qsm, labels)), row_of(measure(masked, labels))
    changed = {name for name in whole if not np.isclose(whole[name], alone[name], rtol=1e-6)}
    assert not {name for name in changed if name.startswith("original")}
    assert len(changed) > 0.9 * sum(name.startswith("wavelet") for name in whole)
