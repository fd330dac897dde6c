import dataclasses
import logging
import tracemalloc
from itertools import product

import numpy as np
import pytest

from qsmrim_app.errors import GridMismatchError, UnknownLesionError
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import MAX_GREY_LEVELS, FeatureRows, extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsSettings
from qsmrim_app.tables.columns import EXCLUSION_REASONS
from tests.phantoms import rotation_mm
from tests.radiomic_features.oracle import assert_same_features, row_of, whole_volume_features

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


# ---- equal to pyradiomics on the whole volume ----
@pytest.mark.parametrize(
    ("shape", "places"),
    [
        ((24, 21, 13), list(product((0, 10, 20), (0, 9, 18), (0, 6, 11)))),  # every face, edge and corner
        ((21, 22, 12), list(product((0, 17), (0, 19), (0, 10)))),  # the other parities
        ((7, 5, 3), [(0, 0, 0), (3, 2, 1), (1, 1, 0)]),  # hardly larger than the lesion
        ((8, 4, 2), [(2, 1, 0)]),
    ],
)
def test_equal_to_pyradiomics_on_the_whole_volume(shape, places):
    qsm = noise(shape)
    for place in places:
        labels = labelled(shape, (1, place, BLOB))
        assert_same_features(row_of(measure(qsm, labels)), whole_volume_features(qsm, labels, 1))


def test_equal_to_pyradiomics_with_neighbours_and_large_labels():
    shape = (16, 15, 8)
    qsm = noise(shape)
    labels = labelled(
        shape,
        (300, (4, 4, 2), BLOB),
        (2**31 - 1, (4, 6, 2), BLOB),
        (17, (7, 3, 3), BLOB),
        (9, (6, 5, 4), BLOB),
    )
    rows = measure(qsm, labels)
    for row, lesion in enumerate(find_lesions(labels)):
        expected = whole_volume_features(qsm, labels, lesion.index)
        assert_same_features(row_of(rows, row), expected)


def test_equal_to_pyradiomics_with_another_bin_width():
    qsm, labels = noise((14, 13, 7)), labelled((14, 13, 7), (1, (3, 4, 2), BLOB))
    found = row_of(measure(qsm, labels, RadiomicsSettings(bin_width_ppb=10)))
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


def test_no_lesion_gives_no_row():
    shape = (8, 8, 8)
    rows = measure(noise(shape), labelled(shape))
    assert rows.values.shape == (0, 527)
    assert rows.engine == "pyradiomics-3.0.1"
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


# ---- lesions that cannot be measured ----
@pytest.mark.parametrize(
    "mask",
    [
        np.ones((1, 1, 1)),
        np.ones((2, 1, 1)),
        np.ones((1, 6, 1)),
        np.ones((1, 1, 3)),
        scattered((0, 0, 0), (0, 3, 0)),
    ],
)
def test_a_voxel_or_a_straight_row_fails_and_says_so(mask, caplog):
    shape = (14, 13, 7)
    labels = labelled(shape, (4, (2, 2, 2), mask.astype(bool)), (6, (8, 6, 2), BLOB))
    with caplog.at_level(logging.INFO):
        rows = measure(noise(shape), labels)
    assert dict(rows.failures) == {4: "flat_or_straight"}
    assert np.isnan(rows.values[0]).all()
    assert not np.isnan(rows.values[1]).any()
    assert "lesion 4" in caplog.text


@pytest.mark.parametrize(
    ("mask", "n_undefined"),
    [
        (scattered((0, 0, 0), (1, 1, 0)), 9),
        (scattered((0, 0, 0), (2, 1, 0)), 357),
        (scattered((0, 0, 0), (1, 0, 0), (1, 1, 0)), 0),
        (np.ones((2, 2, 1), dtype=bool), 0),
    ],
)
def test_few_voxels_leave_single_features_undefined(mask, n_undefined, caplog):
    shape = (14, 13, 7)
    qsm, labels = noise(shape), labelled(shape, (1, (2, 2, 2), mask))
    with caplog.at_level(logging.INFO):
        rows = measure(qsm, labels)
    assert dict(rows.failures) == {}
    assert np.isnan(rows.values).sum() == n_undefined
    assert ("features are undefined" in caplog.text) == (n_undefined > 0)
    assert "radiomics" not in {record.name.split(".")[0] for record in caplog.records}
    assert_same_features(row_of(rows), finite(whole_volume_features(qsm, labels, 1)))


def test_a_flat_image_has_features():
    shape = (14, 13, 7)
    labels = labelled(shape, (1, (3, 4, 2), BLOB))
    rows = measure(Volume(np.full(shape, 50, dtype=np.float32), SPACING), labels)
    row = row_of(rows)
    assert dict(rows.failures) == {}
    assert row["original_firstorder_Mean"] == 50
    assert row["original_firstorder_Entropy"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "no_qsm"), (1e9, "implausible_qsm")])
def test_impossible_values_exclude_the_lesion_that_they_touch(value, reason):
    shape = (20, 13, 7)
    qsm = noise(shape)
    qsm.data[3, 5, 2] = value
    labels = labelled(shape, (1, (3, 4, 2), BLOB), (2, (12, 4, 2), BLOB))
    tracemalloc.start()
    rows = measure(qsm, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert dict(rows.failures) == {1: reason}
    assert np.isnan(rows.values[0]).all()
    assert not np.isnan(rows.values[1]).any()
    assert peak < 50e6


def test_failures_are_reasons_that_the_lesion_table_knows():
    reasons = {"flat_or_straight", "no_qsm", "implausible_qsm", "radiomics_failed"}
    assert reasons <= set(EXCLUSION_REASONS)
    assert MAX_GREY_LEVELS * RadiomicsSettings().bin_width_ppb > 10_000


def test_what_pyradiomics_cannot_do_at_all_excludes_the_lesion(caplog):
    """A bin width of 0 is refused inside pyradiomics, for every lesion."""
    shape = (14, 13, 7)
    qsm = Volume(np.full(shape, 50, dtype=np.float32), SPACING)
    rows = measure(qsm, labelled(shape, (5, (3, 4, 2), BLOB)), RadiomicsSettings(bin_width_ppb=0))
    assert dict(rows.failures) == {5: "radiomics_failed"}
    assert "pyradiomics failed" in caplog.text


# ---- wrong input ----
def test_images_on_two_grids_are_refused():
    labels = labelled((14, 13, 7), (1, (3, 4, 2), BLOB))
    with pytest.raises(GridMismatchError, match=r"\(14, 13, 8\)"):
        measure(noise((14, 13, 8)), labels)
    with pytest.raises(GridMismatchError, match="affines"):
        measure(noise((14, 13, 7), affine=np.diag([1.0, 1.0, 3.0, 1.0])), labels)


def test_lesions_of_another_map_are_refused():
    shape = (14, 13, 7)
    here, there = labelled(shape, (1, (3, 4, 2), BLOB)), labelled(shape, (1, (4, 4, 2), BLOB))
    with pytest.raises(
        UnknownLesionError, match="lesion 1 should have 14 voxels in its box, the label map has 11"
    ):
        extract_features(noise(shape), here, find_lesions(there), RadiomicsSettings())


def test_a_loose_box_is_refused():
    """MeshVolume may depend on where the mask lies in its array."""
    shape = (14, 13, 7)
    labels = labelled(shape, (1, (3, 4, 2), BLOB))
    (lesion,) = find_lesions(labels)
    loose = dataclasses.replace(lesion, box=((2, 7), *lesion.box[1:]))
    with pytest.raises(UnknownLesionError, match="a box must be tight"):
        extract_features(noise(shape), labels, [loose], PAPER)


def test_pyradiomics_log_level_is_left_as_it_was():
    before = logging.getLogger("radiomics").level
    measure(noise((14, 13, 7)), labelled((14, 13, 7), (1, (3, 4, 2), BLOB)))
    assert logging.getLogger("radiomics").level == before
