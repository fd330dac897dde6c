"""Intervals from resampled subjects (percentile bootstrap; Efron and Tibshirani 1993).

Subjects are drawn with replacement within their fold, and a subject's lesions stay together, as they are not
independent. Scores, folds and thresholds are fixed: the intervals tell how much the figures depend on who was
in the cohort, not how much they depend on the training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_DRAWS = 2000
LEVEL = 0.95
MIN_USABLE = 0.5  # share of the draws in which a figure must be defined, or it has no interval
_CELLS_AT_ONCE = 2**21  # lesion weights in memory: 16 MiB

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval and the number of draws in which it was defined."""

    value: float
    low: float
    high: float
    n_draws: int


@dataclass(frozen=True, eq=False)
class Resampled:
    """A figure and its value in each draw, shape (draws,); NaN where the draw leaves it undefined."""

    value: float
    drawn: FloatArray

    def estimate(self) -> Estimate:
        """Value and percentile interval; the interval is NaN if fewer than half of the draws are usable."""
        usable = self.drawn[np.isfinite(self.drawn)]
        if np.isnan(self.value) or len(usable) == 0 or len(usable) < MIN_USABLE * len(self.drawn):
            return Estimate(self.value, np.nan, np.nan, len(usable))
        low, high = np.percentile(usable, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
        return Estimate(self.value, float(low), float(high), len(usable))


@dataclass(frozen=True, eq=False)
class SubjectDraws:
    """How often each subject stands in each draw: ``times`` has shape (draws, subjects).

    The same draws serve all methods and all outlines, so that their differences are paired.
    """

    subjects: tuple[str, ...]
    times: FloatArray

    def totals(self, subjects: NDArray[np.str_], values: NDArray[Any]) -> FloatArray:
        """Sums over the lesions of each draw.

        Parameters
        ----------
        subjects
            Subject of each lesion, shape (n,).
        values
            Shape (n, k).

        Returns
        -------
        ndarray
            Shape (draws, k).
        """
        by_subject = np.zeros((len(self.subjects), values.shape[1]))
        np.add.at(by_subject, self._columns(subjects), values)
        return self.times @ by_subject

    def lesion_weights(self, subjects: NDArray[np.str_]) -> Iterator[FloatArray]:
        """How often each lesion stands in each draw, some draws at a time: shapes (some draws, n)."""
        columns = self._columns(subjects)
        step = max(1, _CELLS_AT_ONCE // max(len(subjects), 1))
        for start in range(0, len(self.times), step):
            yield self.times[start : start + step, columns]

    def _columns(self, subjects: NDArray[np.str_]) -> NDArray[np.intp]:
        place = {subject: column for column, subject in enumerate(self.subjects)}
        return np.array([place[subject] for subject in subjects.tolist()], dtype=np.intp)


def draw_subjects(
    fold_of: Mapping[str, int], rng: np.random.Generator, n_draws: int = N_DRAWS
) -> SubjectDraws:
    """Draw subjects with replacement, as many from each fold as it has.

    Parameters
    ----------
    fold_of
        Subject -> fold.
    rng
        Draws.
    n_draws
        How many.
    """
    subjects = tuple(sorted(fold_of))
    folds = np.array([fold_of[subject] for subject in subjects])
    times = np.zeros((n_draws, len(subjects)))
    for fold in np.unique(folds):
        columns = np.flatnonzero(folds == fold)
        times[:, columns] = rng.multinomial(
            len(columns), np.full(len(columns), 1 / len(columns)), size=n_draws
        )
    return SubjectDraws(subjects, times)
