import numpy as np
import pytest

from studies.scores import cohen_kappa, rank_over_lesions, rank_over_subjects

SCORES = np.array([0.9, 0.8, 0.7, 0.3, 0.3, 0.1])
RIM = np.array([1, 0, 1, 1, 0, 0])


def _pairs(scores, rim):
    """Share of (rim+, rim-) pairs in the right order, ties half: the definition."""
    pairs = [(a > b) + (a == b) / 2 for a in scores[rim == 1] for b in scores[rim == 0]]
    return sum(pairs) / len(pairs)


def test_the_area_is_the_share_of_pairs_in_order():
    found = rank_over_lesions(SCORES, RIM)
    assert found.roc_auc.value == pytest.approx(_pairs(SCORES, RIM)) == pytest.approx(6.5 / 9)
    assert (found.n_rim, found.n_other) == (3, 3)


def test_scores_may_be_negative_numbers(rng):
    scores, rim = rng.normal(-40, 20, 60), rng.random(60) < 0.3
    assert rank_over_lesions(scores, rim).roc_auc.value == pytest.approx(_pairs(scores, rim))


@pytest.mark.parametrize("rim", [np.ones(6), np.zeros(6)])
def test_one_class_has_no_area(rim):
    assert np.isnan(rank_over_lesions(SCORES, rim).roc_auc.value)


def test_perfect_order_has_an_interval_of_no_width():
    found = rank_over_lesions(np.arange(10.0), np.arange(10) >= 6)
    assert (found.roc_auc.low, found.roc_auc.value, found.roc_auc.high) == (1, 1, 1)
    assert found.pr_auc.value == 1


def test_the_interval_over_subjects_is_wider_where_a_subject_has_the_lesions(rng):
    rim = np.tile([1, 0, 0, 0], 50)
    scores = rim + rng.normal(0, 1, 200) + np.repeat(rng.normal(0, 2, 10), 20) * rim
    few = rank_over_subjects(scores, rim, np.repeat(np.arange(10), 20)).roc_auc
    many = rank_over_lesions(scores, rim).roc_auc
    assert few.low < few.value < few.high
    assert few.high - few.low > many.high - many.low


def test_few_subjects_have_no_interval():
    found = rank_over_subjects(SCORES, RIM, np.array(["a", "a", "b", "b", "c", "c"]))
    assert found.roc_auc.value == pytest.approx(6.5 / 9)
    assert np.isnan(found.roc_auc.low)


def test_kappa_of_a_textbook_table():
    one = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])  # Cohen's kappa of 20, 5, 10, 15 is 0.4
    other = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa(one, one) == 1
    assert np.isnan(cohen_kappa(np.zeros(4), np.zeros(4)))
