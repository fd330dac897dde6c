"""Areas under the lesion-level curves, when lesions stand several times or not at all.

The definitions are those of `curves`: step curves of each fold, equal scores together, the mean of the folds'
areas. Lesions are sorted once; a draw is a row of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.bootstrap import FloatArray, Resampled, SubjectDraws
from qsmrim_app.evaluation.curves import MAX_FPR
from qsmrim_app.evaluation.scored_lesions import ScoredLesions


def areas(lesions: ScoredLesions, weights: FloatArray) -> dict[str, FloatArray]:
    """``proc_auc``, ``pr_auc`` and ``roc_auc``, each the mean over folds; higher is better, 1 is perfect.

    ``proc_auc`` is the area of the ROC up to a false positive rate of 0.1, divided by 0.1; ``pr_auc`` the
    average precision; ``roc_auc`` the probability that a rim+ lesion scores above a rim- lesion of its fold,
    equal scores counted half (Hanley and McNeil 1982).

    Parameters
    ----------
    lesions
        n lesions.
    weights
        How often each lesion stands, whole numbers, shape (draws, n).

    Returns
    -------
    dict
        Name -> shape (draws,). Folds whose lesions are all of one class have no curve and are left out. NaN
        where a draw takes one of the classes from another fold, as the mean would be one of other folds then.
    """
    by_fold = [
        _areas_of_fold(lesions, rows, weights)
        for rows in (np.flatnonzero(lesions.folds == fold) for fold in np.unique(lesions.folds))
        if 0 < lesions.truth[rows].sum() < len(rows)
    ]
    undefined = np.full(len(weights), np.nan)
    return {
        name: np.mean([fold[name] for fold in by_fold], axis=0) if by_fold else undefined for name in _AREAS
    }


def resampled_areas(lesions: ScoredLesions, draws: SubjectDraws) -> dict[str, Resampled]:
    """The areas of `areas`, and their values in each draw of subjects."""
    parts = [areas(lesions, weights) for weights in draws.lesion_weights(lesions.subjects)]
    return {
        name: Resampled(float(value[0]), np.concatenate([part[name] for part in parts]))
        for name, value in areas(lesions, np.ones((1, len(lesions)))).items()
    }


# ---- one fold --------------------------------------------------------------------------------------------
def _areas_of_fold(
    lesions: ScoredLesions, rows: NDArray[np.intp], weights: FloatArray
) -> dict[str, FloatArray]:
    """Areas by name, each of shape (draws,); NaN where a draw has one class only."""
    order = rows[np.argsort(-lesions.p_rim[rows], kind="stable")]
    scores = lesions.p_rim[order]
    last_of_equals = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    chosen = weights[:, order]
    tp = np.cumsum(chosen * lesions.truth[order], axis=1)[:, last_of_equals]  # (draws, distinct scores)
    called = np.cumsum(chosen, axis=1)[:, last_of_equals]
    fp = called - tp
    usable = (tp[:, -1] > 0) & (fp[:, -1] > 0)
    found = {name: area(_from_zero(tp[usable]), _from_zero(fp[usable])) for name, area in _AREAS.items()}
    return {name: _spread(values, usable) for name, values in found.items()}


def _partial_roc_area(tp: FloatArray, fp: FloatArray) -> FloatArray:
    tpr = tp / tp[:, -1:]
    fpr = np.minimum(fp / fp[:, -1:], MAX_FPR)
    return np.asarray(np.sum(np.diff(fpr, axis=1) * tpr[:, :-1], axis=1) / MAX_FPR)


def _average_precision(tp: FloatArray, fp: FloatArray) -> FloatArray:
    called = np.maximum((tp + fp)[:, 1:], 1)  # nothing called: no recall is gained there either
    return np.asarray(np.sum(np.diff(tp, axis=1) * tp[:, 1:] / called, axis=1) / tp[:, -1])


def _roc_area(tp: FloatArray, fp: FloatArray) -> FloatArray:
    middle = (tp[:, 1:] + tp[:, :-1]) / 2
    return np.asarray(np.sum(np.diff(fp, axis=1) * middle, axis=1) / tp[:, -1] / fp[:, -1])


_AREAS: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "proc_auc": _partial_roc_area,
    "pr_auc": _average_precision,
    "roc_auc": _roc_area,
}


def _from_zero(cumulative: FloatArray) -> FloatArray:
    return np.pad(cumulative, ((0, 0), (1, 0)))


def _spread(values: FloatArray, usable: NDArray[np.bool_]) -> FloatArray:
    spread = np.full(len(usable), np.nan)
    spread[usable] = values
    return spread
