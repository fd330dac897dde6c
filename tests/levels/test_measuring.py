from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.bids_io.label_tables import LabelRow
from qsmrim_app.levels.expert_rim import ExpertRim
from qsmrim_app.levels.measuring import load_session, measure_session
from qsmrim_app.settings import DetectorSettings, LesionSettings
from tests import phantoms
from tests.levels.prepared import prepare_phantom


def measure(prepared, expert=None, lesions=None, names=None):
    return measure_session(
        load_session(prepared), names or {}, expert, lesions or LesionSettings(), DetectorSettings()
    )


@pytest.fixture
def prepared(case, tmp_path):
    return prepare_phantom(case, tmp_path)


def rows_of(measured):
    return {row["index"]: row for row in measured.table.frame.to_dict("records")}


def test_every_lesion_has_its_row_and_every_classifiable_one_its_sample(prepared, case):
    measured = measure(prepared, names={2: "left occipital"})
    rows = rows_of(measured)
    assert sorted(rows) == [1, 2, 3, 4, 5]
    assert rows[2]["name"] == "left occipital"
    assert rows[1]["name"] == "lesion-001"
    assert [key[2] for key in measured.samples.keys] == [1, 2, 3, 4, 5]
    assert measured.samples.features.shape == (5, 527)
    assert np.isnan(measured.samples.rim).all()
    truth = {lesion.label: lesion for lesion in phantoms.LESIONS}
    for index, row in rows.items():
        center = (row["x_mm"], row["y_mm"], row["z_mm"])
        assert np.linalg.norm(np.subtract(center, truth[index].center_mm)) < 1.0
        inside = case.lesions.data == index
        assert row["volume_mm3"] == pytest.approx(inside.sum() * 0.75 * 0.75 * 3)
        assert row["qsm_mean_ppb"] == pytest.approx(case.qsm.data[inside].mean(), rel=1e-5)


def test_lesions_that_cannot_be_measured_keep_a_row_with_the_reason(case, tmp_path):
    labels = case.lesions.data.copy()
    labels[30, 30, 2] = 6  # one voxel
    labels[34:38, 30, 2] = 7  # a straight row
    prepared = replace(
        prepare_phantom(replace(case, lesions=case.lesions.with_data(labels)), tmp_path),
        source_labels=(1, 2, 3, 4, 5, 6, 7, 99),  # 99 fills no voxel of the grid
    )
    measured = measure(
        prepared,
        lesions=LesionSettings(max_volume_mm3=float(rows_of(measure(prepared))[1]["volume_mm3"]) - 1),
    )
    reasons = {index: row["excluded_because"] for index, row in rows_of(measured).items()}
    assert reasons == {
        1: "too_large", 2: "", 3: "", 4: "", 5: "", 6: "too_small", 7: "flat_or_straight", 99: "not_on_grid",
    }  # fmt: skip
    assert [key[2] for key in measured.samples.keys] == [2, 3, 4, 5]
    assert rows_of(measured)[99]["volume_mm3"] == 0


def expert_rows(**rim):
    return {int(k[1:]): LabelRow(int(k[1:]), "", v, v, None, None) for k, v in rim.items()}


def test_expert_labels_of_the_same_map_are_joined_by_index(prepared, case):
    expert = ExpertRim(expert_rows(i1=1, i2=0, i3=0, i4=1, i5=None), case.lesions)
    measured = measure(prepared, expert)
    assert {i: r["rim_expert"] for i, r in rows_of(measured).items() if i != 5} == {1: 1, 2: 0, 3: 0, 4: 1}
    np.testing.assert_array_equal(measured.samples.rim, [1, 0, 0, 1, np.nan])
    assert measured.warnings == ()


def test_expert_labels_of_another_map_are_joined_by_overlap_and_the_rest_is_listed(prepared, case):
    renumbered = np.array([0, 40, 10, 20, 30, 0], dtype=np.int32)[case.lesions.data]
    renumbered[0:3, 0:3, 0] = 77
    rows = expert_rows(i40=1, i10=0, i20=0, i30=1, i77=1)
    measured = measure(prepared, ExpertRim(rows, case.lesions.with_data(renumbered)))
    np.testing.assert_array_equal(measured.samples.rim, [1, 0, 0, 1, np.nan])
    assert len(measured.warnings) == 1
    assert "77" in measured.warnings[0]


def test_a_session_without_lesions_goes_down_the_same_line(tmp_path):
    measured = measure(prepare_phantom(phantoms.phantom_case(lesions=()), tmp_path))
    assert len(measured.table) == 0
    assert measured.samples.patches.shape == (0, 2, 32, 32, 16)
    assert measured.samples.features.shape == (0, 527)


def test_a_lesion_at_the_border_is_flagged(case, tmp_path):
    labels = case.lesions.data.copy()
    labels[0:4, 30:34, 8:11] = 8
    measured = measure(prepare_phantom(replace(case, lesions=case.lesions.with_data(labels)), tmp_path))
    row = rows_of(measured)[8]
    assert row["excluded_because"] == "no_qsm"  # the phantom's head does not reach the border
    labels[0:4, 30:34, 8:11] = 0
    data = case.qsm.data.copy()
    data[0:4] = 5.0
    labels[0:4, 30:34, 8:11] = 8
    flair = case.flair.data.copy()
    flair[0:4] = 90.0
    edge = replace(
        case,
        lesions=case.lesions.with_data(labels),
        qsm=case.qsm.with_data(data),
        flair=case.flair.with_data(flair),
    )
    flags = rows_of(measure(prepare_phantom(edge, tmp_path)))[8]["flags"].split(",")
    assert {"at_border", "partly_outside_head"} <= set(flags)


@pytest.mark.parametrize("name", ["qsm", "flair"])
def test_a_lesion_that_an_image_covers_in_part_is_flagged_and_one_that_it_does_not_cover_excluded(
    case, tmp_path, name
):
    image = getattr(case, name)
    data = image.data.copy()
    first, second = (np.argwhere(case.lesions.data == label) for label in (1, 2))
    data[tuple(first[: len(first) // 2].T)] = 0
    data[tuple(second.T)] = 0
    row_of = rows_of(measure(prepare_phantom(replace(case, **{name: image.with_data(data)}), tmp_path)))
    assert row_of[2]["excluded_because"] == f"no_{name}"
    assert f"partly_without_{name}" in row_of[1]["flags"].split(",")
    covered = data[case.lesions.data == 1].astype(np.float64)
    if name == "qsm":  # the mean is of what was measured
        assert row_of[1]["qsm_mean_ppb"] == pytest.approx(covered[covered != 0].mean(), rel=1e-3)
    assert "partly_without" not in str(row_of[3]["flags"])


def test_a_map_of_rims_alone_makes_every_other_lesion_rim_negative(case, prepared):
    drawn = np.zeros_like(case.lesions.data)
    drawn[case.lesions.data == 1] = 5
    drawn[case.lesions.data == 4] = 6
    touched = tuple(np.argwhere(case.lesions.data == 2)[0])
    drawn[touched] = 6  # a voxel of a neighbour
    drawn[0:3, 0:3, 0] = 7
    measured = measure(prepared, ExpertRim({}, case.lesions.with_data(drawn), only_rims=True))
    assert {i: r["rim_expert"] for i, r in rows_of(measured).items()} == {1: 1, 2: 0, 3: 0, 4: 1, 5: 0}
    assert measured.warnings == (
        "1 rim+ lesion(s) of the raters' map overlap no lesion here and were not used: 7",
    )


def test_a_rim_that_hardly_touches_the_lesion_that_it_marks_is_said(case, prepared):
    drawn = np.zeros_like(case.lesions.data)
    touched = np.argwhere(case.lesions.data == 5)[0]
    beside = tuple(slice(max(0, n - 4), n + 1) for n in touched)
    drawn[beside] = np.isin(case.lesions.data[beside], (0,))
    drawn[tuple(touched)] = 1
    measured = measure(prepared, ExpertRim({}, case.lesions.with_data(drawn), only_rims=True))
    assert rows_of(measured)[5]["rim_expert"] == 1
    (said,) = measured.warnings
    assert said.startswith(
        "1 lesion(s) count as rim+ although a rim of the raters' map and they have less than"
    )
    assert ": 5;" in said


def test_rims_that_touch_mark_each_lesion_that_lies_in_them_by_half(case, prepared):
    drawn = np.isin(case.lesions.data, (1, 4)).astype(np.int32)  # one piece for two lesions
    first, second = (np.argwhere(case.lesions.data == label) for label in (2, 3))
    drawn[tuple(first[: len(first) // 2 + 1].T)] = 1
    drawn[tuple(second[: len(second) // 3 + 1].T)] = 1
    measured = measure(prepared, ExpertRim({}, case.lesions.with_data(drawn), only_rims=True))
    assert {i: r["rim_expert"] for i, r in rows_of(measured).items()} == {1: 1, 2: 1, 3: 0, 4: 1, 5: 0}
    (said,) = measured.warnings
    assert said.startswith("1 lesion(s) that lie partly in the raters' map")
    assert ": 3;" in said


def test_a_rim_that_a_larger_part_of_its_lesion_outvotes_is_said(case, prepared):
    drawn = np.where(case.lesions.data > 0, 1, 0).astype(np.int32)
    first = np.argwhere(case.lesions.data == 1)
    drawn[tuple(first[: len(first) // 3].T)] = 2
    negative, positive = (LabelRow(label, "", rim=label - 1) for label in (1, 2))
    expert = ExpertRim({1: negative, 2: positive}, case.lesions.with_data(drawn), are_classes=True)
    measured = measure(prepared, expert)
    assert {row["rim_expert"] for row in rows_of(measured).values()} == {0}
    assert measured.warnings == (
        "1 rim+ lesion(s) of the raters' map lie on a lesion that is mostly rim- there and counts as rim-",
    )


def test_the_zero_of_the_map_changes_the_table_but_not_what_the_model_sees(case, tmp_path):
    shifted = case.qsm.with_data(np.where(case.qsm.data != 0, case.qsm.data + np.float32(64), 0))
    found = []
    for number, qsm in enumerate((case.qsm, shifted)):
        place = tmp_path / str(number)
        place.mkdir()
        found.append(measure(prepare_phantom(replace(case, qsm=qsm), place)))
    one, other = found
    means = [measured.table.frame["qsm_mean_ppb"].to_numpy(float) for measured in found]
    np.testing.assert_allclose(means[1] - means[0], 64, atol=0.1)
    np.testing.assert_allclose(one.samples.patches, other.samples.patches, atol=1e-3)
    np.testing.assert_allclose(one.samples.features, other.samples.features, rtol=1e-3, atol=1e-2)
