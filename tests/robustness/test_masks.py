"""Lesion maps that are no label map, or lie elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.images import load_labels, save_volume
from qsmrim_app.levels.session_tasks import MeasureTask, measure_inputs
from qsmrim_app.records import Volume
from qsmrim_app.settings import DetectorSettings, InputSettings, LesionSettings
from tests import phantoms
from tests.robustness.cases import Case, judge, named, rows
from tests.robustness.rows import Row
from tests.robustness.session import Result, SessionFiles, beside, rewrite

SECTION = "Masks and label maps"
REFUSED = "refused, exit 65: "
MASK = "sub-01_space-FLAIR_label-lesion_mask.nii.gz"


def labels(change: Callable[[Any], Any] = lambda data: data, **header) -> Callable[[SessionFiles], None]:
    return lambda files: rewrite(files.lesions, change=change, header=header)


def as_mask(change: Callable[[Any], Any]) -> Callable[[SessionFiles], None]:
    """A binary mask in place of the instances."""

    def spoil(files: SessionFiles) -> None:
        files.table.unlink()
        beside(files.lesions, ".json").unlink()
        path = files.lesions.rename(files.lesions.with_name(MASK))
        rewrite(path, change=change)

    return spoil


def binary(data: Any) -> Any:
    return (data > 0).astype(np.uint8)


def mask_lesions(result: Result, undisturbed: Result) -> None:
    """The voxels of the undisturbed session; two lesions touch, so that a mask holds four."""
    found, expected = (load_labels(one.prepared.native_lesions).volume.data for one in (result, undisturbed))
    assert (
        (found > 0) != (expected > 0)
    ).sum() <= 3  # of thousands: where two lesions meet, more voxels are full
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4]


def probabilities(data: Any) -> Any:
    return np.where(data > 0, np.float32(0.7), np.float32(0.01))


def scaled_labels(files: SessionFiles) -> None:
    rewrite(files.lesions, change=lambda data: (data * 50).astype(np.int16), header={"scl_slope": 0.02})
    assert nib.load(files.lesions).dataobj.slope == pytest.approx(0.02)


def scaled_mask(files: SessionFiles) -> None:
    as_mask(lambda data: binary(data) * 255)(files)
    rewrite(files.lesions.with_name(MASK), header={"scl_slope": 1 / 255})


def interpolated(data: Any) -> Any:
    return data * np.float32(0.999999)


def large_labels(result: Result, undisturbed: Result) -> None:
    found, expected = (load_labels(one.prepared.native_lesions).volume.data for one in (result, undisturbed))
    np.testing.assert_array_equal(found, np.where(expected, expected.astype(np.int64) + 70000, 0))


def another_shape(files: SessionFiles) -> None:
    rewrite(files.lesions, change=lambda data: data[:-1])


def half_a_voxel_off(files: SessionFiles) -> None:
    affine = nib.load(files.lesions).affine @ phantoms.rigid((0, 0, 0), (0.5, 0, 0))
    rewrite(files.lesions, affine=affine)


def a_hair_off(files: SessionFiles) -> None:
    affine = nib.load(files.lesions).affine @ phantoms.rigid((0, 0, 0), (0.003, 0, 0))
    rewrite(files.lesions, affine=affine)


def nearly_the_same_lesions(result: Result, undisturbed: Result) -> None:
    found, expected = (load_labels(one.prepared.native_lesions).volume.data for one in (result, undisturbed))
    assert (found != expected).sum() <= 2


def in_mni(files: SessionFiles) -> None:
    save_volume(Volume(np.ones((91, 109, 91), dtype=np.int32), np.diag([2.0, 2, 2, 1])), files.lesions)


def wrong_space_in_the_name(files: SessionFiles) -> None:
    for path in (files.lesions, files.table, beside(files.lesions, ".json")):
        path.rename(path.with_name(path.name.replace("space-FLAIR", "space-Chimap")))


CASES = [
    Case("Labels scaled by `scl_slope`", "works", scaled_labels),
    Case("A mask of 0 and 255", "works", as_mask(lambda data: binary(data) * 255), check=mask_lesions),
    Case("A mask of 0 and 255 scaled to 0 and 1", "works", scaled_mask, check=mask_lesions),
    Case(
        "A mask in floating point",
        "works",
        as_mask(lambda data: binary(data).astype(np.float32)),
        check=mask_lesions,
    ),
    Case("64-bit unsigned labels", "works", labels(lambda data: data.astype(np.uint64))),
    Case(
        "Labels above 65535",
        "works: none wraps",
        labels(lambda data: np.where(data, data.astype(np.int32) + 70000, 0)),
        check=large_labels,
    ),
    Case("Labels in floating point with a trace of interpolation", "works", labels(interpolated)),
    Case(
        "64-bit unsigned labels beyond what a label map can hold",
        REFUSED + "labels are 0 to 2147483647",
        labels(lambda data: data.astype(np.uint64) * 2**62),
        r"desc-lesions_dseg\.nii\.gz: labels run from 0 to ",
    ),
    Case(
        "Negative labels",
        REFUSED + "labels are 0 to 2147483647",
        labels(lambda data: data.astype(np.int16) - 1),
        r"desc-lesions_dseg\.nii\.gz: labels run from -1 to 4",
    ),
    Case(
        "NaN in a mask",
        REFUSED + "whole numbers were expected",
        labels(lambda data: np.where(data == 2, np.nan, data)),
        r"desc-lesions_dseg\.nii\.gz: a label map holds NaN",
    ),
    Case(
        "A probability map as the mask",
        REFUSED + "threshold it first",
        as_mask(probabilities),
        r"label-lesion_mask\.nii\.gz: a label map holds 0\.\d+; .* threshold a probability map first",
    ),
    Case(
        "A lesion map in four dimensions, a volume for each lesion",
        REFUSED + "one 3-D volume was expected",
        labels(lambda data: np.stack([data == n for n in range(1, 6)], axis=-1).astype(np.uint8)),
        r"desc-lesions_dseg\.nii\.gz: expected one 3-D volume",
    ),
    Case(
        "A mask file of 0 bytes",
        REFUSED + "not a readable NIfTI image",
        lambda files: files.lesions.write_bytes(b"") and None,
        r"desc-lesions_dseg\.nii\.gz: not a readable NIfTI image",
    ),
    Case(
        "A mask in the space of a template",
        REFUSED + "it lies on neither grid",
        in_mni,
        r"desc-lesions_dseg\.nii\.gz: this map lies neither on the grid of the QSM",
    ),
    Case(
        "A mask that lacks a row of voxels",
        REFUSED + "it lies on neither grid",
        another_shape,
        r"desc-lesions_dseg\.nii\.gz: this map lies neither .* but on one of \(55, 56, 66\)",
    ),
    Case(
        "A mask of the right size, shifted by half a voxel",
        REFUSED + "its position in the header is another",
        half_a_voxel_off,
        r"_dseg\.nii\.gz: this map has the shape of the FLAIR, but its header puts its centre 0\.5 mm away",
    ),
    Case("A mask whose header differs by 3 µm", "works", a_hair_off, check=nearly_the_same_lesions),
    Case(
        "A name that says QSM space for a map on the FLAIR",
        "works, with a warning: the grid wins",
        wrong_space_in_the_name,
        r"the name says QSM space, but the grid is that of the FLAIR; the grid won",
    ),
    Case(
        "A mask inside out: 1 is background",
        REFUSED + "most lesion voxels lie outside the brain",
        as_mask(lambda data: 1 - binary(data)),
        r"label-lesion_mask\.nii\.gz: \d+% of the lesion voxels lie outside the brain",
    ),
    Case(
        "A mask that is 1 everywhere",
        REFUSED + "most lesion voxels lie outside the brain",
        as_mask(np.ones_like),
        r"label-lesion_mask\.nii\.gz: \d+% of the lesion voxels lie outside the brain",
    ),
    Case(
        "Several labels in a file named mask",
        "works, with a warning: all are lesion",
        as_mask(lambda data: data),
        r"label-lesion_mask\.nii\.gz: a binary mask was expected, but it holds 5 labels",
        mask_lesions,
    ),
    Case(
        "A binary mask named as an instance map",
        "works, with a warning: one lesion in several pieces",
        labels(binary),
        r"desc-lesions_dseg\.nii\.gz: one label in 4 separate pieces counts as one lesion",
        lambda result, undisturbed: None,
    ),
    Case(
        "A map of regions, each with several lesions, named as an instance map",
        "works, with a warning: one lesion a region",
        labels(lambda data: np.where(np.isin(data, (1, 4)), 1, 2 * (data > 0)).astype(data.dtype)),
        r"desc-lesions_dseg\.nii\.gz: 2 label\(s\) lie in separate pieces .* \(1, 2\)",
        lambda result, undisturbed: None,
    ),
]
RIM_MAP = "robustness/test_masks.py::test_a_map_of_rims"
ROWS = (
    *rows(SECTION, CASES, "robustness/test_masks.py::test_mask"),
    Row(
        SECTION,
        "Experts' map of rim+ lesions alone (label-PRL or label-rim), binary or one label a rim",
        "works, with a warning: the lesions that it lies on are rim+, all others rim-",
        RIM_MAP,
    ),
    Row(
        SECTION,
        "A binary map of rims named as a map of classes (desc-rim_dseg, 1 rim-, 2 rim+)",
        "works, with a warning: says that 1 is rim-",
        RIM_MAP,
    ),
    Row(
        SECTION,
        "A map of numbered rims (1, 2, 3) named as a map of classes (desc-rim_dseg)",
        "works, with a warning: says what 1 and 2 mean and how to name the map",
        RIM_MAP,
    ),
)


ROWS += (
    Row(
        SECTION,
        "A rater table with `rim_rater1`, `rim_rater2` or `Rim`, and no column `rim`",
        "works, with a warning: names the table, and the column that counts",
        "bids_io/test_query.py::test_rim_columns_without_the_one_that_counts_are_named",
    ),
    Row(
        SECTION,
        "A copy of qsmrim's own output without its description, as a derivative",
        "works: what was predicted is no rating, unless --raters names it",
        "bids_io/test_query.py::test_a_copy_of_predictions_is_no_rating",
    ),
    Row(
        SECTION,
        "A rater table and a map of rims in one dataset",
        "works, with a warning: the table counts",
        "bids_io/test_query.py::test_a_map_of_rims_beside_a_rater_table_is_named",
    ),
    Row(
        SECTION,
        "Rims that touch in a binary map of rims",
        "works: each lesion that lies in the map by half is rim+; a warning from a quarter on",
        "levels/test_measuring.py::test_rims_that_touch_mark_each_lesion_that_lies_in_them_by_half",
    ),
)


@pytest.mark.parametrize("case", named(CASES))
def test_mask(case, files, undisturbed, tmp_path):
    judge(case, files, undisturbed, tmp_path / "work")


@pytest.mark.parametrize(
    ("name", "values", "said", "expected"),
    [
        ("label-PRL_mask", {1: 1, 4: 1}, "a map of rim\\+ lesions", [1, 0, 0, 1, 0]),
        ("label-rim_dseg", {1: 1, 4: 2, 5: 3}, "a map of rim\\+ lesions", [1, 0, 0, 1, 1]),
        ("desc-rim_dseg", {1: 2, 2: 1, 3: 3, 4: 1}, "", [1, 0, None, 0, None]),
        ("desc-rim_dseg", {1: 1, 2: 2, 3: 3}, "name the map label-rim_dseg", [0, 1, None, None, None]),
        ("desc-rim_dseg", {1: 1, 4: 1}, "holds the value 1 alone, rim-", [0, None, None, 0, None]),
        ("desc-rim_dseg", {1: 2, 2: 7}, "not used: 7", [1, None, None, None, None]),
    ],
)
def test_a_map_of_rims(name, values, said, expected, files, undisturbed, tmp_path):
    lesions = load_labels(undisturbed.prepared.native_lesions).volume
    drawn = np.zeros_like(lesions.data)
    for label, value in values.items():
        drawn[lesions.data == label] = value
    dataset = files.root / "derivatives" / "experts"
    path = dataset / "sub-01" / "anat" / f"sub-01_space-Chimap_{name}.nii.gz"
    path.parent.mkdir(parents=True)
    description = files.root / "derivatives" / "lesions" / "dataset_description.json"
    (dataset / description.name).write_text(description.read_text())
    save_volume(lesions.with_data(drawn), path)
    (inputs,) = find_inputs(files.root, InputSettings()).inputs
    assert inputs.rim_map == path
    prepared = replace(undisturbed.prepared, native_rim_map=path)
    task = MeasureTask(inputs, prepared, LesionSettings(), DetectorSettings())
    measured = measure_inputs(task)
    found = measured.table.frame["rim_expert"].astype(object).where(lambda column: column.notna(), None)
    assert found.tolist() == expected
    doubts = [text for text in measured.warnings if path.name in text]
    assert bool(doubts) == bool(said)
    assert all(re.search(said, text) for text in doubts)
