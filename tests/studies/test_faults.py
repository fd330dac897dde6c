"""The faults that the checks of plausibility are tried on are the faults that they are called."""

import dataclasses

import numpy as np
import pytest

from qsmrim_app.tables.lesion_samples import concatenate_samples
from studies.faults import (
    Images,
    flair_faults,
    flairs_to_register,
    lesion_faults,
    moved,
    placement_faults,
    qsm_faults,
)
from studies.training_distance import out_of_fold, row
from tests.phantom_samples import lesion_samples
from tests.preprocessing.heads import draw_adult_head


@pytest.fixture(scope="module")
def images():
    head = draw_adult_head()
    return Images(head.qsm, head.magnitude, head.brain, head.lesions, head.flair, head.lesions, head.t1w)


def test_an_image_is_moved_by_its_header_alone(images):
    far = moved(images.flair, (20.0, 0.0, -3.0))
    np.testing.assert_array_equal(far.affine[:3, 3] - images.flair.affine[:3, 3], [20, 0, -3])
    assert far.data is images.flair.data


def test_faults_of_the_qsm(images):
    made = dict(qsm_faults(images))
    np.testing.assert_array_equal(made["QSM of the wrong sign"].data, -images.qsm.data)
    field = made["field map as QSM"].data
    assert not field[~images.brain.data].any()
    assert abs(field[images.brain.data].mean()) < 1  # a dipole has as much above as below
    assert field.std() < images.qsm.data[images.brain.data].std()


def test_a_qsm_off_its_magnitude(images):
    data = images.qsm.data
    made = [(case, volume.data) for case, volume in placement_faults(images, images)]
    np.testing.assert_array_equal(made[0][1], data)
    mirrored = [found for case, found in made if case == "QSM mirrored along an axis"]
    for found, wanted in zip(mirrored, (data[::-1], data[:, ::-1], data[:, :, ::-1]), strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(dict(made)["QSM 10 voxels off"][10:], data[:-10])
    np.testing.assert_allclose(dict(made)["QSM of another participant"], data, atol=1e-3)


def test_flairs_that_lie_wrong_on_their_own_grid(images):
    apart = dataclasses.replace(images, flair=moved(images.flair, (500.0, 0.0, 0.0)))
    made = dict(flairs_to_register(images, apart))
    np.testing.assert_array_equal(made["FLAIR left to right, registered"].data, images.flair.data[::-1])
    centred = made["FLAIR of another participant, registered"].affine
    np.testing.assert_allclose(centred, images.flair.affine, atol=1e-6)
    assert len(dict(flairs_to_register(images, None))) == 2


def test_faults_of_the_flair(images):
    made = dict(flair_faults(images, images.flair, np.eye(4)))
    lesion, brain = images.lesions.data > 0, images.brain.data
    for case in ("T1w as FLAIR (real)", "T1w as FLAIR (FLAIR turned over at its median)"):
        assert np.median(made[case].data[lesion]) < np.median(made[case].data[brain]), case
    shifted = made["FLAIR 20 mm forward, lesions on the QSM"].data
    np.testing.assert_array_equal(shifted[:, 10:], images.flair.data[:, :-10])  # voxels of 2 mm


def test_faults_of_the_lesions(images):
    made = dict(lesion_faults(images, moved(images.lesions, (500.0, 0.0, 0.0)), np.eye(4)))
    np.testing.assert_array_equal(made["plain FLAIR masks"].data, images.lesions.data)
    np.testing.assert_array_equal(made["lesion map of another participant"].data, images.lesions.data)
    right = made["lesion map 20 mm right"].data
    expected = np.where(images.brain.data[10:], images.lesions.data[:-10], 0)
    np.testing.assert_array_equal(right[10:], expected)


def test_lesions_out_of_fold_are_measured_by_others(rng):
    samples = concatenate_samples([lesion_samples(20, rng)])
    odd = samples.keys[0][0]
    samples.features[samples.subjects == odd] += 500
    distances = out_of_fold(samples)
    assert sum(map(len, distances)) == 20
    assert sorted(one.min() > 3 for one in distances) == [False] * 9 + [True]
    assert row("case", distances).startswith("case | 20 | 2 (10.0%) | 10 | 1 | ")
