"""A known motion is found; a result that does not help is dropped."""

from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.errors import PreprocessingError
from qsmrim_app.images import load_image, load_labels, to_ras
from qsmrim_app.preprocessing.bias_correction import correct_bias
from qsmrim_app.preprocessing.input_gate import load_qsm
from qsmrim_app.preprocessing.registration import register_flair, registration_warnings
from qsmrim_app.preprocessing.session_mask import mask_for_flair, session_mask
from qsmrim_app.records import Volume
from qsmrim_app.settings import PreprocessingSettings
from tests import phantoms
from tests.preprocessing.sessions import error_mm, flipped, itk_threads

SETTINGS = PreprocessingSettings(sampling_fraction=0.5)  # the phantom is small


@pytest.fixture(scope="module")
def qsm():
    return phantoms.draw_head(phantoms.qsm_grid(oblique=True), seed=1)


@pytest.fixture(scope="module")
def flair():
    return phantoms.draw_head(phantoms.flair_grid(), grid_to_qsm_mm=phantoms.FLAIR_TO_QSM_MM, seed=2)


@pytest.fixture(scope="module")
def result(qsm, flair):
    return register_flair(qsm.magnitude, flair.flair, qsm.brain_mask, SETTINGS)


def test_a_known_motion_is_found(result, flair):
    assert error_mm(np.eye(4), phantoms.FLAIR_TO_QSM_MM, flair.labels) > 1.5
    assert error_mm(result.flair_to_qsm, phantoms.FLAIR_TO_QSM_MM, flair.labels) < 0.3
    assert (result.kind, result.backend, result.fell_back) == ("rigid", "sitk", False)
    assert result.similarity_after > result.similarity_before
    assert result.overlap_after > result.overlap_before
    rotation = result.flair_to_qsm[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert registration_warnings(result) == ()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_same_input_and_seed_same_bits(result, qsm, flair, threads):
    with itk_threads(threads):
        again = register_flair(qsm.magnitude, flair.flair, qsm.brain_mask, SETTINGS)
    assert again.flair_to_qsm.tobytes() == result.flair_to_qsm.tobytes()
    assert again.similarity_after == result.similarity_after


def test_another_seed_takes_other_samples(result, qsm, flair):
    other = register_flair(qsm.magnitude, flair.flair, qsm.brain_mask, replace(SETTINGS, random_seed=7))
    assert other.flair_to_qsm.tobytes() != result.flair_to_qsm.tobytes()


def test_an_image_stored_the_other_way_round_gives_the_same_bits(result, qsm, flair):
    turned = to_ras(flipped(flair.flair, 0))
    again = register_flair(to_ras(flipped(qsm.magnitude, 1)), turned, qsm.brain_mask, SETTINGS)
    np.testing.assert_allclose(again.flair_to_qsm, result.flair_to_qsm, atol=1e-6)


def test_a_head_far_off_is_found_by_its_centre(qsm, flair):
    far = phantoms.rigid((0, 0, 0), (60.0, -45.0, 50.0))  # nothing meets by the headers alone
    moved = Volume(flair.flair.data, far @ flair.flair.affine)
    labels = Volume(flair.labels.data, moved.affine)
    found = register_flair(qsm.magnitude, moved, qsm.brain_mask, SETTINGS).flair_to_qsm
    assert error_mm(found, phantoms.FLAIR_TO_QSM_MM @ np.linalg.inv(far), labels) < 0.4


def test_affine_is_affine(qsm, flair):
    found = register_flair(
        qsm.magnitude, flair.flair, qsm.brain_mask, replace(SETTINGS, registration="affine")
    )
    assert found.kind == "affine"
    assert error_mm(found.flair_to_qsm, phantoms.FLAIR_TO_QSM_MM, flair.labels) < 0.7


def test_a_sheared_image_is_registered_where_it_lies(qsm, flair):
    affine = flair.flair.affine.copy()
    affine[:3, 0] += 0.05 * affine[:3, 1]
    sheared = phantoms.draw_head(
        Volume(flair.flair.data, affine), grid_to_qsm_mm=phantoms.FLAIR_TO_QSM_MM, seed=2
    )
    found = register_flair(qsm.magnitude, sheared.flair, qsm.brain_mask, SETTINGS)
    assert error_mm(found.flair_to_qsm, phantoms.FLAIR_TO_QSM_MM, sheared.labels) < 0.4


def test_a_registration_that_is_right_is_better_than_any_place_nearby(result):
    assert result.similarity_drop > 0.1


def test_a_place_that_is_hardly_better_than_others_is_said(result):
    assert registration_warnings(result) == ()
    doubtful = replace(result, similarity_drop=0.1 * result.similarity_after)
    (warning,) = registration_warnings(doubtful)
    assert "it would lose 0.10 of the mutual information" in warning
    by_header = replace(doubtful, kind="header", similarity_before=0.2 * result.similarity_after)
    assert by_header.share_lost == pytest.approx(0.5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_image_that_is_not_aligned_is_said_to_fit_better_elsewhere(qsm, flair, axis):
    far = phantoms.FLAIR_TO_QSM_MM.copy()
    far[axis, 3] += 12.0
    moved = Volume(flair.flair.data, far @ flair.flair.affine)
    found = register_flair(qsm.magnitude, moved, qsm.brain_mask, replace(SETTINGS, registration="header"))
    assert found.similarity_drop < 0
    assert "fits the QSM better when it is moved by 5 to 20 mm from where the header puts it" in " ".join(
        registration_warnings(found)
    )


def test_header_alone_registers_nothing(qsm, flair):
    found = register_flair(
        qsm.magnitude, flair.flair, qsm.brain_mask, replace(SETTINGS, registration="header")
    )
    np.testing.assert_array_equal(found.flair_to_qsm, np.eye(4))
    assert (found.kind, found.fell_back) == ("header", False)
    assert found.similarity_after == found.similarity_before


def test_a_registration_that_does_not_help_falls_back_to_the_header(qsm, flair):
    found = register_flair(
        qsm.magnitude, flair.flair, qsm.brain_mask, replace(SETTINGS, min_similarity_gain=10.0)
    )
    np.testing.assert_array_equal(found.flair_to_qsm, np.eye(4))
    assert found.fell_back
    assert found.kind == "header"
    assert "the header was used" in registration_warnings(found)[0]


def test_noise_against_a_head_is_not_registered(qsm, rng):
    noise = Volume(rng.normal(100, 10, phantoms.FLAIR_SHAPE).astype(np.float32), phantoms.flair_grid().affine)
    found = register_flair(qsm.magnitude, noise, qsm.brain_mask, SETTINGS)
    assert found.similarity_after < 0.1


def test_little_overlap_is_said(result):
    assert "overlap little (Dice 0.30)" in registration_warnings(replace(result, overlap_after=0.3))[0]


def test_without_a_brain(qsm, flair):
    empty = qsm.brain_mask.with_data(np.zeros(phantoms.QSM_SHAPE, dtype=bool))
    with pytest.raises(PreprocessingError, match="brain mask is empty"):
        register_flair(qsm.magnitude, flair.flair, empty, SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rigid", "affine"])
def test_ants_finds_it_too_and_leaves_nothing_behind(qsm, flair, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = replace(SETTINGS, backend="ants", registration=kind)
    found = register_flair(qsm.magnitude, flair.flair, qsm.brain_mask, settings)
    assert (found.kind, found.backend) == (kind, "ants")
    assert error_mm(found.flair_to_qsm, phantoms.FLAIR_TO_QSM_MM, flair.labels) < 0.7
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["LJ07", "LJ19"])
def test_real_flair_comes_within_half_a_millimetre(real_data, subject):
    anat = real_data / "semireal" / f"sub-{subject}" / "anat"
    derivatives = real_data / "semireal" / "derivatives"
    qsm, _, _ = load_qsm(derivatives / f"qsm/sub-{subject}/anat/sub-{subject}_Chimap.nii.gz", "ppm")
    flair = load_image(anat / f"sub-{subject}_FLAIR.nii.gz").volume
    magnitude = load_image(anat / f"sub-{subject}_part-mag_T2starw.nii.gz").volume
    brain = session_mask(qsm, magnitude, flair, None).mask
    corrected = correct_bias(flair, mask_for_flair(brain, flair), 4)
    found = register_flair(magnitude, corrected, brain, PreprocessingSettings())
    name = f"sub-{subject}_from-FLAIR_to-T2starw_mode-points_xfm.txt"
    truth = np.loadtxt(real_data / "semireal_truth" / f"sub-{subject}" / name)
    lesions = derivatives / f"lesions/sub-{subject}/anat/sub-{subject}_space-FLAIR_desc-lesions_dseg.nii.gz"
    assert error_mm(found.flair_to_qsm, truth, load_labels(lesions).volume) <= 0.5
