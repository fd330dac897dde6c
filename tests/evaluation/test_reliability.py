import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from qsmrim_app.evaluation.bootstrap import SubjectDraws, draw_subjects
from qsmrim_app.evaluation.calibration import negative_log_likelihood
from qsmrim_app.evaluation.reliability import (
    P_EDGES,
    expected_calibration_error,
    reliability_curve,
    resampled_losses,
)

P = np.array([0.0, 0.009, 0.01, 0.3, 0.35, 0.39, 0.8, 1.0])
RIM = np.array([0, 0, 1, 1, 0, 0, 1, 1])
SUBJECTS = np.array(list("aabbbbcc"))
DRAWS = SubjectDraws(("a", "b", "c"), np.array([[1.0, 1, 1], [0, 2, 1], [3, 0, 0]]))


def test_bins_by_hand():
    curve = reliability_curve(P, RIM, SUBJECTS, DRAWS)
    assert [(one.p_low, one.p_high) for one in curve] == list(pairwise(P_EDGES))
    assert [one.n_lesions for one in curve] == [2, 1, 0, 0, 0, 3, 0, 0, 2]  # 0.01 and 0.8 are lower edges
    assert [one.n_rim for one in curve] == [0, 1, 0, 0, 0, 1, 0, 0, 2]
    assert curve[5].p_mean == pytest.approx((0.3 + 0.35 + 0.39) / 3)
    assert curve[5].rim_share == pytest.approx(1 / 3)
    assert (curve[5].low, curve[5].high) == pytest.approx((1 / 3, 1 / 3))
    assert math.isnan(curve[2].p_mean)
    assert math.isnan(curve[2].rim_share)


def test_the_interval_of_a_bin_is_over_subjects():
    p, rim, subjects = np.full(3, 0.5), np.array([1, 0, 0]), np.array(["a", "b", "b"])
    draws = SubjectDraws(("a", "b"), np.array([[1.0, 1], [2, 0], [0, 2]]))
    (one,) = (one for one in reliability_curve(p, rim, subjects, draws) if one.n_lesions)
    drawn = np.array([1 / 3, 1, 0])
    assert (one.low, one.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))))


def test_means_and_shares_are_those_of_scikit_learn(rng):
    # both bin in equal steps where ours coincide with them: only the bins 0.2 wide
    p = rng.uniform(0.2, 1, 500)
    rim = (rng.random(500) < p).astype(int)
    draws = draw_subjects({"a": 0}, rng, 5)
    ours = [one for one in reliability_curve(p, rim, np.full(500, "a"), draws) if one.n_lesions]
    shares, means = calibration_curve(rim, p, n_bins=5)
    assert [one.rim_share for one in ours] == pytest.approx(shares.tolist())
    assert [one.p_mean for one in ours] == pytest.approx(means.tolist())


def test_calibration_error_by_hand():
    gaps = [2 * 0.0045, 1 * 0.99, 3 * abs(1.04 / 3 - 1 / 3), 2 * 0.1]
    assert expected_calibration_error(P, RIM) == pytest.approx(sum(gaps) / 8)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([1, 0])) == 0
    assert math.isnan(expected_calibration_error(np.zeros(0), np.zeros(0)))


def test_losses_are_those_of_scikit_learn(rng):
    logits = rng.normal(-1, 2, 300)
    rim = (rng.random(300) < expit(logits)).astype(int)
    subjects = np.array([f"{row % 20:02d}" for row in range(300)])
    draws = draw_subjects({f"{row:02d}": row % 4 for row in range(20)}, rng, 6)
    found = resampled_losses(logits, rim, subjects, draws)
    assert found["nll"].value == pytest.approx(log_loss(rim, expit(logits)))
    assert found["nll"].value == pytest.approx(negative_log_likelihood(logits, rim))
    assert found["brier"].value == pytest.approx(brier_score_loss(rim, expit(logits)))
    weights = np.concatenate(list(draws.lesion_weights(subjects)))
    for row in range(6):
        expected = log_loss(rim, expit(logits), sample_weight=weights[row])
        assert found["nll"].drawn[row] == pytest.approx(expected)


def test_a_calibrated_model_lies_on_the_line(rng):
    logits = rng.normal(-2, 2, 40_000)
    rim = (rng.random(40_000) < expit(logits)).astype(int)
    assert expected_calibration_error(expit(logits), rim) < 0.01
    assert expected_calibration_error(expit(3 * logits), rim) > 0.05
    assert logit(0.5) == 0
