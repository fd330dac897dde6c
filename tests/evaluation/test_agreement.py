import warnings

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from qsmrim_app.errors import TableError
from qsmrim_app.evaluation.agreement import cohen_kappa, rater_agreement
from qsmrim_app.evaluation.bootstrap import draw_subjects
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from tests.evaluation.scored import fold_of, repeated, scored_cohort


@pytest.mark.parametrize("share_of_errors", [0.0, 0.05, 0.5, 1.0])
def test_kappa_is_scikit_learns(share_of_errors, rng):
    one = (rng.random(300) < 0.1).astype(float)
    other = np.where(rng.random(300) < share_of_errors, 1 - one, one)
    assert cohen_kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))


def test_kappa_by_hand():
    # 20 both, 5 and 10 one alone, 15 neither: p_o = 0.7, p_e = 0.5
    one = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    other = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(one, other) == pytest.approx(0.4)


@pytest.mark.parametrize("ratings", [[], [0, 0, 0], [1, 1]])
def test_kappa_of_raters_who_give_one_status_is_undefined(ratings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(cohen_kappa(np.array(ratings), np.array(ratings)))


def test_a_status_that_is_none_is_refused():
    with pytest.raises(TableError):
        cohen_kappa(np.array([1, 2]), np.array([1, 0]))


def test_disagreements_by_cell_by_hand():
    rim = np.array([1, 1, 1, 0, 0, 0, 0.0])
    called = np.array([1, 1, 0, 1, 0, 0, 0], dtype=bool)
    one = np.array([1, 1, 0, 1, 0, 1, np.nan])
    other = np.array([1, 0, 1, 1, 0, np.nan, 1])
    keys = tuple((f"{row:03d}", "", 1) for row in range(7))
    lesions = ScoredLesions(keys, np.arange(7) % 2, rim, np.full(7, 0.5), called)
    draws = draw_subjects(fold_of(lesions), np.random.default_rng(0), 50)
    found = rater_agreement(lesions, np.column_stack([one, other]), draws)
    assert (found.n_lesions, found.n_disagree) == (5, 2)
    counts = {name: (cell.n_lesions, cell.n_disagree) for name, cell in found.by_cell.items()}
    assert counts == {"tp": (2, 1), "fp": (1, 0), "fn": (1, 1), "tn": (1, 0)}
    assert found.by_cell["tp"].share.value == 0.5
    assert rater_agreement(lesions, np.full((7, 2), np.nan), draws) is None
    nobody = rater_agreement(lesions, np.column_stack([one, np.where(called, np.nan, other)]), draws)
    assert np.isnan(nobody.by_cell["fp"].share.value)


def test_a_draw_is_the_figure_of_the_drawn_subjects(rng):
    lesions = scored_cohort(rng)
    one = np.where(rng.random(len(lesions)) < 0.1, 1 - lesions.rim, lesions.rim)
    other = np.where(rng.random(len(lesions)) < 0.1, 1 - lesions.rim, lesions.rim)
    raters = np.column_stack([one, np.where(rng.random(len(lesions)) < 0.2, np.nan, other)])
    draws = draw_subjects(fold_of(lesions), rng, 5)
    found = rater_agreement(lesions, raters, draws)
    times = next(draws.lesion_weights(lesions.subjects))[3].astype(int)
    drawn = repeated(lesions, times)
    alone = draw_subjects(fold_of(lesions), rng, 1)
    again = rater_agreement(drawn, np.repeat(raters, times, axis=0), alone)
    assert found.kappa.drawn[3] == pytest.approx(again.kappa.value)
    for name, cell in found.by_cell.items():
        assert cell.share.drawn[3] == pytest.approx(again.by_cell[name].share.value)
