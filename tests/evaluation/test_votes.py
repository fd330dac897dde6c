import numpy as np
import pytest

from qsmrim_app.errors import ModelError
from qsmrim_app.evaluation.votes import count_votes, median_of_members


def test_hand_counted():
    found = count_votes(np.array([[0.1, 0.9, 0.5], [0.2, 0.3, 0.1]]), 0.3)
    assert found.p_rim.tolist() == [0.5, 0.2]
    np.testing.assert_allclose(found.p_rim_mean, [0.5, 0.2])
    np.testing.assert_allclose(found.p_rim_sd, [np.sqrt(0.32 / 3), np.sqrt(0.02 / 3)])
    assert found.votes.tolist() == [2, 1]
    assert found.rim.tolist() == [True, False]


@pytest.mark.parametrize("members", [1, 3, 5])
def test_the_median_reaches_the_threshold_exactly_with_the_majority(members, rng):
    p = rng.integers(0, 11, (500, members)) / 10  # ties with the threshold occur
    for threshold in (0.0, 0.3, 0.5, 1.0):
        found = count_votes(p, threshold)
        np.testing.assert_array_equal(found.rim, found.votes > members / 2)


def test_an_even_number_of_members_is_refused():
    with pytest.raises(ModelError, match="odd number of members"):
        median_of_members(np.zeros((3, 2)))


def test_no_lesions():
    found = count_votes(np.zeros((0, 3)), 0.5)
    assert found.p_rim.shape == found.votes.shape == found.rim.shape == found.p_rim_sd.shape == (0,)
