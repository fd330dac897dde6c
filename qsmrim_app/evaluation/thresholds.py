"""Choose the probability from which a lesion is called rim+."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.curves import cumulative_counts
from qsmrim_app.evaluation.metrics import as_rim

SENSITIVITY_LIMIT = 0.95  # of the high-sensitivity point: it stays below
NOTHING_CALLED = 1.0


def f1_threshold(p_rim: NDArray[np.float64], rim: NDArray[Any]) -> float:
    """The score at which F1 is largest; of equally good ones the highest.

    Parameters
    ----------
    p_rim
        Scores, shape (n,).
    rim
        Expert status, shape (n,): 1 or 0.

    Returns
    -------
    float
        One of the scores; 1.0 where no lesion is rim+, as F1 is then 0 everywhere.
    """
    if not as_rim(rim).any():
        return NOTHING_CALLED
    scores, tp, fp = cumulative_counts(p_rim, rim)
    f1 = 2 * tp / (tp + fp + tp[-1])  # 2 TP + FP + FN = (TP + FP) + (TP + FN)
    return float(scores[np.argmax(f1)])  # scores descend, and argmax takes the first of equals


def high_sensitivity_threshold(p_rim: NDArray[np.float64], rim: NDArray[Any]) -> float | None:
    """The score with the largest attainable sensitivity below 0.95, with the fewest false positives there.

    None where no score finds a rim+ lesion and stays below 0.95, as with fewer than two rim+ lesions.
    """
    if not as_rim(rim).any():
        return None
    scores, tp, _ = cumulative_counts(p_rim, rim)
    sensitivity = tp / tp[-1]
    below = (sensitivity < SENSITIVITY_LIMIT) & (tp > 0)
    if not below.any():
        return None
    return float(scores[np.argmax(np.where(below, sensitivity, -1.0))])


def scored_fold_thresholds(
    p_rim: NDArray[np.float64], rim: NDArray[Any], folds: NDArray[Any]
) -> dict[int, float]:
    """F1-optimal threshold of each fold, chosen on the fold it scores: optimistic, as the paper does it."""
    return {int(fold): f1_threshold(p_rim[folds == fold], rim[folds == fold]) for fold in np.unique(folds)}


def cross_fitted_thresholds(
    p_rim: NDArray[np.float64], rim: NDArray[Any], folds: NDArray[Any]
) -> dict[int, float]:
    """F1-optimal threshold of each fold, chosen on the out-of-fold scores of all other folds."""
    return {int(fold): f1_threshold(p_rim[folds != fold], rim[folds != fold]) for fold in np.unique(folds)}
