import math

import numpy as np
import pytest
from scipy.stats import linregress, pearsonr

from qsmrim_app.evaluation.bootstrap import SubjectDraws, draw_subjects
from qsmrim_app.evaluation.counts import (
    SubjectCounts,
    correlation,
    regression,
    resampled_mean_squared_error,
    subject_counts,
)
from qsmrim_app.evaluation.scored_lesions import ScoredLesions


def _counts(predicted, expert):
    subjects = tuple(f"{row:02d}" for row in range(len(predicted)))
    return SubjectCounts(subjects, np.array(predicted, dtype=float), np.array(expert, dtype=float))


def test_counts_by_hand():
    rows = [  # subject, session, called, rim
        ("b", "1", 1, 1), ("b", "1", 1, 0), ("b", "2", 0, 1), ("b", "2", 0, 0),
        ("a", "1", 0, 0), ("c", "1", 1, 1), ("c", "1", 1, 1), ("c", "1", 0, 1),
    ]  # fmt: skip
    keys = tuple((subject, session, index) for index, (subject, session, _, _) in enumerate(rows))
    called, rim = (np.array([row[column] for row in rows], dtype=float) for column in (2, 3))
    found = subject_counts(ScoredLesions(keys, np.zeros(8), rim, called, called > 0))
    assert found.subjects == ("a", "b", "c")  # one without a rim counts
    assert found.predicted.tolist() == [0, (2 + 0) / 2, 2]  # sessions are averaged first
    assert found.expert.tolist() == [0, (1 + 1) / 2, 3]


def test_correlation_and_interval_are_those_of_scipy(rng):
    predicted = rng.poisson(2, 40)
    expert = predicted + rng.poisson(1, 40)
    found = correlation(_counts(predicted, expert))
    expected = pearsonr(predicted, expert)
    interval = expected.confidence_interval(0.95)
    assert found.n == 40
    assert found.value == pytest.approx(expected.statistic)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-5)  # 1.96


def test_regression_is_that_of_scipy_and_its_band_at_zero_that_of_the_intercept(rng):
    expert = rng.poisson(2, 30)
    predicted = 0.7 * expert + rng.normal(0, 1, 30)
    found = regression(_counts(predicted, expert), np.array([0.0, 3.0]))
    expected = linregress(expert, predicted)
    assert (found.slope, found.intercept) == pytest.approx((expected.slope, expected.intercept))
    assert found.y[1] == pytest.approx(expected.intercept + 3 * expected.slope)
    t = 2.048407  # of 28 degrees of freedom, 97.5 %
    assert found.high[0] - found.y[0] == pytest.approx(t * expected.intercept_stderr, rel=1e-6)
    assert found.y[0] - found.low[0] == pytest.approx(found.high[0] - found.y[0])


@pytest.mark.parametrize(("predicted", "expert"), [([1, 2, 3], [1, 2, 4]), ([1, 2, 3, 4], [2, 2, 2, 2])])
def test_no_line_where_none_is_defined(predicted, expert):
    assert regression(_counts(predicted, expert), np.zeros(1)) is None


def test_the_papers_interval():
    # r = 0.89 of 172 subjects: 0.86 to 0.92 (0.854 by this formula)
    low, high = (math.tanh(math.atanh(0.89) + side * 1.96 / math.sqrt(169)) for side in (-1, 1))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 172))
    x, y = (x - x.mean()) / x.std(), y - y.mean()
    y -= x * (x @ y) / (x @ x)
    y = 0.89 * x + math.sqrt(1 - 0.89**2) * y / y.std()
    found = correlation(_counts(x, y))
    assert (found.value, found.low, found.high) == pytest.approx((0.89, low, high))


@pytest.mark.parametrize(
    ("predicted", "expert"),
    [([1, 2, 3], [1, 2, 4]), ([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [2, 2, 2, 2]), ([], [])],
)
def test_undefined_for_few_subjects_and_without_variance(predicted, expert):
    found = correlation(_counts(predicted, expert))
    assert found.n == len(predicted)
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_straight_line_has_no_spread():
    found = correlation(_counts([1, 2, 3, 5], [3, 5, 7, 11]))
    assert (found.value, found.low, found.high) == (1, 1, 1)
    found = correlation(_counts([1, 2, 3, 5], [-1, -2, -3, -5]))
    assert (found.value, found.low, found.high) == (-1, -1, -1)


def test_mean_squared_error_by_hand():
    draws = SubjectDraws(("00", "01", "02"), np.array([[1.0, 1, 1], [3, 0, 0], [0, 1, 2], [0, 0, 3]]))
    found = resampled_mean_squared_error(_counts([1, 2, 5], [1, 4, 2]), draws)
    assert found.value == pytest.approx((0 + 4 + 9) / 3)
    assert found.drawn.tolist() == pytest.approx([13 / 3, 0, 22 / 3, 9])


def test_a_draw_without_the_subjects_that_a_variant_has_is_unusable():
    draws = SubjectDraws(("00", "01"), np.array([[1.0, 1], [0, 2]]))
    found = resampled_mean_squared_error(_counts([1], [3]), draws)
    assert found.drawn[0] == 4
    assert np.isnan(found.drawn[1])


def test_no_subjects(rng):
    assert math.isnan(resampled_mean_squared_error(_counts([], []), draw_subjects({"a": 0}, rng, 5)).value)
