import numpy as np
import pytest
from scipy.special import expit

from qsmrim_app.evaluation.calibration import fit_temperature, negative_log_likelihood


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
