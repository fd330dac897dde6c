import dataclasses

import numpy as np
import pytest

from studies.lesion_measures import Request, measure_participant
from tests.studies.people import LONELY, PLAIN, RIM, write_person

VOLUME = 9 * 9 * 3 * 0.75 * 0.75 * 3


@pytest.fixture
def person(tmp_path):
    return write_person(tmp_path)


def test_ratings_go_to_lesions_by_label_and_not_by_order(person):
    rows = {row["index"]: row for row in measure_participant(Request(person, False, False)).lesions}
    assert list(rows) == [RIM, PLAIN, LONELY]
    assert [rows[label]["rim_truth"] for label in rows] == [1, 0, 0]
    assert [rows[label]["rim_rater2"] for label in (RIM, PLAIN)] == [1, 1]
    assert np.isnan(rows[LONELY]["rim"])
    assert rows[RIM]["layer_ppb"] == pytest.approx(50, abs=1e-3)
    assert rows[PLAIN]["layer_ppb"] == pytest.approx(0, abs=1e-3)
    assert rows[PLAIN]["contrast_ppb"] == pytest.approx(30, abs=1e-3)
    assert rows[RIM]["extent_vox"] == (9, 9, 3)


def test_plain_masks_take_the_rating_of_the_lesion_they_overlap(person):
    measured = measure_participant(Request(person, False, True))
    assert [(row["index"], row["partner"], row["rim"]) for row in measured.flair_lesions] == [
        (1, RIM, 1),
        (2, PLAIN, 0),
    ]
    assert measured.flair_volumes == pytest.approx([VOLUME, VOLUME])
    assert measured.merged_volumes == pytest.approx([VOLUME] * 3)
    assert measured.n_flair_lost == 0


def test_a_cohort_without_plain_masks_is_measured_too(person):
    measured = measure_participant(Request(dataclasses.replace(person, flair_lesions=None), False, True))
    assert len(measured.lesions) == 3
    assert measured.flair_lesions == measured.flair_volumes == ()
    assert measured.statistics is None
