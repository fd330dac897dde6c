"""How well predicted rims agree with those of the expert: counts, and the ratios made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import TableError


@dataclass(frozen=True)
class Confusion:
    """Lesions by predicted and expert rim status. Ratios: higher is better, NaN without a denominator."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def n(self) -> int:
        """Lesions."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def sensitivity(self) -> float:
        """TP / (TP + FN): share of the rim+ lesions that are found."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """TN / (TN + FP): share of the rim- lesions that are left alone."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> float:
        """TP / (TP + FP): share of the calls that are right."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), the harmonic mean of sensitivity and PPV."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """(TP + TN) / N."""
        return _ratio(self.tp + self.tn, self.n)

    @property
    def to_review(self) -> int:
        """TP + FP: lesions that a reader who trusts the rest must look at. Lower is better."""
        return self.tp + self.fp

    @property
    def saved(self) -> float:
        """1 - (TP + FP) / N: share of the lesions that need no look."""
        return 1 - _ratio(self.to_review, self.n)

    @property
    def paper_to_review(self) -> int:
        """TP + FN + FP, as the paper counts: every rim+ lesion, though the point misses some."""
        return self.tp + self.fn + self.fp

    @property
    def paper_saved(self) -> float:
        """1 - (TP + FN + FP) / N, the paper's share of lesions that need no look."""
        return 1 - _ratio(self.paper_to_review, self.n)


def confusion(predicted: NDArray[np.bool_], rim: NDArray[Any]) -> Confusion:
    """Counts over lesions.

    Parameters
    ----------
    predicted
        Shape (n,).
    rim
        Expert status, shape (n,): 1 or 0.

    Raises
    ------
    TableError
        If ``rim`` holds anything but 0 and 1.
    """
    truth = as_rim(rim)
    called = np.asarray(predicted, dtype=bool)
    return Confusion(
        tp=int((called & truth).sum()),
        fp=int((called & ~truth).sum()),
        fn=int((~called & truth).sum()),
        tn=int((~called & ~truth).sum()),
    )


def as_rim(rim: NDArray[Any]) -> NDArray[np.bool_]:
    """Expert status as a mask.

    Raises
    ------
    TableError
        If a value is neither 0 nor 1: a lesion that no expert rated cannot be evaluated.
    """
    if not np.isin(rim, (0, 1)).all():
        raise TableError(
            "only lesions with an expert rim status of 0 or 1 can be evaluated; leave the others out"
        )
    return np.asarray(rim == 1, dtype=bool)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
