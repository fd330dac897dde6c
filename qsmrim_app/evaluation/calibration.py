"""Two numbers for an ensemble, a temperature and a shift, so that its probabilities mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from qsmrim_app.evaluation.metrics import as_rim
from qsmrim_app.evaluation.platt import Calibration
from qsmrim_app.evaluation.votes import median_of_members

TEMPERATURE_RANGE = (0.05, 20.0)
SHIFT_RANGE = (-15.0, 15.0)


def fit_calibration(logits: NDArray[np.float64], rim: NDArray[Any]) -> Calibration:
    """The calibration with which the ensemble's median logit fits the expert best.

    It minimises the mean negative log-likelihood, with Platt's targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2)
    in place of 1 and 0, which keep it finite where the classes separate (Platt J, Advances in Large Margin
    Classifiers, 1999, 61-74). Without the shift it would be temperature scaling (Guo C et al., ICML 2017).

    Parameters
    ----------
    logits
        Out-of-fold logits of the members, shape (n, members), an odd number of members.
    rim
        Expert status, shape (n,): 1 or 0.

    Returns
    -------
    Calibration
        Temperature within 0.05 and 20, shift within -15 and 15; none (1 and 0) where lesions of one class
        only are given, which say nothing.
    """
    truth = as_rim(rim)
    if truth.all() or not truth.any():
        return Calibration()
    median = median_of_members(logits)
    n_rim = int(truth.sum())
    targets = np.where(truth, (n_rim + 1) / (n_rim + 2), 1 / (len(truth) - n_rim + 2))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = parameters[0] * median + parameters[1]
        wrong = expit(odds) - targets
        value = (np.logaddexp(0.0, odds) - targets * odds).mean()
        return float(value), np.array([(wrong * median).mean(), wrong.mean()])

    low, high = TEMPERATURE_RANGE
    # convex in (1 / temperature, shift), so that every start ends in the same minimum
    found = minimize(
        loss, (1.0, 0.0), jac=True, method="L-BFGS-B", bounds=[(1 / high, 1 / low), SHIFT_RANGE],
        options={"ftol": 1e-12, "gtol": 1e-9},
    )  # fmt: skip
    return Calibration(1 / float(found.x[0]), float(found.x[1]))


def cross_fitted_calibrations(
    logits: NDArray[np.float64], rim: NDArray[Any], folds: NDArray[Any]
) -> dict[int, Calibration]:
    """Calibration of each fold, fitted on the out-of-fold logits of all other folds.

    What the calibration gains is measured with these: no lesion helped to choose the one it is scored with.
    Arguments as in `fit_calibration`, with the fold of each lesion, shape (n,).
    """
    return {
        int(fold): fit_calibration(logits[folds != fold], rim[folds != fold]) for fold in np.unique(folds)
    }


def negative_log_likelihood(logits: NDArray[np.float64], rim: NDArray[Any]) -> float:
    """Mean of -log p(expert status), in nats; lower is better. Shapes (n,)."""
    return float(log_losses(logits, rim).mean())


def log_losses(logits: NDArray[np.float64], rim: NDArray[Any]) -> NDArray[np.float64]:
    """-log p(expert status) of each lesion, in nats; lower is better. Shapes (n,)."""
    signed = np.where(as_rim(rim), logits, -logits)
    return np.asarray(np.logaddexp(0.0, -signed))
