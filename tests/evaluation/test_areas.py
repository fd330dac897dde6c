import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from qsmrim_app.evaluation.areas import areas, resampled_areas
from qsmrim_app.evaluation.bootstrap import SubjectDraws, draw_subjects
from qsmrim_app.evaluation.curves import partial_roc, precision_recall
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from tests.evaluation.scored import fold_of, repeated, scored_cohort


def _by_curves(lesions):
    parts = lesions.p_rim, lesions.rim, lesions.folds
    return {"proc_auc": partial_roc(*parts).mean.area, "pr_auc": precision_recall(*parts).mean.area}


def _once(lesions):
    return {name: value[0] for name, value in areas(lesions, np.ones((1, len(lesions)))).items()}


@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
def test_weights_of_one_give_the_areas_of_the_curves(strength, rng):
    for _ in range(20):
        lesions = scored_cohort(rng, strength=strength)
        found, expected = _once(lesions), _by_curves(lesions)
        for name, area in expected.items():
            assert found[name] == pytest.approx(area, abs=1e-12)


def test_whole_weights_are_repeated_rows(rng):
    lesions = scored_cohort(rng)
    for weights in rng.poisson(1, (20, len(lesions))):
        copied = repeated(lesions, weights)
        found = {name: value[0] for name, value in areas(lesions, weights[None].astype(float)).items()}
        assert found == pytest.approx(_once(copied), abs=1e-12)
        for name, area in _by_curves(copied).items():
            assert found[name] == pytest.approx(area, abs=1e-12)


def test_many_draws_at_once_are_single_draws(rng):
    lesions = scored_cohort(rng)
    weights = rng.poisson(1, (30, len(lesions))).astype(float)
    together = areas(lesions, weights)
    for row in range(30):
        for name, value in areas(lesions, weights[row : row + 1]).items():
            assert together[name][row] == value[0]


def test_areas_of_one_fold_are_those_of_scikit_learn(rng):
    lesions = scored_cohort(rng, n_folds=1)
    weights = rng.poisson(1, len(lesions)).astype(float)
    found = areas(lesions, weights[None])
    expected = roc_auc_score(lesions.truth, lesions.p_rim, sample_weight=weights)
    assert found["roc_auc"][0] == pytest.approx(expected)
    expected = average_precision_score(lesions.truth, lesions.p_rim, sample_weight=weights)
    assert found["pr_auc"][0] == pytest.approx(expected)


def test_the_area_of_folds_is_the_mean_of_their_areas(rng):
    lesions = scored_cohort(rng)
    by_fold = [
        roc_auc_score(lesions.truth[lesions.folds == fold], lesions.p_rim[lesions.folds == fold])
        for fold in range(5)
    ]
    assert _once(lesions)["roc_auc"] == pytest.approx(np.mean(by_fold))


def test_by_hand():
    # fold 0: + - + -; subject x has the first two. Twice x and no y: + - alone
    keys = (("x", "", 1), ("x", "", 2), ("y", "", 1), ("y", "", 2))
    rim, p_rim = np.array([1.0, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6])
    lesions = ScoredLesions(keys, np.zeros(4), rim, p_rim, p_rim > 1)
    found = areas(lesions, np.array([[1.0, 1, 1, 1], [2, 2, 0, 0], [0, 0, 2, 2]]))
    assert found["roc_auc"].tolist() == [0.75, 1, 1]
    assert found["pr_auc"].tolist() == pytest.approx([(1 + 2 / 3) / 2, 1, 1])
    assert found["proc_auc"].tolist() == [0.5, 1, 1]


def test_a_draw_that_empties_a_class_of_a_fold_is_unusable(rng):
    lesions = scored_cohort(rng, n_folds=2)
    weights = np.ones((3, len(lesions)))
    weights[1, (lesions.folds == 1) & lesions.truth] = 0
    weights[2, (lesions.folds == 0) & ~lesions.truth] = 0
    for values in areas(lesions, weights).values():
        assert np.isfinite(values).tolist() == [True, False, False]


def test_a_fold_without_curve_is_left_out_of_every_draw(rng):
    lesions = scored_cohort(rng, n_folds=2)
    rim = np.where(lesions.folds == 1, 0.0, lesions.rim)
    without = dataclasses.replace(lesions, rim=rim)
    found = _once(without)
    for name, area in _by_curves(without).items():
        assert found[name] == pytest.approx(area, abs=1e-12)
    nothing = dataclasses.replace(lesions, rim=np.zeros(len(lesions)))
    assert np.isnan(list(_once(nothing).values())).all()


def test_resampled_areas_are_those_of_the_drawn_subjects(rng):
    lesions = scored_cohort(rng)
    draws = draw_subjects(fold_of(lesions), rng, 12)
    found = resampled_areas(lesions, draws)
    for row, times in enumerate(draws.times):
        by_subject = dict(zip(draws.subjects, times, strict=True))
        copied = repeated(lesions, np.array([by_subject[subject] for subject in lesions.subjects]))
        for name, area in _by_curves(copied).items():
            assert found[name].drawn[row] == pytest.approx(area, abs=1e-12)
    assert found["pr_auc"].value == pytest.approx(_by_curves(lesions)["pr_auc"])


def test_no_lesions():
    none = ScoredLesions((), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool))
    found = resampled_areas(none, SubjectDraws(("a",), np.ones((3, 1))))
    assert np.isnan(found["pr_auc"].value)
    assert np.isnan(found["pr_auc"].drawn).tolist() == [True] * 3
