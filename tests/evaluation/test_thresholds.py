import numpy as np
import pytest

from qsmrim_app.evaluation.metrics import confusion
from qsmrim_app.evaluation.thresholds import (
    cross_fitted_thresholds,
    f1_threshold,
    high_sensitivity_threshold,
    scored_fold_thresholds,
)


def _random(rng, n=60):
    rim = (rng.random(n) < 0.3).astype(float)
    return np.round(np.clip(0.3 * rim + rng.random(n) * 0.7, 0, 1), 1), rim  # one decimal: many ties


def test_f1_by_hand():
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    rim = np.array([1, 0, 1, 0, 0])
    assert f1_threshold(p, rim) == 0.7  # F1 2/3, 1/2, 4/5, 2/3, 4/7


def test_of_equally_good_thresholds_the_highest():
    # F1 is 2/3 at 0.9 and at 0.5
    assert f1_threshold(np.array([0.9, 0.8, 0.7, 0.5]), np.array([1, 0, 0, 1])) == 0.9


def test_f1_equals_the_naive_search(rng):
    for _ in range(50):
        p, rim = _random(rng)
        scores = sorted(set(p.tolist()), reverse=True)
        naive = max(scores, key=lambda t: (round(confusion(p >= t, rim).f1, 12), t))
        assert f1_threshold(p, rim) == naive


def test_without_rim_lesions_nothing_is_called():
    assert f1_threshold(np.array([0.3, 0.2]), np.zeros(2)) == 1.0
    assert f1_threshold(np.zeros(0), np.zeros(0)) == 1.0


def test_high_sensitivity_by_hand():
    # sensitivities 1/3, 1/3, 2/3, 2/3, 1: the largest below 0.95 is 2/3, first reached at 0.7
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert high_sensitivity_threshold(p, np.array([1, 0, 1, 0, 1])) == 0.7


def test_high_sensitivity_stays_below_the_limit():
    rim = np.ones(20)
    p = np.linspace(1, 0.05, 20)  # 19 of 20 is 0.95, which is not below it
    assert high_sensitivity_threshold(p, rim) == p[17]


def test_high_sensitivity_equals_the_naive_search(rng):
    for _ in range(50):
        p, rim = _random(rng)
        points = [(confusion(p >= t, rim), t) for t in sorted(set(p.tolist()))]
        below = [(c.sensitivity, -c.fp, t) for c, t in points if 0 < c.sensitivity < 0.95]
        expected = max(below)[2] if below else None
        assert high_sensitivity_threshold(p, rim) == expected


@pytest.mark.parametrize("rim", [[0, 0, 0], [1, 0, 0]])
def test_with_fewer_than_two_rim_lesions_there_is_no_high_sensitivity_point(rim):
    assert high_sensitivity_threshold(np.array([0.9, 0.5, 0.1]), np.array(rim)) is None


def test_thresholds_of_folds_by_where_they_are_chosen():
    p = np.array([0.9, 0.2, 0.6, 0.1, 0.5, 0.4])
    rim = np.array([1, 0, 1, 0, 1, 0])
    folds = np.array([0, 0, 1, 1, 4, 4])
    assert scored_fold_thresholds(p, rim, folds) == {0: 0.9, 1: 0.6, 4: 0.5}
    assert cross_fitted_thresholds(p, rim, folds) == {0: 0.5, 1: 0.5, 4: 0.6}
