import json
import os
import time
from pathlib import Path

import pytest

from qsmrim_app.bids_io.query import Found, find_inputs
from qsmrim_app.errors import (
    AmbiguousInputError,
    InputError,
    InvalidDatasetError,
    MissingImageError,
    NothingSelectedError,
    UsageError,
)
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import InputSettings
from tests.bids_io.skeletons import complete, skeleton

KEY = SessionKey("01")
RIM = "index\tname\trim\n1\tlesion-001\t1\n"
NAMES = "index\tname\n1\tlesion-001\n"
MAGNITUDE = "sub-01/anat/sub-01_run-{}_part-mag_T2starw.nii.gz"
TISSUE = "index\tname\n1\tgray matter\n2\twhite matter\n"


def one(root: Path, **settings):
    """The only session of a dataset, which must be complete."""
    found = find_inputs(root, InputSettings(**settings))
    assert found.failures == {}
    (inputs,) = found.inputs
    return inputs


def failure(root: Path, **settings) -> Exception:
    """The error of the only session of a dataset, which must fail."""
    found = find_inputs(root, InputSettings(**settings))
    assert found.inputs == ()
    (error,) = found.failures.values()
    return error


def without(files: list[str], part: str) -> list[str]:
    """The files whose name does not hold ``part``."""
    return [file for file in files if part not in Path(file).name]


# ---- participants and sessions ----
def test_finds_each_role_once(tmp_path):
    inputs = one(skeleton(tmp_path, complete()))
    assert inputs.key == KEY
    assert inputs.qsm == tmp_path / "derivatives/qsm/sub-01/anat/sub-01_Chimap.nii.gz"
    assert inputs.flair == tmp_path / "sub-01/anat/sub-01_FLAIR.nii.gz"
    assert inputs.magnitude == tmp_path / "sub-01/anat/sub-01_part-mag_T2starw.nii.gz"
    assert (inputs.lesions_kind, inputs.lesions_space) == ("mask", "FLAIR")
    assert (inputs.brain_mask, inputs.rim_labels, inputs.rim_table, inputs.rim_map) == (None,) * 4
    assert inputs.datasets["qsm"] == "bids:qsm:sub-01/anat/sub-01_Chimap.nii.gz"
    assert inputs.datasets["flair"] == "bids:raw:sub-01/anat/sub-01_FLAIR.nii.gz"


def test_uncompressed_files_are_found(tmp_path):
    assert one(skeleton(tmp_path, complete(suffix=".nii"))).qsm.name == "sub-01_Chimap.nii"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [("01", "a"), ("01", "b"), ("02", "a")]),
        ({"participants": ("sub-01",)}, [("01", "a"), ("01", "b")]),
        ({"participants": ("02", "01"), "sessions": ("ses-a",)}, [("01", "a"), ("02", "a")]),
        ({"exclude_participants": ("sub-01",)}, [("02", "a")]),
        ({"sessions": ("b",)}, [("01", "b")]),
    ],
)
def test_selection(tmp_path, settings, expected):
    root = skeleton(tmp_path, complete("01", "a") + complete("01", "b") + complete("02", "a"))
    found = find_inputs(root, InputSettings(**settings))
    assert [(inputs.key.subject, inputs.key.session) for inputs in found.inputs] == expected
    assert all(f"sub-{i.key.subject}_ses-{i.key.session}_" in str(i.lesions) for i in found.inputs)


@pytest.mark.parametrize(
    "settings",
    [{"participants": ("09",)}, {"sessions": ("b",)}, {"exclude_participants": ("01",)}],
)
def test_nothing_selected(tmp_path, settings):
    root = skeleton(tmp_path, complete("01", "a"))
    with pytest.raises(NothingSelectedError):
        find_inputs(root, InputSettings(**settings))


def test_a_named_participant_that_is_not_there_fails_alone(tmp_path):
    found = find_inputs(skeleton(tmp_path, complete()), InputSettings(participants=("01", "99")))
    assert [inputs.key for inputs in found.inputs] == [KEY]
    assert list(found.failures) == [SessionKey("99")]
    assert "check the label" in str(found.failures[SessionKey("99")])


@pytest.mark.parametrize("content", [None, "not json", "[1]"])
def test_not_a_dataset(tmp_path, content):
    skeleton(tmp_path, complete())
    description = tmp_path / "dataset_description.json"
    description.unlink() if content is None else description.write_text(content)
    with pytest.raises(InvalidDatasetError, match="dataset_description"):
        find_inputs(tmp_path, InputSettings())


def test_derivatives_without_session_folders_serve_a_subject_with_one_session(tmp_path):
    mask = "derivatives/lesions/sub-01/anat/sub-01_label-lesion_mask.nii.gz"
    files = [*without(complete("01", "a"), "mask"), mask]
    assert one(skeleton(tmp_path, files)).lesions.name == "sub-01_label-lesion_mask.nii.gz"
    skeleton(tmp_path, complete("01", "b"))
    found = find_inputs(tmp_path, InputSettings())
    assert [inputs.key.session for inputs in found.inputs] == ["b"]
    assert isinstance(found.failures[SessionKey("01", "a")], MissingImageError)


# ---- datasets ----
def test_named_derivatives_are_the_only_ones(tmp_path):
    files = [*complete(), "other/sub-01/anat/sub-01_Chimap.nii.gz"]
    root = skeleton(tmp_path, files)
    error = failure(root, derivatives={"qsm": root / "derivatives" / "qsm"})
    assert isinstance(error, MissingImageError)
    assert "no lesion map" in str(error)
    chosen = {"other": root / "other", "lesions": root / "derivatives" / "lesions"}
    assert one(root, derivatives=chosen).datasets["qsm"].startswith("bids:other:")


def test_named_derivatives_before_the_raw_dataset(tmp_path):
    root = skeleton(tmp_path, [*complete(), "sub-01/anat/sub-01_Chimap.nii.gz"])
    assert isinstance(failure(root), AmbiguousInputError)
    named = {name: root / "derivatives" / name for name in ("qsm", "lesions")}
    assert one(root, derivatives=named).datasets["qsm"].startswith("bids:qsm:")


def test_unknown_names_are_usage_errors(tmp_path):
    root = skeleton(tmp_path, complete())
    for settings in (
        {"derivatives": {"x": root / "nowhere"}},
        {"derivatives": {"raw": root}},
        {"lesions_from": "x"},
        {"raters": "x"},
        {"bids_filters": {"bold": {}}},
        {"bids_filters": {"qsm": {"acq": "x"}}},
        {"bids_filters": {"qsm": {"run": {"not": 1}}}},
        {"bids_filters": {"qsm": {"run": [[1], {}]}}},
    ):
        with pytest.raises(UsageError):
            find_inputs(root, InputSettings(**settings))


def test_own_output_is_no_source(tmp_path):
    own = "derivatives/mine/sub-01/anat/sub-01_space-Chimap_desc-lesions_dseg.nii.gz"
    root = skeleton(tmp_path, [*complete(), own])
    assert isinstance(failure(root), AmbiguousInputError)
    description = {"Name": "x", "BIDSVersion": "1.10.1", "GeneratedBy": [{"Name": "qsmrim"}]}
    (root / "derivatives/mine/dataset_description.json").write_text(json.dumps(description))
    assert one(root).datasets["lesions"].startswith("bids:lesions:")


def test_missing_descriptions_are_noted(tmp_path):
    found = find_inputs(skeleton(tmp_path, complete(), described=("derivatives/qsm",)), InputSettings())
    assert found.notes == ("lesions has no dataset_description.json; it was searched all the same",)


# ---- QSM ----
def test_raw_gradient_echo_without_qsm_names_programs(tmp_path):
    files = [*without(complete(), "Chimap"), "sub-01/anat/sub-01_echo-1_part-phase_MEGRE.nii.gz"]
    error = failure(skeleton(tmp_path, files))
    assert isinstance(error, MissingImageError)
    assert "sub-01: no susceptibility map" in str(error)
    assert "QSMxT" in str(error)


def test_several_acquisitions(tmp_path):
    qsm = "derivatives/qsm/sub-01/anat/sub-01_acq-{}_Chimap.nii.gz"
    root = skeleton(tmp_path, [*without(complete(), "Chimap"), qsm.format("a"), qsm.format("b")])
    error = failure(root)
    assert isinstance(error, AmbiguousInputError)
    assert "--qsm-acq" in str(error)
    assert one(root, qsm_acq="b").qsm.name == "sub-01_acq-b_Chimap.nii.gz"
    assert one(root, bids_filters={"qsm": {"acquisition": "a"}}).qsm.name == "sub-01_acq-a_Chimap.nii.gz"
    assert "acq-c" in str(failure(root, qsm_acq="c"))


@pytest.mark.parametrize(("drawn_on", "is_said"), [("1", True), ("02", False)])
def test_lesions_of_another_run_than_the_flair_are_noted(tmp_path, drawn_on, is_said):
    files = without(without(complete(), "_FLAIR.nii"), "mask")
    files += [f"sub-01/anat/sub-01_run-{run}_FLAIR.nii.gz" for run in (1, 2)]
    files.append(
        f"derivatives/lesions/sub-01/anat/sub-01_run-{drawn_on}_space-FLAIR_label-lesion_mask.nii.gz"
    )
    notes = [note for note in one(skeleton(tmp_path, files)).notes if "is of run" in note]
    assert len(notes) == is_said
    assert all("is of run 1, but sub-01_run-2_FLAIR.nii.gz of run 2 is used" in note for note in notes)


@pytest.mark.parametrize(
    ("qsm_run", "taken", "is_said"), [("1", "01", False), ("02", "02", False), ("3", "01", True)]
)
def test_the_magnitude_is_of_the_run_of_the_qsm(tmp_path, qsm_run, taken, is_said):
    files = without(without(complete(), "Chimap"), "T2starw")
    files += [MAGNITUDE.format(run) for run in ("01", "02")]
    files.append(f"derivatives/qsm/sub-01/anat/sub-01_run-{qsm_run}_Chimap.nii.gz")
    inputs = one(skeleton(tmp_path, files))
    assert inputs.magnitude == tmp_path / MAGNITUDE.format(taken)
    notes = [note for note in inputs.notes if note.startswith("magnitude: none shares the run of")]
    assert len(notes) == is_said


def test_of_runs_the_last_is_taken_and_noted(tmp_path):
    qsm = "derivatives/qsm/sub-01/anat/sub-01_run-{}_Chimap.nii.gz"
    files = [*without(complete(), "Chimap"), *(qsm.format(run) for run in ("2", "10", "1"))]
    inputs = one(skeleton(tmp_path, files))
    assert inputs.qsm.name == "sub-01_run-10_Chimap.nii.gz"
    assert any("3 runs" in note for note in inputs.notes)
    assert one(tmp_path, bids_filters={"qsm": {"run": 2}}).qsm.name == "sub-01_run-2_Chimap.nii.gz"


@pytest.mark.parametrize(
    "other", ["desc-para_", "desc-dia_", "space-T1w_", "desc-raw_", "space-MNI152NLin6Asym_"]
)
def test_other_maps_do_not_stand_in_the_way(tmp_path, other):
    files = [*complete(), f"derivatives/qsm/sub-01/anat/sub-01_{other}Chimap.nii.gz"]
    assert one(skeleton(tmp_path, files)).qsm.name == "sub-01_Chimap.nii.gz"


def test_qsmxt_and_lst_ai_are_read_as_they_are(tmp_path):
    files = {
        "sub-1/anat/sub-1_FLAIR.nii": None,
        "sub-1/anat/sub-1_echo-1_part-mag_MEGRE.nii": None,
        "sub-1/anat/sub-1_echo-2_part-mag_MEGRE.nii": None,
        "sub-1/anat/sub-1_echo-1_part-phase_MEGRE.nii": None,
        "derivatives/qsmxt.rs/sub-1/anat/sub-1_Chimap.nii": None,
        "derivatives/qsmxt.rs/sub-1/anat/sub-1_Chimap-raw.nii": None,
        "derivatives/qsmxt.rs/sub-1/anat/sub-1_mask.nii": None,
        "derivatives/qsmxt.rs/sub-1/anat/sub-1_dseg.nii": None,
        "derivatives/qsmxt.rs/sub-1/anat/sub-1_dseg.tsv": TISSUE,
        "derivatives/lst/sub-1/space-flair_seg-lst.nii.gz": None,
        "derivatives/lst/sub-1/space-flair_desc-annotated_seg-lst.nii.gz": None,
        "derivatives/lst/sub-1/space-mni_seg-lst.nii.gz": None,
        "derivatives/lst/sub-1/sub-X_ses-Y_space-FLAIR_seg-lst_prob.nii.gz": None,
    }
    inputs = one(skeleton(tmp_path, files))
    assert inputs.qsm.name == "sub-1_Chimap.nii"
    assert inputs.magnitude is not None
    assert inputs.magnitude.name == "sub-1_echo-1_part-mag_MEGRE.nii"
    assert inputs.lesions.name == "space-flair_seg-lst.nii.gz"
    assert (inputs.lesions_kind, inputs.lesions_space) == ("mask", "FLAIR")
    assert inputs.brain_mask is None


def test_placeholders_of_lst_ai_are_those_of_the_only_session(tmp_path):
    name = "derivatives/lst/sub-01/anat/sub-X_ses-Y_space-flair_seg-lst.nii.gz"
    root = skeleton(tmp_path, [*without(complete("01", "a"), "mask"), name])
    assert one(root).lesions == root / name
    skeleton(tmp_path, without(complete("01", "b"), "mask"))  # whose of the two they are nobody can say
    assert len(find_inputs(root, InputSettings()).failures) == 2


@pytest.mark.parametrize(
    "name",
    [
        "sub-01_space-FLAIR_label-lesion_mask.nii.gz",
        "sub-01_space-flair_label-L_mask.nii.gz",
        "sub-01_label-lesion_roi.nii.gz",
        "space-orig_seg-lst.nii.gz",
        "space-flair_desc-annotated_seg-lst.nii.gz",
        "sub-X_ses-Y_space-FLAIR_seg-lst.nii.gz",
        "sub-01_space-FLAIR_desc-annotated_label-lesion_mask.nii.gz",
    ],
)
def test_names_of_lesion_masks(tmp_path, name):
    inputs = one(skeleton(tmp_path, [*without(complete(), "mask"), f"derivatives/x/sub-01/anat/{name}"]))
    assert inputs.lesions.name == name
    assert (inputs.lesions_kind, inputs.lesions_space) == ("mask", "FLAIR")


@pytest.mark.parametrize("space", ["Chimap", "qsm", "T2starw", "megre", "GRE"])
def test_qsm_space(tmp_path, space):
    name = f"derivatives/x/sub-01/anat/sub-01_space-{space}_label-lesion_mask.nii.gz"
    assert one(skeleton(tmp_path, [*without(complete(), "mask"), name])).lesions_space == "QSM"


def test_space_without_a_name_comes_from_the_sidecar_or_is_assumed(tmp_path):
    stem = "derivatives/x/sub-01/anat/sub-01_label-lesion_mask"
    root = skeleton(tmp_path, [*without(complete(), "mask"), f"{stem}.nii.gz"])
    inputs = one(root)
    assert inputs.lesions_space == "FLAIR"
    assert any("assumed" in note for note in inputs.notes)
    (root / f"{stem}.json").write_text('{"SpatialReference": "bids:qsm:sub-01/anat/sub-01_Chimap.nii.gz"}')
    assert one(root).lesions_space == "QSM"


# ---- FLAIR, magnitude, brain mask ----
def test_flair_raw_first_and_without_contrast(tmp_path):
    files = [
        *complete(),
        "sub-01/anat/sub-01_ce-gadolinium_FLAIR.nii.gz",
        "derivatives/prep/sub-01/anat/sub-01_desc-preproc_FLAIR.nii.gz",
        "derivatives/prep/sub-01/anat/sub-01_space-T1w_FLAIR.nii.gz",
    ]
    assert one(skeleton(tmp_path, files)).datasets["flair"] == "bids:raw:sub-01/anat/sub-01_FLAIR.nii.gz"
    for file in (tmp_path / "sub-01/anat").glob("*FLAIR*"):
        file.unlink()
    assert one(tmp_path).flair.name == "sub-01_desc-preproc_FLAIR.nii.gz"


def test_all_that_is_missing_stands_in_one_error(tmp_path):
    error = failure(skeleton(tmp_path, ["sub-01/anat/sub-01_T1w.nii.gz"]))
    assert isinstance(error, MissingImageError)
    assert all(word in str(error) for word in ("sub-01", "susceptibility map", "no FLAIR", "no lesion map"))


def test_magnitude_of_the_same_acquisition_run_and_first_echo(tmp_path):
    magnitude = "sub-01/anat/sub-01_acq-{}_run-{}_echo-{}_part-mag_MEGRE.nii.gz"
    every = [magnitude.format(acq, run, echo) for acq in "ab" for run in (1, 2) for echo in (1, 2)]
    qsm = "derivatives/qsm/sub-01/anat/sub-01_acq-b_run-2_Chimap.nii.gz"
    files = [*without(without(complete(), "Chimap"), "T2starw"), qsm, *every]
    assert one(skeleton(tmp_path, files)).magnitude == tmp_path / magnitude.format("b", 2, 1)


def test_magnitude_without_part_or_none(tmp_path):
    files = without(complete(), "T2starw")
    root = skeleton(tmp_path, files)
    inputs = one(root)
    assert inputs.magnitude is None
    assert any("QSM itself" in note for note in inputs.notes)
    skeleton(
        tmp_path, ["sub-01/anat/sub-01_echo-2_T2starw.nii.gz", "sub-01/anat/sub-01_echo-1_T2starw.nii.gz"]
    )
    assert one(root).magnitude == root / "sub-01/anat/sub-01_echo-1_T2starw.nii.gz"


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("qsm/sub-01/anat/sub-01_desc-brain_mask.nii.gz", True),
        ("other/sub-01/anat/sub-01_space-Chimap_desc-brain_mask.nii.gz", True),
        ("other/sub-01/anat/sub-01_desc-brain_mask.nii.gz", False),
        ("qsm/sub-01/anat/sub-01_space-T1w_desc-brain_mask.nii.gz", False),
        ("qsm/sub-01/anat/sub-01_mask.nii.gz", False),
    ],
)
def test_brain_mask_only_in_the_space_of_the_qsm(tmp_path, name, taken):
    inputs = one(skeleton(tmp_path, [*complete(), f"derivatives/{name}"]))
    assert inputs.brain_mask == (tmp_path / "derivatives" / name if taken else None)


# ---- lesions and raters ----
def lesion_dataset(name: str, table: str | None = NAMES, space: str = "FLAIR") -> dict[str, str | None]:
    stem = f"derivatives/{name}/sub-01/anat/sub-01_space-{space}_desc-lesions_dseg"
    return {f"{stem}.nii.gz": None, **({f"{stem}.tsv": table} if table else {})}


def test_instances_before_mask(tmp_path):
    inputs = one(skeleton(tmp_path, dict.fromkeys(complete()) | lesion_dataset("lesions")))
    assert inputs.lesions_kind == "instances"
    assert inputs.lesions_table == inputs.lesions.with_name("sub-01_space-FLAIR_desc-lesions_dseg.tsv")


def test_two_lesion_datasets_need_a_choice(tmp_path):
    root = skeleton(tmp_path, dict.fromkeys(complete()) | lesion_dataset("manual"))
    error = failure(root)
    assert isinstance(error, AmbiguousInputError)
    assert "lesions, manual" in str(error)
    assert one(root, lesions_from="manual").datasets["lesions"].startswith("bids:manual:")
    assert one(root, lesions_from="lesions").lesions_kind == "mask"


def test_raters_give_rims_but_no_lesions(tmp_path):
    root = skeleton(tmp_path, dict.fromkeys(complete()) | lesion_dataset("raters", RIM))
    inputs = one(root)
    assert inputs.datasets["lesions"].startswith("bids:lesions:")
    assert inputs.rim_labels is not None
    assert "/raters/" in str(inputs.rim_labels)
    assert inputs.rim_table == inputs.rim_labels.with_name("sub-01_space-FLAIR_desc-lesions_dseg.tsv")


def test_raters_give_lesions_where_nobody_else_does(tmp_path):
    files = dict.fromkeys(without(complete(), "mask")) | lesion_dataset("raters", RIM)
    inputs = one(skeleton(tmp_path, files))
    assert inputs.lesions == inputs.rim_labels
    assert inputs.lesions_kind == "instances"


def test_a_map_of_rims_beside_a_rater_table_is_named(tmp_path):
    drawn = {"derivatives/raters/sub-01/anat/sub-01_space-FLAIR_label-PRL_mask.nii.gz": None}
    inputs = one(skeleton(tmp_path, dict.fromkeys(complete()) | lesion_dataset("raters", RIM) | drawn))
    assert inputs.rim_table is not None
    assert inputs.rim_map is None
    assert any("is used, not sub-01_space-FLAIR_label-PRL_mask.nii.gz" in note for note in inputs.notes)


@pytest.mark.parametrize("columns", ["rim_rater1\trim_rater2", "Rim\trim_truth", "PRL\tnote"])
def test_rim_columns_without_the_one_that_counts_are_named(tmp_path, columns):
    table = f"index\tname\t{columns}\n1\tlesion-001\t1\t0\n"
    inputs = one(
        skeleton(tmp_path, dict.fromkeys(complete()) | lesion_dataset("manual", table)),
        lesions_from="lesions",
    )
    assert inputs.rim_table is None
    (note,) = [note for note in inputs.notes if "has no column 'rim'" in note]
    assert "sub-01_space-FLAIR_desc-lesions_dseg.tsv" in note


@pytest.mark.parametrize("name", ["space-FLAIR_label-lesion_mask", "space-T1w_desc-lesions_dseg"])
def test_a_rater_table_beside_a_map_that_is_not_read_is_named(name, tmp_path):
    stem = f"derivatives/raters/sub-01/anat/sub-01_{name}"
    inputs = one(
        skeleton(tmp_path, dict.fromkeys(complete()) | {f"{stem}.nii.gz": None, f"{stem}.tsv": RIM}),
        lesions_from="lesions",
    )
    assert inputs.rim_table is None
    (note,) = [note for note in inputs.notes if "is not used" in note]
    assert f"sub-01_{name}.tsv is not used; ratings are read beside a *_dseg.nii.gz" in note


def test_a_copy_of_predictions_is_no_rating(tmp_path):
    anat = "derivatives/old/sub-01/anat/sub-01_space-Chimap"
    files = [*complete(), f"{anat}_desc-rim_dseg.nii.gz", f"{anat}_label-rim_probseg.nii.gz"]
    root = skeleton(tmp_path, files)
    inputs = one(root)
    assert inputs.rim_map is None
    assert any("what 'old' holds was predicted by qsmrim" in note for note in inputs.notes)
    assert one(root, raters="old").rim_map == root / f"{anat}_desc-rim_dseg.nii.gz"


def test_two_raters_need_a_choice(tmp_path):
    files = dict.fromkeys(complete()) | lesion_dataset("anna", RIM) | lesion_dataset("bert", RIM)
    root = skeleton(tmp_path, files)
    assert "--raters" in str(failure(root))
    assert "/bert/" in str(one(root, raters="bert").rim_table)
    assert one(root, raters="lesions").rim_table is None


def test_tissue_maps_are_no_lesions(tmp_path):
    stem = "derivatives/prep/sub-01/anat/sub-01_dseg"
    files = dict.fromkeys(without(complete(), "mask")) | {f"{stem}.nii.gz": None, f"{stem}.tsv": TISSUE}
    root = skeleton(tmp_path, files)
    assert "no lesion map" in str(failure(root))
    (root / f"{stem}.tsv").write_text(NAMES)
    assert one(root).lesions.name == "sub-01_dseg.nii.gz"


def test_other_spaces_are_no_lesions(tmp_path):
    mask = "derivatives/x/sub-01/anat/sub-01_space-MNI152NLin6Asym_label-lesion_mask.nii.gz"
    assert "no lesion map" in str(failure(skeleton(tmp_path, [*without(complete(), "mask"), mask])))


def test_flair_space_before_qsm_space(tmp_path):
    root = skeleton(tmp_path, [*complete(), *lesion_dataset("lesions", None, "Chimap")])
    assert one(root).lesions_space == "QSM"  # instances before the mask, whatever the space
    skeleton(tmp_path, list(lesion_dataset("lesions", None)))
    assert one(root).lesions_space == "FLAIR"


def test_rim_map(tmp_path):
    rim = "derivatives/lesions/sub-01/anat/sub-01_space-FLAIR_desc-rim_dseg.nii.gz"
    inputs = one(skeleton(tmp_path, [*complete(), rim]))
    assert inputs.rim_map == tmp_path / rim
    assert inputs.rim_table is None
    assert inputs.lesions_kind == "mask"


def test_a_filter_chooses_any_file_as_lesions(tmp_path):
    files = [*complete(), "derivatives/lesions/sub-01/anat/sub-01_space-FLAIR_desc-final_mask.nii.gz"]
    filters = {"lesions": {"suffix": "mask", "desc": "final", "label": None}}
    assert one(skeleton(tmp_path, files), bids_filters=filters).lesions.name.endswith(
        "desc-final_mask.nii.gz"
    )


# ---- sidecars ----
def test_units_are_inherited_and_overruled(tmp_path):
    root = skeleton(tmp_path, complete() + complete("02"))
    (root / "derivatives/qsm/Chimap.json").write_text('{"Units": "ppb"}')
    (root / "derivatives/qsm/sub-02/sub-02_Chimap.json").write_text('{"Units": "ppm"}')
    (root / "derivatives/qsm/acq-other_Chimap.json").write_text('{"Units": "Hz"}')
    found = find_inputs(root, InputSettings())
    assert [inputs.qsm_units for inputs in found.inputs] == ["ppb", "ppm"]


def test_a_damaged_sidecar_fails_its_subject_alone(tmp_path):
    root = skeleton(tmp_path, complete() + complete("02"))
    (root / "derivatives/qsm/sub-02/anat/sub-02_Chimap.json").write_text("{")
    found = find_inputs(root, InputSettings())
    assert [inputs.key for inputs in found.inputs] == [KEY]
    assert isinstance(found.failures[SessionKey("02")], InputError)
    assert "sub-02_Chimap.json" in str(found.failures[SessionKey("02")])


def test_a_damaged_table_fails_its_subject_alone(tmp_path):
    raters = lesion_dataset("raters", RIM)
    root = skeleton(tmp_path, dict.fromkeys(complete() + complete("02")) | raters)
    (root / next(name for name in raters if name.endswith("tsv"))).write_bytes(b"index\tname\trim\xe4\n")
    found = find_inputs(root, InputSettings())
    assert [inputs.key.subject for inputs in found.inputs] == ["02"]
    assert "UTF-8" in str(found.failures[KEY])


def test_a_folder_that_may_not_be_listed_fails_its_subject_alone(tmp_path, monkeypatch):
    root = skeleton(tmp_path, complete() + complete("02"))
    scandir = os.scandir

    def forbidden(folder):
        if Path(folder) == root / "sub-02" / "anat":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", forbidden)
    found = find_inputs(root, InputSettings())
    assert [inputs.key for inputs in found.inputs] == [KEY]
    assert "reading rights" in str(found.failures[SessionKey("02")])


def test_a_folder_that_may_not_be_entered_fails_its_subject_alone(tmp_path, monkeypatch):
    root = skeleton(tmp_path, complete() + complete("02"))
    exists = Path.exists

    def forbidden(path, **options):
        if path.parent == root / "derivatives/qsm/sub-02/anat":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", forbidden)
    found = find_inputs(root, InputSettings())
    assert [inputs.key for inputs in found.inputs] == [KEY]
    error = found.failures[SessionKey("02")]
    assert isinstance(error, MissingImageError)
    assert "sub-02/anat/sub-02_Chimap.nii.gz cannot be read (Permission denied); give rights" in str(error)


def test_an_image_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    root = skeleton(tmp_path, complete() + complete("02"))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "02_FLAIR" not in str(path) and access(path, mode))
    found = find_inputs(root, InputSettings())
    assert [inputs.key for inputs in found.inputs] == [KEY]
    error = found.failures[SessionKey("02")]
    assert isinstance(error, MissingImageError)
    assert "sub-02_FLAIR.nii.gz cannot be read; give reading rights" in str(error)


def test_a_derivative_that_may_not_be_listed_is_left_out_unless_it_was_named(tmp_path, monkeypatch):
    root = skeleton(tmp_path, [*complete(), "derivatives/freesurfer/sub-01/mri/brain.mgz"])
    listdir, closed = os.listdir, root / "derivatives" / "freesurfer"

    def forbidden(folder="."):
        if Path(folder) == closed:
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", forbidden)
    found = find_inputs(root, InputSettings())
    assert [inputs.key for inputs in found.inputs] == [KEY]
    (note,) = [note for note in found.notes if "freesurfer" in note]
    assert note.endswith("cannot be listed (Permission denied); give reading rights; it was not searched")
    with pytest.raises(InvalidDatasetError, match="freesurfer cannot be listed"):
        find_inputs(root, InputSettings(derivatives={"fs": closed}))


# ---- git-annex ----
def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("../.git/annex/objects/xx/yy/zz")


def test_dangling_links_of_others_do_no_harm(tmp_path):
    root = skeleton(tmp_path, complete() + complete("02"))
    dangle(root / "sub-02/anat/sub-02_FLAIR.nii.gz")
    (root / "sub-01/anat/sub-01_T1w.nii.gz").symlink_to("nowhere")
    assert [i.key for i in find_inputs(root, InputSettings(participants=("01",))).inputs] == [KEY]


def test_a_needed_dangling_link_says_what_to_run(tmp_path):
    root = skeleton(tmp_path, complete())
    dangle(root / "sub-01/anat/sub-01_FLAIR.nii.gz")
    error = failure(root)
    assert isinstance(error, MissingImageError)
    assert "git annex get" in str(error)


def test_an_annex_pointer_is_no_image(tmp_path):
    root = skeleton(tmp_path, complete())
    (root / "sub-01/anat/sub-01_FLAIR.nii.gz").write_text("/annex/objects/MD5E-s1--abc.nii.gz\n")
    assert "git-annex pointer" in str(failure(root))


def test_a_dangling_rater_table_is_not_overlooked(tmp_path):
    root = skeleton(tmp_path, dict.fromkeys(complete()) | lesion_dataset("raters", RIM))
    dangle(root / "derivatives/raters/sub-01/anat/sub-01_space-FLAIR_desc-lesions_dseg.tsv")
    assert "datalad get" in str(failure(root))


# ---- others ----
def test_names_above_the_dataset_do_not_matter(tmp_path):
    root = tmp_path / "run-7_space-MNI_sub-99" / "ses-3" / "desc-brain"
    root.mkdir(parents=True)
    inputs = one(skeleton(root, complete()))
    assert (inputs.key, inputs.lesions_space) == (KEY, "FLAIR")


def test_one_of_two_thousand_participants_is_found_within_a_second(tmp_path):
    skeleton(tmp_path, complete())
    for number in range(2000):
        os.makedirs(tmp_path / f"sub-x{number}" / "anat")
    start = time.perf_counter()
    found = find_inputs(tmp_path, InputSettings(participants=("01",)))
    assert time.perf_counter() - start < 1
    assert isinstance(found, Found)
    assert len(found.inputs) == 1


def test_phantom_dataset(phantom_dataset):
    found = find_inputs(phantom_dataset, InputSettings())
    assert [inputs.key.subject for inputs in found.inputs] == ["01", "02"]
    assert {inputs.qsm_units for inputs in found.inputs} == {"ppm"}
    assert all("/raters/" in str(inputs.rim_table) for inputs in found.inputs)


def test_semireal_dataset(real_data):
    found = find_inputs(real_data / "semireal", InputSettings())
    assert found.failures == {}
    assert [inputs.key.subject for inputs in found.inputs] == ["LJ07", "LJ19"]
    for inputs in found.inputs:
        assert (inputs.lesions_kind, inputs.lesions_space, inputs.qsm_units) == ("instances", "FLAIR", "ppm")
        assert inputs.datasets["lesions"].startswith("bids:lesions:")
        assert inputs.datasets["rim_labels"].startswith("bids:raters:")


def test_a_dataset_without_description_is_read_where_the_check_is_skipped(tmp_path):
    (tmp_path / "sub-01" / "anat").mkdir(parents=True)
    with pytest.raises(InvalidDatasetError, match="dataset_description"):
        find_inputs(tmp_path, InputSettings())
    found = find_inputs(tmp_path, InputSettings(skip_validation=True))
    assert [key.subject for key in found.failures] == ["01"]


def test_two_visits_in_one_folder_are_refused(tmp_path):
    files = [name.replace("ses-1/", "") for name in complete(session="1")]
    second = [name.replace("ses-2/", "") for name in complete(session="2")]
    error = failure(skeleton(tmp_path, [*without(files, "Chimap"), *(n for n in second if "Chimap" in n)]))
    assert isinstance(error, InputError)
    assert "images of the sessions 1, 2 lie in one folder" in str(error)


def test_what_qsmrim_predicted_is_no_rating_unless_it_is_named(tmp_path):
    stem = "derivatives/old/sub-01/anat/sub-01_space-Chimap_desc-lesions_dseg"
    files = dict.fromkeys(complete()) | {f"{stem}.nii.gz": None, f"{stem}.tsv": "index\tname\trim\n1\ta\t1\n"}
    root = skeleton(tmp_path, files, ("derivatives/old",))
    derivatives = {name: root / "derivatives" / name for name in ("qsm", "lesions", "old")}
    named = {"derivatives": derivatives, "lesions_from": "lesions"}
    assert one(root, **named).rim_labels is not None
    description = {"Name": "q", "BIDSVersion": "1.10.1", "GeneratedBy": [{"Name": "qsmrim"}]}
    (root / "derivatives/old/dataset_description.json").write_text(json.dumps(description))
    assert one(root, **named).rim_labels is None
    assert one(root, **named, raters="old").rim_labels is not None


def test_images_without_a_session_of_a_participant_with_several_are_named(tmp_path):
    files = [
        file.replace("sub-01/anat/sub-01", f"sub-01/ses-{n}/anat/sub-01_ses-{n}")
        for n in "ab"
        for file in complete()
    ]
    masks = [file for file in files if "lesion" in file]
    lone = "derivatives/lesions/sub-01/anat/sub-01_space-FLAIR_label-lesion_mask.nii.gz"
    assert masks
    root = skeleton(tmp_path, [*(file for file in files if file not in masks), lone])
    failures = find_inputs(root, InputSettings()).failures
    assert [key.session for key in failures] == ["a", "b"]
    assert "sub-01_space-FLAIR_label-lesion_mask.nii.gz was not read; it names no session" in str(
        failures[SessionKey("01", "a")]
    )


def test_a_rater_table_without_its_image_is_named(tmp_path):
    root = skeleton(tmp_path, complete())
    folder = root / "derivatives/raters/sub-01/anat"
    folder.mkdir(parents=True)
    (folder / "sub-01_space-Chimap_desc-lesions_dseg.tsv").write_text(RIM)
    (root / "derivatives/raters/dataset_description.json").write_text(
        '{"Name": "raters", "BIDSVersion": "1.10.1", "DatasetType": "derivative"}'
    )
    (note,) = one(root).notes
    assert note.startswith("sub-01_space-Chimap_desc-lesions_dseg.tsv was not read;")


@pytest.mark.parametrize("raw_session", ["", "1"])
def test_folders_that_other_programs_made_for_themselves_are_no_sessions(raw_session, tmp_path):
    files = complete(session=raw_session)
    files.append("derivatives/lesions/sub-01/anat/sub-01_space-FLAIR_label-lesion_mask.nii.gz")
    files.append("derivatives/fmriprep/sub-01/ses-z/anat/sub-01_ses-z_desc-preproc_T1w.nii.gz")
    root = skeleton(tmp_path, without(files, f"ses-{raw_session}_space-FLAIR") if raw_session else files)
    (root / "derivatives/freesurfer/sub-01/ses-long").mkdir(parents=True)
    assert one(root).key == SessionKey("01", raw_session)


def test_a_derivative_whose_sessions_hold_images_of_the_analysis_gives_the_sessions(tmp_path):
    files = [file for file in complete() if "Chimap" not in file]
    files += [f"derivatives/qsm/sub-01/ses-{n}/anat/sub-01_ses-{n}_Chimap.nii.gz" for n in "ab"]
    found = find_inputs(skeleton(tmp_path, files), InputSettings())
    assert [key.session for key in found.failures] == ["a", "b"]


def test_a_filter_for_another_suffix_makes_sessions_of_a_derivative_too(tmp_path):
    files = [file.replace("sub-01/anat/sub-01", "sub-01/ses-a/anat/sub-01_ses-a") for file in complete()]
    raw = "sub-01/anat/sub-01_T1w.nii.gz"
    files = [f"derivatives/all/{file.replace('Chimap', 'QSM')}" for file in without(files, "lesion")]
    files = [file.replace("derivatives/all/derivatives/qsm", "derivatives/all") for file in files]
    root = skeleton(tmp_path, [*without(files, "FLAIR"), raw])
    filters = {"qsm": {"suffix": "QSM"}}
    found = find_inputs(root, InputSettings(bids_filters=filters))
    assert list(found.failures) == [SessionKey("01", "a")]


# ---- filters that leave nothing ----
@pytest.mark.parametrize("role", ["qsm", "flair", "lesions"])
@pytest.mark.parametrize(
    "query", [{"acquisition": "nope"}, {"acquisition": []}, {"run": True}, {"extension": "nii.gz"}]
)
def test_a_filter_that_leaves_no_needed_file_is_named(role, query, tmp_path):
    root = skeleton(tmp_path, complete())
    error = failure(root, bids_filters={role: query})
    assert isinstance(error, MissingImageError)
    name = getattr(one(root), role).name
    said = f"the filter {json.dumps(query)} of --bids-filter-file leaves no file for '{role}'"
    assert f"{said}; without it: {name}; correct the filter" in str(error)


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("magnitude", "sub-01_part-mag_T2starw.nii.gz"),
        ("brain_mask", "sub-01_desc-brain_mask.nii.gz"),
        ("raters", "sub-01_desc-lesions_dseg.nii.gz"),
    ],
)
def test_a_filter_that_leaves_no_optional_file_is_noted(role, name, tmp_path):
    files = dict.fromkeys([*complete(), "derivatives/qsm/sub-01/anat/sub-01_desc-brain_mask.nii.gz"])
    files |= {
        "derivatives/raters/sub-01/anat/sub-01_desc-lesions_dseg.nii.gz": None,
        "derivatives/raters/sub-01/anat/sub-01_desc-lesions_dseg.tsv": RIM,
    }
    root = skeleton(tmp_path, files)
    found = find_inputs(root, InputSettings(bids_filters={role: {"desc": "nope"}}))
    said = (
        f'{role}: the filter {{"desc": "nope"}} of --bids-filter-file leaves no file for '
        f"'{role}'; without it: {name}"
    )
    assert said in found.inputs[0].notes
    assert any(said in row.note for row in found.rows)
    assert not any("filter" in note for note in one(root).notes)


def test_a_filter_is_not_blamed_for_a_file_that_is_not_there(tmp_path):
    root = skeleton(tmp_path, without(complete(), "FLAIR.nii"))
    error = failure(root, bids_filters={"flair": {"acquisition": "nope"}})
    assert "no FLAIR" in str(error)
    assert "filter" not in str(error)


def test_a_filter_that_leaves_none_of_several_names_them(tmp_path):
    root = skeleton(tmp_path, [*complete(), "sub-01/anat/sub-01_acq-2d_FLAIR.nii.gz"])
    error = failure(root, bids_filters={"flair": {"acquisition": "3d"}})
    assert "without it: 2 files fit 'flair': bids:raw:" in str(error)


def test_images_of_other_programs_that_name_no_session_are_not_spoken_of(tmp_path):
    files = [
        file.replace("sub-01/anat/sub-01", f"sub-01/ses-{n}/anat/sub-01_ses-{n}")
        for n in "ab"
        for file in complete()
    ]
    lone = "derivatives/fmriprep/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz"
    found = find_inputs(skeleton(tmp_path, [*files, lone]), InputSettings())
    assert found.failures == {}
    assert not any("fmriprep" in note or "T1w" in note for one in found.inputs for note in one.notes)


def test_a_damaged_table_in_a_session_of_a_derivative_fails_its_subject_alone(tmp_path):
    table = "derivatives/x/sub-01/ses-z/anat/sub-01_ses-z_space-FLAIR_dseg"
    root = skeleton(tmp_path, [*complete("01"), *complete("02"), f"{table}.nii.gz"])
    (root / f"{table}.tsv").write_bytes(b"\xff\xfe\x00index")
    found = find_inputs(root, InputSettings())
    assert [inputs.key.subject for inputs in found.inputs] == ["02"]
    assert {key.subject for key in found.failures} == {"01"}


def test_the_sessions_that_are_known_are_those_of_raw_dataset_and_derivatives(tmp_path):
    files = [
        *complete("01", "a"),
        *complete("02"),
        "derivatives/qsm/sub-01/ses-b/anat/sub-01_ses-b_Chimap.nii.gz",
    ]
    root = skeleton(tmp_path, files)
    found = find_inputs(root, InputSettings(participants=("01",), sessions=("a",)))
    assert [inputs.key for inputs in found.inputs] == [SessionKey("01", "a")]
    assert found.known == {SessionKey("01", "a"), SessionKey("01", "b")}
