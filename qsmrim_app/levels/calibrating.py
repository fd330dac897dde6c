"""How well probabilities fit, before and after a calibration that the other folds chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from qsmrim_app.evaluation.bootstrap import SubjectDraws
from qsmrim_app.evaluation.comparison import difference
from qsmrim_app.evaluation.platt import Calibration
from qsmrim_app.evaluation.reliability import (
    ReliabilityBin,
    expected_calibration_error,
    reliability_curve,
    resampled_losses,
)
from qsmrim_app.levels.held_out import OutOfFold

BEFORE, AFTER = "before", "after"  # the calibration

Logits = Mapping[str, NDArray[np.float64]]  # before and after -> median logit of each row


def logits_by_calibration(held_out: OutOfFold, by_fold: Mapping[int, Calibration]) -> Logits:
    """Median logits of all rows, as they are and with the calibration of their fold."""
    calibrated = np.empty_like(held_out.median_logits)
    for fold, found in by_fold.items():
        rows = held_out.folds == fold
        calibrated[rows] = found.log_odds(held_out.median_logits[rows])
    return {BEFORE: held_out.median_logits, AFTER: calibrated}


def calibration(
    held_out: OutOfFold, rows: NDArray[np.bool_], logits: Logits, draws: SubjectDraws
) -> dict[str, Any]:
    """Calibration error, log loss and Brier score of some rows, and what the calibration changes."""
    rim, subjects = held_out.rim[rows], _subjects(held_out, rows)
    losses = {when: resampled_losses(values[rows], rim, subjects, draws) for when, values in logits.items()}
    found: dict[str, Any] = {
        when: {"ece": expected_calibration_error(expit(logits[when][rows]), rim)}
        | {name: asdict(loss.estimate()) for name, loss in losses[when].items()}
        for when in (BEFORE, AFTER)
    }
    change = {name: asdict(difference(losses[AFTER][name], loss)) for name, loss in losses[BEFORE].items()}
    return found | {"change": change}


def reliability(
    held_out: OutOfFold, rows: NDArray[np.bool_], logits: Logits, draws: SubjectDraws
) -> dict[str, tuple[ReliabilityBin, ...]]:
    """Reliability bins of some rows, before and after the calibration."""
    rim, subjects = held_out.rim[rows], _subjects(held_out, rows)
    return {
        when: reliability_curve(expit(values[rows]), rim, subjects, draws) for when, values in logits.items()
    }


def _subjects(held_out: OutOfFold, rows: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.array([held_out.keys[row][0] for row in np.flatnonzero(rows)], dtype=np.str_)
