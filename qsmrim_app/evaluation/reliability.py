"""Whether probabilities mean what they say: of lesions with p_rim near 0.3, three in ten should have a rim.

The bins have fixed edges, the same for all methods, outlines and calibrations. They are narrow near 0, where
nearly all lesions of a cohort with rare rims lie: of equally full bins the last would hold all rim+ lesions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from qsmrim_app.evaluation.bootstrap import FloatArray, Resampled, SubjectDraws
from qsmrim_app.evaluation.calibration import log_losses
from qsmrim_app.evaluation.metrics import as_rim

P_EDGES = (
    0.0,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.4,
    0.6,
    0.8,
    1.0,
)  # a bin holds its lower edge; the last one both


@dataclass(frozen=True)
class ReliabilityBin:
    """Lesions with p_rim from ``p_low`` to ``p_high``; ``p_mean`` and ``rim_share`` are NaN without lesions.

    In a calibrated model ``rim_share`` equals ``p_mean``. ``low`` and ``high`` are the 95 % interval of the
    share over resampled subjects.
    """

    p_low: float
    p_high: float
    n_lesions: int
    n_rim: int
    p_mean: float
    rim_share: float
    low: float
    high: float


def reliability_curve(
    p_rim: FloatArray, rim: NDArray[Any], subjects: NDArray[np.str_], draws: SubjectDraws
) -> tuple[ReliabilityBin, ...]:
    """The bins of `P_EDGES`, ascending, empty ones included.

    Parameters
    ----------
    p_rim
        Probabilities, shape (n,).
    rim
        Expert status, shape (n,): 1 or 0.
    subjects
        Subject of each lesion, shape (n,).
    draws
        Resampled subjects, for the intervals.
    """
    inside = _bins(p_rim)
    n, n_rim, p_sum = (inside.T @ values for values in (np.ones(len(p_rim)), as_rim(rim) + 0.0, p_rim))
    drawn = draws.totals(subjects, np.hstack([inside, inside * as_rim(rim)[:, None]]))
    with np.errstate(invalid="ignore"):
        means, shares = p_sum / n, n_rim / n
        drawn_shares = drawn[:, len(n) :] / drawn[:, : len(n)]
    intervals = [
        Resampled(float(share), drawn_shares[:, place]).estimate() for place, share in enumerate(shares)
    ]
    return tuple(
        ReliabilityBin(
            P_EDGES[place],
            P_EDGES[place + 1],
            int(n[place]),
            int(n_rim[place]),
            float(means[place]),
            found.value,
            found.low,
            found.high,
        )
        for place, found in enumerate(intervals)
    )


def expected_calibration_error(p_rim: FloatArray, rim: NDArray[Any]) -> float:
    """Mean over lesions of ``|p_mean - rim_share|`` of their bin (Naeini et al. 2015, with the bins above).

    Lower is better, 0 is perfect. It has no interval: resampling adds noise to every bin and so raises it.
    """
    inside = _bins(p_rim)
    return float(np.abs(inside.T @ (p_rim - as_rim(rim))).sum() / len(p_rim)) if len(p_rim) else float("nan")


def resampled_losses(
    logits: FloatArray, rim: NDArray[Any], subjects: NDArray[np.str_], draws: SubjectDraws
) -> Mapping[str, Resampled]:
    """Mean log loss ``nll`` (nats) and ``brier`` score, the mean of (p - expert status)^2; lower is better.

    Arguments as in `reliability_curve`, with logits instead of probabilities, shape (n,).
    """
    squared = np.square(expit(logits) - as_rim(rim))
    losses = np.column_stack([log_losses(logits, rim), squared, np.ones(len(squared))])
    totals = draws.totals(subjects, losses)
    return {
        name: Resampled(float(losses[:, column].mean()), totals[:, column] / totals[:, 2])
        for column, name in enumerate(("nll", "brier"))
    }


def _bins(p_rim: FloatArray) -> FloatArray:
    """1 where a lesion is in a bin, shape (n, bins)."""
    place = np.searchsorted(P_EDGES[1:-1], p_rim, side="right")
    return np.eye(len(P_EDGES) - 1)[place]
