"""Whether two raters agree, and whether a method errs where they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.bootstrap import FloatArray, Resampled, SubjectDraws
from qsmrim_app.evaluation.metrics import as_rim
from qsmrim_app.evaluation.scorecard import CELLS
from qsmrim_app.evaluation.scored_lesions import ScoredLesions


@dataclass(frozen=True, eq=False)
class CellDisagreement:
    """Lesions of one cell that both raters rated, and how many they rated differently."""

    n_lesions: int
    n_disagree: int
    share: Resampled


@dataclass(frozen=True, eq=False)
class RaterAgreement:
    """Of the lesions that both raters rated: Cohen's kappa, and the disagreements in each cell."""

    n_lesions: int
    n_disagree: int
    kappa: Resampled
    by_cell: Mapping[str, CellDisagreement]


def cohen_kappa(rater1: NDArray[Any], rater2: NDArray[Any]) -> float:
    """Agreement of two raters beyond chance, (p_o - p_e) / (1 - p_e) (Cohen 1960).

    Higher is better, 1 is perfect, 0 is chance. NaN where both gave all lesions the same status, as chance
    alone would agree then, and without lesions.

    Parameters
    ----------
    rater1, rater2
        Rim status by each rater, shape (n,): 1 or 0.

    Raises
    ------
    TableError
        If a value is neither 0 nor 1.
    """
    counts = _counts(as_rim(rater1), as_rim(rater2)).sum(axis=0)
    return float(_kappa(counts[None])[0])


def rater_agreement(
    lesions: ScoredLesions, raters: NDArray[np.float64], draws: SubjectDraws
) -> RaterAgreement | None:
    """How two raters agree, and where among TP, FP, FN and TN their disagreements lie.

    Parameters
    ----------
    lesions
        n held-out lesions.
    raters
        Rim status by each of the two, shape (n, 2): 1, 0, or NaN where one did not rate.
    draws
        Resampled subjects.

    Returns
    -------
    RaterAgreement or None
        None if no lesion was rated by both.
    """
    both = np.isfinite(raters).all(axis=1)
    if not both.any():
        return None
    one, other = (as_rim(raters[both, column]) for column in (0, 1))
    subjects, counts = lesions.subjects[both], _counts(one, other)
    kappa = Resampled(cohen_kappa(one, other), _kappa(draws.totals(subjects, counts)))
    called, truth = lesions.called[both], lesions.truth[both]
    cells = (called & truth, called & ~truth, ~called & truth, ~called & ~truth)
    by_cell = {
        name: _disagreement(cell, one != other, subjects, draws)
        for name, cell in zip(CELLS, cells, strict=True)
    }
    return RaterAgreement(int(both.sum()), int((one != other).sum()), kappa, by_cell)


def _counts(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Both, the first alone, the second alone, neither: shape (n, 4)."""
    return np.column_stack([one & other, one & ~other, ~one & other, ~one & ~other])


def _kappa(counts: NDArray[Any]) -> FloatArray:
    """Kappa from the columns of `_counts` added up, shape (draws, 4) to (draws,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        both, first, second, neither = (counts / counts.sum(axis=1, keepdims=True)).T
        chance = (both + first) * (both + second) + (neither + first) * (neither + second)
        kappa = (both + neither - chance) / (1 - chance)
    return np.where(np.isclose(chance, 1), np.nan, kappa)


def _disagreement(
    cell: NDArray[np.bool_], differs: NDArray[np.bool_], subjects: NDArray[np.str_], draws: SubjectDraws
) -> CellDisagreement:
    n, n_disagree = int(cell.sum()), int((cell & differs).sum())
    totals = draws.totals(subjects, np.column_stack([cell & differs, cell]))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = totals[:, 0] / totals[:, 1]
    return CellDisagreement(n, n_disagree, Resampled(n_disagree / n if n else np.nan, drawn))
