"""How well a number ranks rim+ lesions above rim- ones, and how well two raters agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.areas import resampled_areas
from qsmrim_app.evaluation.bootstrap import Estimate, draw_subjects
from qsmrim_app.evaluation.metrics import as_rim
from qsmrim_app.evaluation.scored_lesions import ScoredLesions

FEWEST_SUBJECTS = 5  # with fewer, an interval over subjects would look narrow for want of them
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Areas under the ROC and the precision-recall curve with 95 % intervals, and the lesions behind them."""

    n_rim: int
    n_other: int
    roc_auc: Estimate
    pr_auc: Estimate


def rank_over_subjects(scores: FloatArray, rim: NDArray[Any], subjects: NDArray[Any]) -> Ranking:
    """The areas over all lesions; intervals resample subjects, whose lesions stay together.

    Parameters
    ----------
    scores
        Higher means rather rim+, shape (n,).
    rim
        1 or 0, shape (n,).
    subjects
        Whose lesion each is, shape (n,).
    """
    names = [str(subject) for subject in subjects]
    ranking = _rank(scores, rim, names, dict.fromkeys(names, 0))
    return ranking if len(set(names)) >= FEWEST_SUBJECTS else _without_interval(ranking)


def rank_over_lesions(scores: FloatArray, rim: NDArray[Any]) -> Ranking:
    """The areas over all lesions; intervals resample lesions within each class.

    For so few subjects that resampling them says nothing. The intervals do not hold how subjects differ.
    """
    names = [f"lesion-{number}" for number in range(len(scores))]
    return _rank(scores, rim, names, {name: int(value) for name, value in zip(names, rim, strict=True)})


def cohen_kappa(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Agreement of two raters beyond chance: (p_observed - p_expected) / (1 - p_expected).

    Cohen J. Educational and Psychological Measurement 1960;20:37-46. 1 is perfect, 0 chance; NaN if both
    always say the same one thing.
    """
    a, b = as_rim(one), as_rim(other)
    observed = float((a == b).mean())
    expected = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return (observed - expected) / (1 - expected) if expected < 1 else float("nan")


def _rank(scores: FloatArray, rim: NDArray[Any], units: list[str], stratum: Mapping[str, int]) -> Ranking:
    """Areas with intervals from drawing ``units`` with replacement within their stratum."""
    truth = as_rim(rim)
    lesions = ScoredLesions(
        keys=tuple((unit, "", number) for number, unit in enumerate(units)),
        folds=np.zeros(len(scores), dtype=int),
        rim=truth.astype(int),
        p_rim=np.asarray(scores, dtype=np.float64),
        called=np.zeros(len(scores), dtype=bool),  # not looked at by areas
    )
    n_rim, n_other = int(truth.sum()), int((~truth).sum())
    if not (n_rim and n_other):
        nothing = Estimate(np.nan, np.nan, np.nan, 0)
        return Ranking(n_rim, n_other, nothing, nothing)
    found = resampled_areas(lesions, draw_subjects(stratum, np.random.default_rng(0)))
    return Ranking(n_rim, n_other, found["roc_auc"].estimate(), found["pr_auc"].estimate())


def _without_interval(ranking: Ranking) -> Ranking:
    roc, pr = (Estimate(area.value, np.nan, np.nan, 0) for area in (ranking.roc_auc, ranking.pr_auc))
    return Ranking(ranking.n_rim, ranking.n_other, roc, pr)
