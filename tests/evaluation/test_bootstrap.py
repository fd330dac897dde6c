import math

import numpy as np
import pytest

from qsmrim_app.evaluation.bootstrap import Resampled, SubjectDraws, draw_subjects

FOLD_OF = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1}


def test_each_fold_keeps_its_number_of_subjects(rng):
    draws = draw_subjects(FOLD_OF, rng, 300)
    assert draws.subjects == tuple("abcde")
    assert draws.times.shape == (300, 5)
    assert (draws.times[:, :3].sum(axis=1) == 3).all()
    assert (draws.times[:, 3:].sum(axis=1) == 2).all()
    assert np.unique(draws.times[:, 0]).tolist() == [0, 1, 2, 3]
    assert draws.times.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)


def test_the_seed_decides_and_the_order_of_subjects_does_not():
    one = draw_subjects(FOLD_OF, np.random.default_rng(1), 20)
    again = draw_subjects(dict(reversed(FOLD_OF.items())), np.random.default_rng(1), 20)
    np.testing.assert_array_equal(one.times, again.times)


def test_the_lesions_of_a_subject_stay_together():
    draws = SubjectDraws(("a", "b"), np.array([[2.0, 0.0], [0.0, 2.0]]))
    subjects = np.array(["b", "a", "b"])
    (weights,) = draws.lesion_weights(subjects)
    assert weights.tolist() == [[0, 2, 0], [2, 0, 2]]
    values = np.array([[1.0, 10], [2, 20], [3, 30]])
    assert draws.totals(subjects, values).tolist() == [[4, 40], [8, 80]]
    np.testing.assert_array_equal(draws.totals(subjects, values), weights @ values)


def test_weights_come_in_parts_and_in_order(rng, monkeypatch):
    draws = draw_subjects(FOLD_OF, rng, 50)
    subjects = np.array(list("abcde") * 3)
    whole = np.concatenate(list(draws.lesion_weights(subjects)))
    monkeypatch.setattr("qsmrim_app.evaluation.bootstrap._CELLS_AT_ONCE", 100)
    parts = list(draws.lesion_weights(subjects))
    assert [len(part) for part in parts] == [6] * 8 + [2]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_interval_by_hand():
    found = Resampled(50.0, np.arange(101.0)).estimate()
    assert (found.value, found.low, found.high) == pytest.approx((50, 2.5, 97.5))
    assert found.n_draws == 101


def test_unusable_draws_are_counted_and_too_many_leave_no_interval():
    drawn = np.array([1.0] * 6 + [np.nan] * 4)
    found = Resampled(1.0, drawn).estimate()
    assert (found.low, found.high, found.n_draws) == (1, 1, 6)
    found = Resampled(1.0, drawn[2:]).estimate()
    assert found.n_draws == 4
    assert found.low == 1
    found = Resampled(1.0, drawn[3:]).estimate()
    assert (found.value, found.n_draws) == (1, 3)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize("drawn", [np.ones(4), np.full(4, np.nan), np.zeros(0)])
def test_what_is_undefined_has_no_interval(drawn):
    assert math.isnan(Resampled(math.nan, drawn).estimate().low)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    # the mean over 60 subjects of counts whose mean is known
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        counts = rng.poisson(4, 60).astype(float)
        fold_of = {f"{row:02d}": row % 3 for row in range(60)}
        draws = draw_subjects(fold_of, rng, 400)
        drawn = draws.totals(np.array(draws.subjects), counts[:, None])[:, 0] / 60
        found = Resampled(float(counts.mean()), drawn).estimate()
        hits += found.low <= 4 <= found.high
    assert 0.9 <= hits / 200 <= 0.98
