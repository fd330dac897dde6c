"""Which of two methods is better: differences over the same lesions and the same draws of subjects."""

from __future__ import annotations

import numpy as np

from qsmrim_app.errors import TableError
from qsmrim_app.evaluation.bootstrap import Estimate, Resampled
from qsmrim_app.evaluation.scorecard import CELLS, Scorecard


def compare(one: Scorecard, other: Scorecard) -> dict[str, Estimate]:
    """One minus the other, for every figure but the four cells, with the interval of the paired differences.

    An interval without 0 speaks for a difference in this cohort. For ``count_mse`` lower is better, for all
    other figures higher.

    Parameters
    ----------
    one, other
        Of the same lesions and draws; the lesions may stand in any order.

    Raises
    ------
    TableError
        If the lesions, their folds or their expert status are not the same.
    """
    if _by_key(one) != _by_key(other):
        raise TableError("methods can be compared only on the same lesions, folds and expert status")
    return {
        name: difference(figure, other.figures[name])
        for name, figure in one.figures.items()
        if name not in CELLS
    }


def difference(one: Resampled, other: Resampled) -> Estimate:
    """``one - other``, paired by draw."""
    return Resampled(one.value - other.value, one.drawn - other.drawn).estimate()


def ratio(one: Resampled, other: Resampled) -> Estimate:
    """``one / other``, paired by draw; undefined where ``other`` is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.float64(one.value) / other.value) if other.value else float("nan")
        return Resampled(value, one.drawn / other.drawn).estimate()


def _by_key(card: Scorecard) -> dict[tuple[str, str, int], tuple[int, int]]:
    lesions = card.lesions
    return dict(
        zip(lesions.keys, zip(lesions.folds.tolist(), lesions.truth.tolist(), strict=True), strict=True)
    )
