"""Partial ROC and precision-recall curves, of one fold and averaged over folds.

Both curves are piecewise constant. TPR(f) is the highest true positive rate whose false positive rate is at
most f, so a step holds from its point to the right. Precision(r) is the precision at the first attained
recall of at least r, so a step holds from its point to the left; its area is the average precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.metrics import as_rim

MAX_FPR = 0.1  # the ROC is looked at up to here

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A step curve: ``y`` at each breakpoint ``x`` (ascending, from 0), and the area under it.

    The area of a partial ROC is divided by its width, so that 1 is perfect; higher is better.
    """

    x: FloatArray
    y: FloatArray
    area: float


@dataclass(frozen=True, eq=False)
class MeanCurve:
    """The average of the folds' curves on the union of their breakpoints; its area is the mean of theirs.

    ``left_out`` names the folds that have lesions of one class only and therefore no curve. Where that is all
    of them, the mean curve is empty and its area NaN.
    """

    mean: Curve
    by_fold: Mapping[int, Curve]
    left_out: tuple[int, ...]


def partial_roc(
    p_rim: FloatArray, rim: NDArray[Any], folds: NDArray[Any], max_fpr: float = MAX_FPR
) -> MeanCurve:
    """True against false positive rate up to a limit, averaged over folds.

    Parameters
    ----------
    p_rim
        Scores, shape (n,).
    rim
        Expert status, shape (n,): 1 or 0.
    folds
        Fold of each lesion, shape (n,).
    max_fpr
        Where the curve ends, by which its area is divided; 1 gives the whole ROC.
    """
    by_fold, left_out = _curves_by_fold(partial(_roc, max_fpr=max_fpr), p_rim, rim, folds)
    if not by_fold:
        return MeanCurve(_empty(), by_fold, left_out)
    grid = np.unique(np.concatenate([curve.x for curve in by_fold.values()]))
    values = [curve.y[np.searchsorted(curve.x, grid, side="right") - 1] for curve in by_fold.values()]
    return MeanCurve(_roc_curve(grid, np.mean(values, axis=0), max_fpr), by_fold, left_out)


def precision_recall(p_rim: FloatArray, rim: NDArray[Any], folds: NDArray[Any]) -> MeanCurve:
    """Precision against recall, averaged over folds; arguments as in `partial_roc`."""
    by_fold, left_out = _curves_by_fold(_pr, p_rim, rim, folds)
    if not by_fold:
        return MeanCurve(_empty(), by_fold, left_out)
    grid = np.unique(np.concatenate([curve.x for curve in by_fold.values()]))
    values = [curve.y[np.searchsorted(curve.x, grid, side="left")] for curve in by_fold.values()]
    return MeanCurve(_pr_curve(grid, np.mean(values, axis=0)), by_fold, left_out)


def cumulative_counts(p_rim: FloatArray, rim: NDArray[Any]) -> tuple[FloatArray, NDArray[Any], NDArray[Any]]:
    """Distinct scores, descending, and the true and false positives when all from that score on are called.

    Equal scores move together. Three arrays of shape (distinct scores,).
    """
    truth = as_rim(rim)
    scores, place = np.unique(-np.asarray(p_rim, dtype=np.float64), return_inverse=True)
    positives = np.bincount(place, weights=truth, minlength=len(scores)).astype(np.int64)
    total = np.bincount(place, minlength=len(scores))
    return -scores, np.cumsum(positives), np.cumsum(total - positives)


# ---- one fold --------------------------------------------------------------------------------------------
def _curves_by_fold(
    curve: Any, p_rim: FloatArray, rim: NDArray[Any], folds: NDArray[Any]
) -> tuple[dict[int, Curve], tuple[int, ...]]:
    by_fold: dict[int, Curve] = {}
    left_out = []
    for fold in np.unique(folds):
        rows = folds == fold
        if len(np.unique(as_rim(rim[rows]))) < 2:
            left_out.append(int(fold))
        else:
            by_fold[int(fold)] = curve(*cumulative_counts(p_rim[rows], rim[rows])[1:])
    return by_fold, tuple(left_out)


def _roc(tp: NDArray[Any], fp: NDArray[Any], max_fpr: float) -> Curve:
    tpr, fpr = np.append(0, tp) / tp[-1], np.append(0, fp) / fp[-1]
    x = np.unique(np.append(fpr[fpr < max_fpr], max_fpr))
    return _roc_curve(x, tpr[np.searchsorted(fpr, x, side="right") - 1], max_fpr)


def _pr(tp: NDArray[Any], fp: NDArray[Any]) -> Curve:
    recall, precision = tp / tp[-1], tp / (tp + fp)
    x = np.unique(np.append(0.0, recall))
    return _pr_curve(x, precision[np.searchsorted(recall, x, side="left")])


def _roc_curve(x: FloatArray, y: FloatArray, max_fpr: float) -> Curve:
    return Curve(x, y, float(np.sum(np.diff(x) * y[:-1]) / max_fpr))


def _pr_curve(x: FloatArray, y: FloatArray) -> Curve:
    return Curve(x, y, float(np.sum(np.diff(x) * y[1:])))


def _empty() -> Curve:
    return Curve(np.zeros(0), np.zeros(0), float("nan"))
