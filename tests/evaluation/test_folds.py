import numpy as np
import pytest

from qsmrim_app.errors import UsageError
from qsmrim_app.evaluation.folds import assign_folds, folds_of_rows, split_rows

BOUNDS = ((0, 0), (1, 3), (4, 6), (7, 99))


def _cohort(rng, n=47):
    return {f"{row:03d}": int(rng.choice([0, 0, 0, 1, 2, 3, 4, 6, 7, 12])) for row in range(n)}


def test_folds_are_even_overall_and_in_each_group(rng):
    cohort = _cohort(rng)
    fold_of = assign_folds(cohort, 5, rng)
    assert set(fold_of) == set(cohort)
    for low, high in ((0, 99), *BOUNDS):
        members = [fold_of[subject] for subject, n_rim in cohort.items() if low <= n_rim <= high]
        counts = np.bincount(members, minlength=5)
        assert counts.max() - counts.min() <= 1, (low, high)


def test_group_borders_are_those_of_the_method(rng):
    # one subject at each border, two folds: partners of one group never share a fold
    cohort = {"a": 0, "b": 0, "c": 1, "d": 3, "e": 4, "f": 6, "g": 7, "h": 17}
    for seed in range(20):
        fold_of = assign_folds(cohort, 2, np.random.default_rng(seed))
        for one, other in ("ab", "cd", "ef", "gh"):
            assert fold_of[one] != fold_of[other]


def test_the_seed_decides_and_the_order_of_subjects_does_not(rng):
    cohort = _cohort(rng)
    backwards = dict(reversed(cohort.items()))
    one, again, other = (
        assign_folds(c, 5, np.random.default_rng(seed))
        for c, seed in ((cohort, 1), (backwards, 1), (cohort, 2))
    )
    assert one == again
    assert list(one) == list(again)
    assert one != other


@pytest.mark.parametrize("n_folds", [0, 1, 4])
def test_a_number_of_folds_that_does_not_fit_is_refused(n_folds, rng):
    with pytest.raises(UsageError, match="do not fit 3 subjects"):
        assign_folds({"a": 0, "b": 1, "c": 2}, n_folds, rng)


def test_one_subject_a_fold_is_possible(rng):
    assert sorted(assign_folds({"a": 0, "b": 1, "c": 2}, 3, rng).values()) == [0, 1, 2]


def test_all_rows_of_a_subject_are_on_one_side():
    subjects = np.array(["a", "b", "a", "c", "b"])
    training, held_out = split_rows(subjects, {"a": 0, "b": 1, "c": 0}, 1)
    assert training.tolist() == [True, False, True, True, False]
    assert held_out.tolist() == [False, True, False, False, True]


def test_a_subject_without_a_fold_is_refused():
    with pytest.raises(UsageError, match=r"\['c'\]"):
        folds_of_rows(np.array(["a", "c"]), {"a": 0, "b": 1})
