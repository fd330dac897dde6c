import dataclasses

import numpy as np
import pytest

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.cohort import simulate_participant
from qsmrim_app.simulation.drawing import draw_participant

SETTINGS = SimulationSettings(
    seed=11,
    spacing_mm=(1.0, 1.0, 3.0),
    flair_spacing_mm=(2.0, 2.0, 2.0),
    rim_prevalence=0.3,
    guarantee_rim=True,
)


def _small(number):
    """A participant with a head of two thirds of the size, which takes a quarter of the time."""
    plan = draw_participant(SETTINGS, number)
    smaller = dataclasses.replace(plan.anatomy, scale=(0.66, 0.66, 0.66))
    return dataclasses.replace(plan, anatomy=smaller, reference="csf")


@pytest.fixture(scope="module")
def participant():
    return simulate_participant(_small(2), SETTINGS)


def test_a_plan_depends_on_seed_and_number_alone():
    plan = draw_participant(SETTINGS, 3)
    many = dataclasses.replace(SETTINGS, n_participants=50, nprocs=2)
    assert draw_participant(many, 3) == plan
    assert draw_participant(SETTINGS, 4).anatomy != plan.anatomy
    assert draw_participant(dataclasses.replace(SETTINGS, seed=12), 3).anatomy != plan.anatomy


def test_the_map_is_masked_oblique_and_zero_in_csf(participant):
    qsm = participant.qsm
    assert qsm.data.dtype == np.float32
    assert qsm.spacing_mm == pytest.approx((1.0, 1.0, 3.0))
    assert not np.allclose(qsm.affine[:3, :3], np.diag(np.diag(qsm.affine[:3, :3])))
    assert 0.2 < (qsm.data != 0).mean() < 0.7
    ventricles = (participant.magnitude.data > np.percentile(participant.magnitude.data, 99.5)) & (
        qsm.data != 0
    )
    assert participant.plan.reference == "csf"
    assert abs(np.median(qsm.data[ventricles])) < 25


def test_the_map_has_the_spread_of_a_real_one(participant):
    values = participant.qsm.data[participant.qsm.data != 0]
    low, middle, high = np.percentile(values, [1, 50, 99])
    zero = -25 if participant.plan.reference == "csf" else 0  # real maps: -39 to -2, by their reference
    assert -90 < low - middle < -25
    assert abs(middle - zero) < 25
    assert 15 < high < 160


def test_there_is_a_reading_for_every_label(participant):
    labels = np.unique(participant.labels.data)
    assert participant.labels.data.dtype == np.int32
    assert labels.tolist() == list(range(len(participant.votes) + 1))
    assert len(participant.votes) == len(participant.lesions)
    assert [vote.truth for vote in participant.votes] == [plan.is_rim for plan in participant.lesions]
    total = len(participant.lesions) + participant.n_not_outlined + participant.n_without_room
    assert total == len(participant.plan.lesions)


def test_lesions_are_bright_on_flair_where_the_motion_says(participant):
    flair, labels = participant.flair, participant.labels
    world = labels.affine @ np.vstack([np.argwhere(labels.data > 0).T, np.ones((labels.data > 0).sum())])
    index = np.linalg.inv(flair.affine) @ np.linalg.inv(participant.flair_to_qsm) @ world
    inside = flair.data[tuple(np.rint(index[:3]).astype(int))]
    assert np.median(inside) > np.percentile(flair.data[flair.data > 200], 90)


@pytest.mark.slow
def test_the_same_plan_gives_the_same_images(participant):
    again = simulate_participant(_small(2), SETTINGS)
    for name in ("qsm", "flair", "magnitude", "labels", "flair_labels"):
        assert np.array_equal(getattr(again, name).data, getattr(participant, name).data)


@pytest.mark.slow
def test_two_participants_differ_in_more_than_their_lesions(participant):
    other = simulate_participant(_small(5), SETTINGS)
    middle = [_middle(image.qsm.data) for image in (other, participant)]
    assert abs(np.corrcoef(*middle)[0, 1]) < 0.9


def _middle(data):
    return data[tuple(slice(size // 2 - 8, size // 2 + 8) for size in data.shape)].ravel()
