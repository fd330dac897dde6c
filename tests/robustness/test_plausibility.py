"""Wrong input that looks like right one: what a user sees of it, from the command's side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.errors import InputError
from qsmrim_app.images import load_image, load_labels, save_volume, to_ppm
from qsmrim_app.levels.participant import run_participants
from qsmrim_app.preprocessing.workflow import prepare_subjects
from qsmrim_app.records import PreparedSubject, SessionKey, SubjectInputs
from qsmrim_app.settings import ParticipantSettings, PreprocessingSettings, ResourceSettings
from tests import phantoms
from tests.levels.tiny_model import write_tiny_model
from tests.preprocessing.heads import Head, draw_adult_head
from tests.robustness.rows import Row

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("plausibility")]
_HERE = "robustness/test_plausibility.py"
_QSM, _FLAIR, _LESIONS = "The QSM", "FLAIR and lesion map", "Lesions"
_WARNED = "works, with a warning at the top of the report, in log, status and sidecars: "

ROWS = (
    Row(
        _FLAIR,
        "a FLAIR, magnitude or QSM whose field of view was filled up with a constant other than 0",
        "works, with a warning: the constant becomes 0, and lesions there are left out or flagged",
        "preprocessing/test_padding.py::test_what_was_filled_in_becomes_0_and_is_said",
    ),
    Row(
        _FLAIR,
        "a FLAIR that was standardised: half of its values are negative",
        "works, with a warning: it is moved above 0",
        "preprocessing/test_padding.py::test_standardised_intensities_are_moved_above_0",
    ),
    Row(
        _QSM,
        "a QSM in whole ppb, in which some tissue is exactly 0",
        "works: it counts as measured; a hole of more than 8 voxels does not",
        "preprocessing/test_background.py::test_tissue_that_was_rounded_to_0_is_measured",
    ),
    Row(
        _QSM,
        "a QSM in steps of a fifth of its spread or more, such as 10 ppb",
        "works, with a warning: what was rounded to 0 in pieces of more than 8 voxels counts as not measured",
        "preprocessing/test_background.py::test_coarse_steps_are_said",
    ),
    Row(
        _QSM,
        "a smooth QSM in coarse steps, or a saturated image, whose head reaches the faces of the array",
        "works: its pieces of one value are no padding",
        "preprocessing/test_padding.py::test_smooth_tissue_that_was_stored_in_steps_is_no_padding",
    ),
    Row(
        _QSM,
        "a QSM of the wrong sign",
        "refused, exit 65, with the way to turn it round; "
        "`preprocessing.implausible_qsm` = `warn` goes on with warnings",
        f"{_HERE}::test_a_qsm_of_the_wrong_sign_is_refused",
    ),
    Row(
        _QSM,
        "a QSM, right or of the wrong sign, with calcifications or haemorrhages of 8 mm radius on both sides",
        "works, or is refused for its sign, as without them; with a warning: how many ml, and what it may be",
        "preprocessing/test_qsm_evidence.py::test_calcifications_and_haemorrhages_do_not_decide_on_the_sign",
    ),
    Row(
        _QSM,
        "a QSM of the wrong sign whose background is a constant",
        "refused, exit 65, as with a background of 0; one of the right sign is not",
        f"{_HERE}::test_a_qsm_of_the_wrong_sign_is_refused_whatever_its_background",
    ),
    Row(
        _QSM,
        "a magnitude image given as Chimap",
        "refused, exit 65: no value is negative",
        f"{_HERE}::test_a_magnitude_as_chimap_is_refused",
    ),
    Row(
        _QSM,
        "a local field map given as Chimap",
        _WARNED + "veins are not brighter than the darkest tissue",
        f"{_HERE}::test_a_field_map_is_doubted",
    ),
    Row(
        _QSM,
        "a QSM whose voxels are mirrored or shifted against its magnitude, headers unchanged; the "
        "QSM of another participant",
        _WARNED + "the map does not lie on its magnitude",
        f"{_HERE}::test_a_qsm_that_does_not_lie_on_its_magnitude_is_doubted",
    ),
    Row(
        _FLAIR,
        "T1w and FLAIR swapped",
        _WARNED + "the lesions are dark, as on a T1w image",
        f"{_HERE}::test_a_t1w_in_place_of_the_flair_is_doubted",
    ),
    Row(
        _FLAIR,
        "the lesion map of another participant, or in another space, on a grid that fits",
        _WARNED + "the lesions are hardly brighter than their surroundings",
        f"{_HERE}::test_lesions_where_the_flair_shows_none_are_warned_of_everywhere",
    ),
    Row(
        _FLAIR,
        "FLAIR and QSM that are not aligned, with `--registration header`",
        _WARNED.replace(" and sidecars", "") + "the FLAIR fits better elsewhere",
        "preprocessing/test_registration.py::test_an_image_that_is_not_aligned_is_said_to_fit_better_elsewhere",
    ),
    Row(
        _FLAIR,
        "FLAIR and lesions of another participant than QSM and magnitude",
        _WARNED.replace(" and sidecars", "") + "the FLAIR fits little better than elsewhere",
        "preprocessing/test_registration.py::test_a_place_that_is_hardly_better_than_others_is_said",
    ),
    Row(
        _FLAIR,
        "a FLAIR that covers only a part of the brain",
        _WARNED + "says how much; lesions that it does not cover are flagged or left out",
        "preprocessing/test_plausibility.py::test_each_doubt_about_the_lesions_is_said_once",
    ),
    Row(
        _LESIONS,
        "lesions unlike those that the model was trained on",
        "works; each has the flag `unlike_training` in table and report; "
        "a warning where they are more than a tenth",
        f"{_HERE}::test_lesions_unlike_the_training_are_flagged",
    ),
)


# ---- a phantom dataset, as a user runs it ----
@pytest.fixture(scope="module")
def output_dir(tmp_path_factory) -> Path:
    """01 is right; 02 has a magnitude as Chimap, 03 lesions 12 mm off, 04 a QSM of 7 times the contrast."""
    place = tmp_path_factory.mktemp("plausibility")
    bids = phantoms.write_dataset(place / "bids", phantoms.DatasetSpec(subjects=("01", "02", "03", "04")))
    magnitude = load_image(next(bids.glob("sub-02/anat/*part-mag*.nii.gz"))).volume
    _chimap(bids, "02", magnitude.with_data(magnitude.data + 1))
    (lesions,) = (bids / "derivatives" / "lesions").glob("sub-03/anat/*_dseg.nii.gz")
    labels = load_labels(lesions).volume
    save_volume(labels.with_data(np.roll(labels.data, 12, axis=2)), lesions)
    strong = load_image(next((bids / "derivatives" / "qsm").glob("sub-04/anat/*_Chimap.nii.gz"))).volume
    _chimap(bids, "04", strong.with_data(strong.data * np.float32(7000)))
    model = write_tiny_model(place / "model", place / "scratch")
    run_participants(
        ParticipantSettings(
            bids, place / "out", model=model, resources=ResourceSettings(nprocs=2, device="cpu")
        )
    )
    return place / "out"


def _chimap(bids: Path, subject: str, image) -> None:
    """Replace a Chimap by an image in ppb whose sidecar says nothing of a unit."""
    (path,) = (bids / "derivatives" / "qsm").glob(f"sub-{subject}/anat/*_Chimap.nii.gz")
    save_volume(image, path)
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text('{"SkullStripped": true}')


def _status(output_dir: Path, subject: str):
    return json.loads((output_dir / "logs" / f"status-sub-{subject}.json").read_text())


def test_a_magnitude_as_chimap_is_refused(output_dir):
    status = _status(output_dir, "02")
    assert (status["state"], status["exit_code"]) == ("failed", 65)
    assert "sub-02_Chimap.nii.gz: 0.0% of the brain is negative" in status["reason"]


def test_lesions_where_the_flair_shows_none_are_warned_of_everywhere(output_dir):
    words = "the lesions are hardly brighter than their surroundings on the FLAIR"
    (warning,) = [text for text in _status(output_dir, "03")["warnings"] if words in text]
    assert warning.startswith("sub-03_space-FLAIR_desc-lesions_dseg.nii.gz: ")
    page = (output_dir / "sub-03.html").read_text()
    assert page.index(words) < page.index('id="table"')
    assert f"WARNING sub-03: {warning}" in (output_dir / "logs" / "participant.log").read_text()
    sidecar = output_dir / "sub-03" / "anat" / "sub-03_space-Chimap_desc-rim_dseg.json"
    assert warning in json.loads(sidecar.read_text())["PlausibilityWarnings"]
    assert not any(words in text for text in _status(output_dir, "01")["warnings"])


def test_lesions_unlike_the_training_are_flagged(output_dir):
    def table(subject):
        return read_lesion_table(
            output_dir / f"sub-{subject}/anat/sub-{subject}_space-Chimap_desc-lesions_dseg.tsv"
        ).frame

    assert (table("01")["training_distance"] < 3).all()
    assert not table("01")["flags"].str.contains("unlike_training").any()
    far = table("04")
    assert (far["training_distance"] > 3).sum() >= 3
    assert ((far["training_distance"] > 3) == far["flags"].str.contains("unlike_training")).all()
    page = (output_dir / "sub-04.html").read_text()
    assert "are unlike those that the model was trained on" in page
    assert "its probability is not to be relied on" in page
    assert "unlike those" in _status(output_dir, "04")["warnings"][0]


# ---- a head with veins and nuclei, as far as preprocessing ----
def _prepare(head: Head, folder: Path, **settings):
    images = {
        "Chimap": to_ppm(head.qsm),
        "FLAIR": head.flair,
        "T2starw": head.magnitude,
        "dseg": head.lesions,
    }
    for name, image in images.items():
        save_volume(image, folder / f"{name}.nii")
    key = SessionKey("01")
    inputs = SubjectInputs(
        key=key, qsm=folder / "Chimap.nii", flair=folder / "FLAIR.nii", magnitude=folder / "T2starw.nii",
        lesions=folder / "dseg.nii", lesions_kind="instances", lesions_space="QSM", qsm_units="ppm",
    )  # fmt: skip
    steps = PreprocessingSettings(registration="header", **settings)
    return prepare_subjects([inputs], steps, (2.0, 2.0, 2.0), folder / "work", ResourceSettings())[key]


def _warnings(outcome) -> str:
    assert isinstance(outcome, PreparedSubject), outcome
    return " ".join(outcome.warnings)


def test_a_right_head_is_not_doubted(tmp_path):
    assert _warnings(_prepare(draw_adult_head(), tmp_path)) == ""


def test_a_qsm_of_the_wrong_sign_is_refused(tmp_path):
    head = draw_adult_head()
    wrong = replace(head, qsm=head.qsm.with_data(-head.qsm.data))
    (tmp_path / "on").mkdir()
    error = _prepare(wrong, tmp_path)
    assert isinstance(error, InputError)
    assert error.exit_code == 65
    assert "Chimap.nii: veins and deep grey matter are darker than white matter" in str(error)
    warned = _warnings(_prepare(wrong, tmp_path / "on", implausible_qsm="warn"))
    assert "veins are not brighter" in warned
    assert "no deep grey matter brighter" in warned


def test_a_qsm_of_the_wrong_sign_is_refused_whatever_its_background(tmp_path):
    head = draw_adult_head()
    exported = np.where(head.qsm.data == 0, np.float32(-500), head.qsm.data)
    for name, sign, passes in (("right", 1, True), ("wrong", -1, False)):
        (tmp_path / name).mkdir()
        found = _prepare(replace(head, qsm=head.qsm.with_data(sign * exported)), tmp_path / name)
        assert isinstance(found, PreparedSubject) is passes, found
    assert "the sign of the map is inverted" in str(found)


def test_a_field_map_is_doubted(tmp_path):
    head = draw_adult_head()
    found = _prepare(replace(head, qsm=head.qsm.with_data(_field(head))), tmp_path)
    assert "veins are not brighter than the darkest tissue" in _warnings(found)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda qsm: np.flip(qsm, 0),
        lambda qsm: np.flip(qsm, 1),
        lambda qsm: np.roll(qsm, 4, 1),
        lambda qsm: draw_adult_head(seed=1).qsm.data,
    ],
)
def test_a_qsm_that_does_not_lie_on_its_magnitude_is_doubted(spoil, tmp_path):
    head = draw_adult_head()
    found = _prepare(replace(head, qsm=head.qsm.with_data(spoil(head.qsm.data).copy())), tmp_path)
    assert "Chimap.nii: the map does not lie on its magnitude" in _warnings(found)


def test_a_t1w_in_place_of_the_flair_is_doubted(tmp_path):
    head = draw_adult_head()
    assert "this may be a T1w image" in _warnings(_prepare(replace(head, flair=head.t1w), tmp_path))


def _field(head: Head):
    """The field of the head's susceptibility, ppb: the dipole kernel along k."""
    kx, ky, kz = np.meshgrid(*(np.fft.fftfreq(n) for n in head.qsm.shape), indexing="ij", sparse=True)
    square = kx**2 + ky**2 + kz**2
    kernel = 1 / 3 - kz**2 / np.where(square == 0, 1, square)
    kernel[0, 0, 0] = 0
    inside = np.where(head.brain.data, head.qsm.data + 30, 0)
    field = np.fft.ifftn(np.fft.fftn(inside) * kernel).real
    return np.where(head.brain.data, field, 0).astype(np.float32)
