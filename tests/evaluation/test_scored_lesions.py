import numpy as np
import pytest

from qsmrim_app.errors import TableError
from qsmrim_app.evaluation.scored_lesions import ScoredLesions


def _lesions(keys, rim):
    n = len(keys)
    return ScoredLesions(tuple(keys), np.zeros(n), np.array(rim), np.zeros(n), np.zeros(n, dtype=bool))


def test_subjects_and_truth_go_by_row():
    lesions = _lesions([("b", "", 1), ("a", "", 1)], [1.0, 0.0])
    assert lesions.subjects.tolist() == ["b", "a"]
    assert lesions.truth.tolist() == [True, False]
    assert len(lesions) == 2


@pytest.mark.parametrize(
    ("keys", "rim"),
    [
        ([("a", "", 1), ("a", "", 1)], [1.0, 0.0]),
        ([("a", "", 1)], [1.0, 0.0]),
        ([("a", "", 1)], [np.nan]),
    ],
)
def test_a_lesion_twice_a_missing_row_and_an_unrated_lesion_are_refused(keys, rim):
    with pytest.raises(TableError):
        _lesions(keys, rim)
