import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from qsmrim_app.evaluation.curves import cumulative_counts, partial_roc, precision_recall


def _one_fold(n):
    return np.zeros(n, dtype=int)


def _twenty_negatives(*rim_scores):
    """20 rim- lesions scored 0.80, 0.78, .. 0.42, and the given rim+ lesions."""
    negative = 0.8 - 0.02 * np.arange(20)
    p = np.concatenate([rim_scores, negative])
    rim = np.concatenate([np.ones(len(rim_scores)), np.zeros(20)])
    return p, rim


def test_equal_scores_move_together():
    scores, tp, fp = cumulative_counts(np.array([0.5, 0.9, 0.5, 0.1]), np.array([1, 1, 0, 0]))
    assert scores.tolist() == [0.9, 0.5, 0.1]
    assert tp.tolist() == [1, 2, 2]
    assert fp.tolist() == [0, 1, 2]


def test_partial_roc_by_hand():
    # two rim+ above all, one after the first rim-, one last: TPR 1/2 on [0, 0.05), 3/4 on [0.05, 0.1]
    p, rim = _twenty_negatives(0.95, 0.9, 0.79, 0.1)
    curve = partial_roc(p, rim, _one_fold(24))
    assert curve.mean.x.tolist() == [0, 0.05, 0.1]
    assert curve.mean.y.tolist() == [0.5, 0.75, 0.75]
    assert curve.mean.area == pytest.approx((0.05 * 0.5 + 0.05 * 0.75) / 0.1)


def test_the_whole_roc_is_that_of_scikit_learn(rng):
    rim = (rng.random(200) < 0.2).astype(float)
    p = rng.random(200) + 0.3 * rim  # no equal scores, so that steps and trapezia are one
    curve = partial_roc(p, rim, _one_fold(200), max_fpr=1.0).mean
    assert curve.area == pytest.approx(roc_auc_score(rim, p))
    assert (curve.x[0], curve.x[-1], curve.y[-1]) == (0, 1, 1)


def test_partial_roc_of_perfect_and_of_useless_scores():
    p, rim = _twenty_negatives(0.95, 0.9)
    assert partial_roc(p, rim, _one_fold(22)).mean.area == pytest.approx(1)
    p, rim = _twenty_negatives(0.1, 0.2)
    assert partial_roc(p, rim, _one_fold(22)).mean.area == 0
    assert partial_roc(np.full(22, 0.5), rim, _one_fold(22)).mean.area == 0  # one step, beyond 0.1


def test_the_point_at_a_rate_of_exactly_a_tenth_counts_at_its_place():
    p, rim = _twenty_negatives(0.9, 0.77)  # the second after two of twenty
    curve = partial_roc(p, rim, _one_fold(22)).mean
    assert curve.y.tolist() == [0.5, 0.5, 1.0]
    assert curve.area == pytest.approx(0.5)


def test_precision_recall_by_hand():
    # + - + +: recall 1/3, 1/3, 2/3, 1 with precision 1, 1/2, 2/3, 3/4
    p = np.array([0.9, 0.8, 0.7, 0.6])
    curve = precision_recall(p, np.array([1, 0, 1, 1]), _one_fold(4)).mean
    np.testing.assert_allclose(curve.x, [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(curve.y, [1, 1, 2 / 3, 3 / 4])
    assert curve.area == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_precision_has_no_anchor_at_one():
    # the best score is a false alarm: precision 0 where nothing is found yet
    curve = precision_recall(np.array([0.9, 0.8]), np.array([0, 1]), _one_fold(2)).mean
    assert curve.x.tolist() == [0, 1]
    assert curve.y.tolist() == [0, 0.5]
    assert curve.area == 0.5


def test_precision_recall_area_is_the_average_precision(rng):
    rim = (rng.random(80) < 0.2).astype(float)
    p = np.round(rng.random(80) + rim * 0.3, 1)
    expected = last = 0.0
    for t in sorted(set(p.tolist()), reverse=True):
        called = p >= t
        recall = rim[called].sum() / rim.sum()
        expected += (recall - last) * rim[called].mean()
        last = recall
    assert precision_recall(p, rim, _one_fold(80)).mean.area == pytest.approx(expected)


@pytest.mark.parametrize("measure", [partial_roc, precision_recall])
def test_the_area_of_the_mean_curve_is_the_mean_of_the_areas(measure, rng):
    folds = rng.integers(0, 5, 400)
    rim = (rng.random(400) < 0.15).astype(float)
    p = np.round(rng.random(400) + rim * 0.5, 2)
    curve = measure(p, rim, folds)
    areas = [measure(p[folds == f], rim[folds == f], folds[folds == f]).mean.area for f in range(5)]
    assert [c.area for c in curve.by_fold.values()] == pytest.approx(areas)
    assert curve.mean.area == pytest.approx(np.mean(areas))
    assert len(set(np.round(areas, 6))) == 5


def test_curves_of_folds_are_averaged_where_either_steps():
    # fold 0: + at the top of 10 rim-; fold 1: + after the first of 20 rim-
    p = np.concatenate([[0.99], 0.5 - 0.01 * np.arange(10), [0.795], 0.8 - 0.02 * np.arange(20)])
    rim = np.concatenate([[1], np.zeros(10), [1], np.zeros(20)])
    folds = np.array([0] * 11 + [1] * 21)
    curve = partial_roc(p, rim, folds)
    assert curve.mean.x.tolist() == [0, 0.05, 0.1]
    assert curve.mean.y.tolist() == [0.5, 1, 1]


@pytest.mark.parametrize("measure", [partial_roc, precision_recall])
def test_folds_of_one_class_are_left_out_and_named(measure):
    p = np.array([0.9, 0.1, 0.9, 0.8, 0.3])
    rim = np.array([1, 0, 0, 0, 1])
    curve = measure(p, rim, np.array([0, 0, 1, 1, 2]))
    assert curve.left_out == (1, 2)
    assert list(curve.by_fold) == [0]
    assert curve.mean.area == pytest.approx(1)


@pytest.mark.parametrize("measure", [partial_roc, precision_recall])
def test_without_any_usable_fold_the_area_is_undefined(measure):
    curve = measure(np.array([0.5]), np.array([1]), np.array([0]))
    assert curve.left_out == (0,)
    assert math.isnan(curve.mean.area)
