import dataclasses
import logging
import tracemalloc

import numpy as np
import pytest

from qsmrim_app.errors import GridMismatchError, UnknownLesionError
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import MAX_GREY_LEVELS, extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsSettings
from qsmrim_app.tables.columns import EXCLUSION_REASONS
from tests.radiomic_features.blobs import BLOB, PAPER, SPACING, finite, labelled, measure, noise, scattered
from tests.radiomic_features.oracle import assert_same_features, row_of, whole_volume_features


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


@pytest.mark.parametrize(("value", "reason"), [(np.nan, "no_qsm"), (2e4, "implausible_qsm")])
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


@pytest.mark.parametrize(
    ("engine", "said"), [("pyradiomics", "pyradiomics failed"), ("vectorised", "0 ppb has no width")]
)
def test_what_an_engine_cannot_do_at_all_excludes_the_lesion(engine, said, caplog):
    """A bin width of 0 is refused inside the engine, for every lesion."""
    shape = (14, 13, 7)
    qsm = Volume(np.full(shape, 50, dtype=np.float32), SPACING)
    settings = RadiomicsSettings(engine=engine)
    object.__setattr__(settings, "bin_width_ppb", 0)  # which settings themselves refuse
    rows = measure(qsm, labelled(shape, (5, (3, 4, 2), BLOB)), settings)
    assert dict(rows.failures) == {5: "radiomics_failed"}
    assert said in caplog.text


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
