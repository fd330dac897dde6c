import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from qsmrim_app.evaluation.calibration import (
    cross_fitted_calibrations,
    fit_calibration,
    log_losses,
    negative_log_likelihood,
)
from qsmrim_app.evaluation.platt import Calibration


def test_likelihood_by_hand():
    p = np.array([0.8, 0.3])
    logits = np.log(p / (1 - p))
    assert negative_log_likelihood(logits, np.array([1, 0])) == pytest.approx(-np.log(0.8 * 0.7) / 2)
    assert np.isfinite(negative_log_likelihood(np.array([-2000.0]), np.array([1])))


@pytest.mark.parametrize(("sharpness", "shift"), [(0.5, 0.0), (1.0, -2.0), (3.0, 1.5)])
def test_recovers_how_much_too_sure_the_members_are_and_a_false_share_of_rims(sharpness, shift, rng):
    true_logits = rng.normal(0, 2, 20_000)
    rim = (rng.random(20_000) < expit(true_logits)).astype(float)
    logits = np.repeat((true_logits - shift)[:, None] * sharpness, 3, axis=1)
    found = fit_calibration(logits, rim)
    assert found.temperature == pytest.approx(sharpness, rel=0.05)
    assert found.shift == pytest.approx(shift, abs=0.07)
    assert found.probabilities(logits[:, 0]).mean() == pytest.approx(rim.mean(), abs=1e-3)


def test_the_median_member_is_calibrated(rng):
    logits = rng.normal(0, 2, (300, 1))
    rim = (rng.random(300) < expit(logits[:, 0])).astype(float)
    three = np.hstack([logits - 50, logits, logits + 9])
    assert fit_calibration(three, rim) == fit_calibration(logits, rim)


def test_it_is_the_logistic_regression_of_scikit_learn_but_for_the_soft_targets(rng):
    logits = rng.normal(0, 4, (4000, 3))
    median = np.median(logits, axis=1)
    rim = (rng.random(4000) < expit(0.5 * median - 1)).astype(float)
    peer = LogisticRegression(C=np.inf, tol=1e-8).fit(median[:, None], rim)
    found = fit_calibration(logits, rim)
    assert 1 / found.temperature == pytest.approx(peer.coef_[0, 0], rel=0.01)
    assert found.shift == pytest.approx(peer.intercept_[0], rel=0.02)


def test_classes_that_separate_give_finite_numbers():
    found = fit_calibration(np.linspace(-3, 3, 20)[:, None], np.arange(20) >= 10)
    assert found.temperature > 0.05
    assert 0.5 < found.probabilities(np.array([0.5]))[0] < 0.999


@pytest.mark.parametrize("rim", [np.zeros(4), np.ones(4), np.zeros(0)])
def test_one_class_says_nothing(rim):
    assert fit_calibration(np.zeros((len(rim), 3)), rim) == Calibration(1.0, 0.0)


@pytest.mark.parametrize("logit", [-800.0, -1.0, 0.0, 2.0, 800.0])
def test_a_probability_is_the_sigmoid_at_any_size(logit):
    found = Calibration(2.0, -0.5).probabilities(np.array([logit]))
    assert found[0] == pytest.approx(expit(logit / 2 - 0.5), rel=1e-12)


def test_the_calibration_of_a_fold_is_that_of_the_others(rng):
    logits = rng.normal(0, 4, (300, 3))
    rim = (rng.random(300) < 0.3).astype(float)
    folds = np.arange(300) % 3
    found = cross_fitted_calibrations(logits, rim, folds)
    assert set(found) == {0, 1, 2}
    for fold, calibration in found.items():
        assert calibration == fit_calibration(logits[folds != fold], rim[folds != fold])
    changed = logits.copy()
    changed[folds == 1] *= 100  # what a fold holds does not reach its own calibration
    assert cross_fitted_calibrations(changed, rim, folds)[1] == found[1]
    assert cross_fitted_calibrations(changed, rim, folds)[0] != found[0]


def test_losses_of_lesions_average_to_the_likelihood(rng):
    logits, rim = rng.normal(0, 3, 50), (rng.random(50) < 0.5).astype(float)
    assert log_losses(logits, rim).mean() == pytest.approx(negative_log_likelihood(logits, rim))
    np.testing.assert_allclose(log_losses(np.zeros(2), np.array([0, 1])), np.log(2))
