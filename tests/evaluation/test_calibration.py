import numpy as np
import pytest
from scipy.special import expit

from qsmrim_app.evaluation.calibration import (
    cross_fitted_temperatures,
    fit_temperature,
    log_losses,
    negative_log_likelihood,
)


def test_likelihood_by_hand():
    p = np.array([0.8, 0.3])
    logits = np.log(p / (1 - p))
    assert negative_log_likelihood(logits, np.array([1, 0])) == pytest.approx(-np.log(0.8 * 0.7) / 2)
    assert np.isfinite(negative_log_likelihood(np.array([-2000.0]), np.array([1])))


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_recovers_how_much_too_sure_the_members_are(sharpness, rng):
    true_logits = rng.normal(0, 2, 20_000)
    rim = (rng.random(20_000) < expit(true_logits)).astype(float)
    logits = np.repeat(true_logits[:, None] * sharpness, 3, axis=1)
    assert fit_temperature(logits, rim) == pytest.approx(sharpness, rel=0.05)


def test_the_median_member_is_calibrated(rng):
    logits = rng.normal(0, 2, (300, 1))
    rim = (rng.random(300) < expit(logits[:, 0])).astype(float)
    three = np.hstack([logits - 50, logits, logits + 9])
    assert fit_temperature(three, rim) == pytest.approx(fit_temperature(logits, rim))


def test_no_other_temperature_fits_better(rng):
    logits = rng.normal(0, 4, (200, 3))
    rim = (rng.random(200) < 0.2).astype(float)
    best = fit_temperature(logits, rim)
    median = np.median(logits, axis=1)
    grid = [negative_log_likelihood(median / t, rim) for t in np.geomspace(0.05, 20, 400)]
    assert negative_log_likelihood(median / best, rim) <= min(grid) + 1e-6


@pytest.mark.parametrize("rim", [np.zeros(4), np.ones(4), np.zeros(0)])
def test_one_class_says_nothing(rim):
    assert fit_temperature(np.zeros((len(rim), 3)), rim) == 1.0


def test_the_temperature_of_a_fold_is_that_of_the_others(rng):
    logits = rng.normal(0, 4, (300, 3))
    rim = (rng.random(300) < 0.3).astype(float)
    folds = np.arange(300) % 3
    found = cross_fitted_temperatures(logits, rim, folds)
    assert set(found) == {0, 1, 2}
    for fold, temperature in found.items():
        assert temperature == fit_temperature(logits[folds != fold], rim[folds != fold])
    changed = logits.copy()
    changed[folds == 1] *= 100  # what a fold holds does not reach its own temperature
    assert cross_fitted_temperatures(changed, rim, folds)[1] == found[1]
    assert cross_fitted_temperatures(changed, rim, folds)[0] != found[0]


def test_losses_of_lesions_average_to_the_likelihood(rng):
    logits, rim = rng.normal(0, 3, 50), (rng.random(50) < 0.5).astype(float)
    assert log_losses(logits, rim).mean() == pytest.approx(negative_log_likelihood(logits, rim))
    np.testing.assert_allclose(log_losses(np.zeros(2), np.array([0, 1])), np.log(2))
