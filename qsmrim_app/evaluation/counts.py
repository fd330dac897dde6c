"""Rim+ lesions of each subject: how many are predicted, how many the expert found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from qsmrim_app.evaluation.bootstrap import FloatArray, Resampled, SubjectDraws
from qsmrim_app.evaluation.scored_lesions import ScoredLesions

_Z = 1.96  # of a two-sided 95 % interval


@dataclass(frozen=True, eq=False)
class SubjectCounts:
    """Rim+ lesions a session, by subject: ``predicted`` and ``expert`` have the shape (subjects,)."""

    subjects: tuple[str, ...]
    predicted: FloatArray
    expert: FloatArray


@dataclass(frozen=True, eq=False)
class Regression:
    """A least-squares line, at ``x``, with the 95 % band of its mean; all of shape (points,)."""

    slope: float
    intercept: float
    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Correlation:
    """Pearson's r with its 95 % interval over ``n`` subjects; NaN where it is undefined."""

    value: float
    low: float
    high: float
    n: int


def subject_counts(lesions: ScoredLesions) -> SubjectCounts:
    """Predicted and expert count of every subject with a rated lesion, those without a rim included.

    A subject with several sessions stands once, with the mean of its sessions' counts: each subject weighs
    the same, and the count stays one of lesions a session.
    """
    sessions: dict[str, dict[str, NDArray[np.float64]]] = {}
    for (subject, session, _), called, rim in zip(lesions.keys, lesions.called, lesions.truth, strict=True):
        counts = sessions.setdefault(subject, {}).setdefault(session, np.zeros(2))
        counts += (called, rim)
    subjects = sorted(sessions)
    means = [np.mean(list(sessions[subject].values()), axis=0) for subject in subjects]
    both = np.array(means).reshape(-1, 2)
    return SubjectCounts(tuple(subjects), both[:, 0], both[:, 1])


def correlation(counts: SubjectCounts) -> Correlation:
    """Pearson's r of predicted and expert counts, with the interval tanh(atanh r +- 1.96 / sqrt(n - 3)).

    Fisher's (1921) interval. Higher is better, 1 is perfect up to scale and offset. Undefined (NaN) for three
    subjects or fewer, or where either count is the same for all.
    """
    n = len(counts.subjects)
    if n <= 3 or np.ptp(counts.predicted) == 0 or np.ptp(counts.expert) == 0:
        return Correlation(math.nan, math.nan, math.nan, n)
    r = float(np.clip(np.corrcoef(counts.predicted, counts.expert)[0, 1], -1, 1))
    if abs(r) > 1 - 1e-12:  # a straight line: Fisher's transform has no end there
        return Correlation(round(r), round(r), round(r), n)
    low, high = (math.tanh(math.atanh(r) + side * _Z / math.sqrt(n - 3)) for side in (-1, 1))
    return Correlation(r, low, high, n)


def regression(counts: SubjectCounts, x: FloatArray) -> Regression | None:
    """The line that predicts the predicted from the expert count, with the band of its mean at ``x``.

    The band is y +- t s sqrt(1 / n + (x - mean)^2 / Sxx), t of n - 2 degrees of freedom (Draper and Smith
    1998). None for three subjects or fewer, or where all have the same expert count.
    """
    n, expert, predicted = len(counts.subjects), counts.expert, counts.predicted
    if n <= 3 or np.ptp(expert) == 0:
        return None
    slope, intercept = np.polyfit(expert, predicted, 1)
    spread = float(np.sum(np.square(expert - expert.mean())))
    error = math.sqrt(float(np.sum(np.square(predicted - intercept - slope * expert))) / (n - 2))
    y = intercept + slope * x
    half = stats.t.ppf(0.975, n - 2) * error * np.sqrt(1 / n + np.square(x - expert.mean()) / spread)
    return Regression(float(slope), float(intercept), x, y, y - half, y + half)


def resampled_mean_squared_error(counts: SubjectCounts, draws: SubjectDraws) -> Resampled:
    """Mean of (predicted - expert)^2 over subjects, in lesions squared; lower is better, 0 is perfect."""
    squared = np.square(counts.predicted - counts.expert)
    ones = np.ones_like(squared)
    totals = draws.totals(np.array(counts.subjects, dtype=np.str_), np.column_stack([squared, ones]))
    value = float(squared.mean()) if len(squared) else math.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        return Resampled(value, totals[:, 0] / totals[:, 1])
