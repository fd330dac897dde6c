"""A map on its magnitude is told from one that is turned, shifted, or another head's."""

import numpy as np
import pytest

from qsmrim_app.preprocessing.magnitude_evidence import magnitude_fit
from qsmrim_app.preprocessing.plausibility import LEAST_MAGNITUDE_FIT
from tests import phantoms
from tests.preprocessing.heads import draw_adult_head


@pytest.fixture(scope="module")
def head():
    return draw_adult_head()


def fit_of(head, qsm, brain=None):
    return magnitude_fit(head.qsm.with_data(qsm), head.magnitude, brain or head.brain)


def test_a_map_on_its_magnitude(head):
    assert fit_of(head, head.qsm.data) > 2 * LEAST_MAGNITUDE_FIT


@pytest.mark.parametrize("axes", [0, 1, 2, (0, 1), (0, 1, 2)])
def test_a_map_that_is_turned_fits_better_turned_back(head, axes):
    turned = head.brain.with_data(np.flip(head.brain.data, axes))
    assert fit_of(head, np.flip(head.qsm.data, axes), turned) < 0.5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_map_that_is_shifted_fits_better_shifted_back(head, axis):
    shifted = head.brain.with_data(np.roll(head.brain.data, 5, axis))  # 10 mm
    assert fit_of(head, np.roll(head.qsm.data, 5, axis), shifted) < 0.5


def test_the_map_of_another_head(head):
    other = draw_adult_head(seed=1)
    assert fit_of(head, other.qsm.data, other.brain) < LEAST_MAGNITUDE_FIT


def test_too_little_brain_is_not_judged():
    small = phantoms.draw_head(phantoms.qsm_grid())
    assert np.isnan(magnitude_fit(small.qsm, small.magnitude, small.brain_mask))


def test_an_empty_magnitude_is_not_judged(head):
    nothing = head.magnitude.with_data(np.zeros_like(head.magnitude.data))
    assert np.isnan(magnitude_fit(head.qsm, nothing, head.brain))
