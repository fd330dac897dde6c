import math

import numpy as np
import pytest

from qsmrim_app.errors import TableError
from qsmrim_app.evaluation.metrics import Confusion, confusion


def test_hand_counted():
    predicted = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    rim = np.array([1.0, 1, 0, 1, 0, 0, 0, 0])
    found = confusion(predicted, rim)
    assert found == Confusion(tp=2, fp=1, fn=1, tn=4)
    assert found.sensitivity == found.ppv == found.f1 == pytest.approx(2 / 3)
    assert found.specificity == 4 / 5
    assert found.accuracy == 6 / 8
    assert (found.to_review, found.saved) == (3, 1 - 3 / 8)


@pytest.mark.parametrize("tp", [177, 168, 100])
def test_the_papers_own_arithmetic_counts_every_rim_whatever_is_missed(tp):
    paper = Confusion(tp=tp, fp=538, fn=177 - tp, tn=3986 - 538)
    assert paper.n == 4163
    assert paper.paper_to_review == 538 + 177 == 715
    assert round(100 * paper.paper_saved, 1) == 82.8
    assert paper.to_review == 538 + tp
    assert paper.saved >= paper.paper_saved


def test_folds_add_up():
    assert Confusion(1, 2, 3, 4) + Confusion(10, 20, 30, 40) == Confusion(11, 22, 33, 44)


def test_ratios_without_a_denominator_are_undefined():
    nothing = Confusion(0, 0, 0, 0)
    for ratio in (
        nothing.sensitivity,
        nothing.specificity,
        nothing.ppv,
        nothing.f1,
        nothing.accuracy,
        nothing.saved,
    ):
        assert math.isnan(ratio)


@pytest.mark.parametrize("odd", [np.nan, 2.0, 0.5])
def test_an_unrated_lesion_cannot_be_evaluated(odd):
    with pytest.raises(TableError, match="expert rim status of 0 or 1"):
        confusion(np.array([True, False]), np.array([1.0, odd]))
