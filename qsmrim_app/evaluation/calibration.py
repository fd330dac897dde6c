"""One temperature for an ensemble, so that its probabilities mean what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from qsmrim_app.evaluation.metrics import as_rim
from qsmrim_app.evaluation.votes import median_of_members

TEMPERATURE_RANGE = (0.05, 20.0)


def fit_temperature(logits: NDArray[np.float64], rim: NDArray[Any]) -> float:
    """The temperature T that makes the ensemble's probability sigmoid(median logit / T) fit the expert best.

    T minimises the mean negative log-likelihood (Guo et al. 2017). Above 1 the members were too sure.

    Parameters
    ----------
    logits
        Out-of-fold logits of the members, shape (n, members), an odd number of members.
    rim
        Expert status, shape (n,): 1 or 0.

    Returns
    -------
    float
        Within 0.05 and 20; 1 where lesions of one class only are given, which say nothing about T.
    """
    truth = as_rim(rim)
    if truth.all() or not truth.any():
        return 1.0
    median = median_of_members(logits)
    low, high = (math.log(limit) for limit in TEMPERATURE_RANGE)
    # on the log scale the likelihood has one minimum, as it is convex in 1 / T
    found = minimize_scalar(
        lambda log_t: negative_log_likelihood(median / math.exp(log_t), truth),
        bounds=(low, high),
        method="bounded",
    )
    return math.exp(float(found.x))


def cross_fitted_temperatures(
    logits: NDArray[np.float64], rim: NDArray[Any], folds: NDArray[Any]
) -> dict[int, float]:
    """Temperature of each fold, fitted on the out-of-fold logits of all other folds.

    What the temperature gains is measured with these: no lesion helped to choose the one it is scored with.
    Arguments as in `fit_temperature`, with the fold of each lesion, shape (n,).
    """
    return {
        int(fold): fit_temperature(logits[folds != fold], rim[folds != fold]) for fold in np.unique(folds)
    }


def negative_log_likelihood(logits: NDArray[np.float64], rim: NDArray[Any]) -> float:
    """Mean of -log p(expert status), in nats; lower is better. Shapes (n,)."""
    return float(log_losses(logits, rim).mean())


def log_losses(logits: NDArray[np.float64], rim: NDArray[Any]) -> NDArray[np.float64]:
    """-log p(expert status) of each lesion, in nats; lower is better. Shapes (n,)."""
    signed = np.where(as_rim(rim), logits, -logits)
    return np.asarray(np.logaddexp(0.0, -signed))
