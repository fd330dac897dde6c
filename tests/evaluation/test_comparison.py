import dataclasses
import math

import numpy as np
import pytest

from qsmrim_app.errors import TableError
from qsmrim_app.evaluation.areas import areas
from qsmrim_app.evaluation.bootstrap import Resampled, draw_subjects
from qsmrim_app.evaluation.comparison import compare, difference, ratio
from qsmrim_app.evaluation.metrics import confusion
from qsmrim_app.evaluation.scorecard import RATIOS, Scorecard, score
from tests.evaluation.scored import fold_of, repeated, scored_cohort


def _cards(rng, n_draws=200):
    one = scored_cohort(rng, strength=1.2)
    p_rim = np.round(rng.random(len(one)), 2)
    other = dataclasses.replace(one, p_rim=p_rim, called=p_rim >= 0.6)
    draws = draw_subjects(fold_of(one), rng, n_draws)
    return score(one, draws), score(other, draws), draws


def test_figures_of_a_card(rng):
    card, _, draws = _cards(rng, 10)
    lesions = card.lesions
    found = confusion(lesions.called, lesions.rim)
    for name in ("tp", "fp", "fn", "tn", *RATIOS):
        assert card.figures[name].value == getattr(found, name)
    weights = np.concatenate(list(draws.lesion_weights(lesions.subjects)))
    for row in range(10):
        copied = repeated(lesions, weights[row])
        expected = confusion(copied.called, copied.rim)
        assert card.figures["tp"].drawn[row] == expected.tp
        assert card.figures["f1"].drawn[row] == pytest.approx(expected.f1)
    assert card.figures["pr_auc"].value == areas(lesions, np.ones((1, len(lesions))))["pr_auc"][0]
    assert card.count_r.n == len(set(lesions.subjects))


def test_differences_are_paired_by_draw(rng):
    one, other, _ = _cards(rng)
    found = compare(one, other)
    assert set(found) == {"proc_auc", "pr_auc", "roc_auc", *RATIOS, "count_mse"}
    gap = one.figures["pr_auc"].drawn - other.figures["pr_auc"].drawn
    assert found["pr_auc"].value == one.figures["pr_auc"].value - other.figures["pr_auc"].value
    assert (found["pr_auc"].low, found["pr_auc"].high) == pytest.approx(
        tuple(np.percentile(gap, (2.5, 97.5)))
    )
    assert found["pr_auc"].low > 0  # the better method is seen to be better


def test_a_method_does_not_differ_from_itself(rng):
    one, _, _ = _cards(rng)
    for found in compare(one, one).values():
        assert (found.value, found.low, found.high) == (0, 0, 0)


def test_lesions_are_joined_by_key_whatever_their_order(rng):
    one, other, draws = _cards(rng)
    order = rng.permutation(len(other.lesions))
    parts = {name: getattr(other.lesions, name)[order] for name in ("folds", "rim", "p_rim", "called")}
    keys = tuple(other.lesions.keys[row] for row in order)
    shuffled = score(dataclasses.replace(other.lesions, keys=keys, **parts), draws)
    expected, found = compare(one, other), compare(one, shuffled)
    for name, estimate in expected.items():
        assert dataclasses.astuple(found[name]) == pytest.approx(dataclasses.astuple(estimate))


@pytest.mark.parametrize("what", ["keys", "rim", "folds"])
def test_other_lesions_are_refused(what, rng):
    one, other, _ = _cards(rng, 5)
    changed = {
        "keys": (("999", "", 1), *other.lesions.keys[1:]),
        "rim": 1 - other.lesions.rim,
        "folds": other.lesions.folds + 1,
    }[what]
    strange = Scorecard(dataclasses.replace(other.lesions, **{what: changed}), other.figures, other.count_r)
    with pytest.raises(TableError, match="same lesions"):
        compare(one, strange)


def test_difference_and_ratio_by_hand():
    one, other = Resampled(0.6, np.array([0.5, 0.6, np.nan])), Resampled(0.3, np.array([0.25, 0.4, 0.3]))
    found = difference(one, other)
    assert found.value == pytest.approx(0.3)
    assert found.n_draws == 2
    found = ratio(one, other)
    assert found.value == pytest.approx(2)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile([2.0, 1.5], (2.5, 97.5))))
    assert math.isnan(ratio(one, Resampled(0.0, np.zeros(3))).value)
