"""All figures of one method on one kind of outline, with their values in each draw of subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qsmrim_app.evaluation.areas import resampled_areas
from qsmrim_app.evaluation.bootstrap import Resampled, SubjectDraws
from qsmrim_app.evaluation.counts import (
    Correlation,
    correlation,
    resampled_mean_squared_error,
    subject_counts,
)
from qsmrim_app.evaluation.metrics import Confusion, confusion
from qsmrim_app.evaluation.scored_lesions import ScoredLesions

CELLS = ("tp", "fp", "fn", "tn")
RATIOS = ("sensitivity", "specificity", "ppv", "f1", "accuracy")
REVIEW = ("to_review", "saved", "paper_to_review", "paper_saved")
COUNTS = (*CELLS, "to_review", "paper_to_review")  # whole numbers of lesions


@dataclass(frozen=True, eq=False)
class Scorecard:
    """Figures by name: ``proc_auc``, ``pr_auc``, ``roc_auc``, the cells and ratios above, ``count_mse``.

    ``count_r`` correlates predicted and expert counts of the subjects.
    """

    lesions: ScoredLesions
    figures: Mapping[str, Resampled]
    count_r: Correlation


def score(lesions: ScoredLesions, draws: SubjectDraws) -> Scorecard:
    """Everything that is told of a method.

    Parameters
    ----------
    lesions
        Held-out lesions under one kind of outline.
    draws
        Resampled subjects; the same for everything that is to be compared.
    """
    counts = subject_counts(lesions)
    figures = {
        **resampled_areas(lesions, draws),
        **resampled_confusion(lesions, draws),
        "count_mse": resampled_mean_squared_error(counts, draws),
    }
    return Scorecard(lesions, figures, correlation(counts))


def score_review(lesions: ScoredLesions, threshold: float, draws: SubjectDraws) -> dict[str, Resampled]:
    """What a reader who looks at the lesions from a threshold on finds, and what is saved.

    Parameters
    ----------
    lesions
        Held-out lesions under one kind of outline; what they are called does not matter.
    threshold
        On ``p_rim``.
    draws
        Resampled subjects.
    """
    called = replace(lesions, called=lesions.p_rim >= threshold)
    return resampled_confusion(called, draws, (*CELLS, "sensitivity", *REVIEW))


def resampled_confusion(
    lesions: ScoredLesions, draws: SubjectDraws, names: Sequence[str] = (*CELLS, *RATIOS)
) -> dict[str, Resampled]:
    """Figures of `Confusion` by name, and their values in each draw."""
    called, truth = lesions.called, lesions.truth
    cells = np.column_stack([called & truth, called & ~truth, ~called & truth, ~called & ~truth])
    drawn = [
        Confusion(*(int(cell) for cell in row)) for row in draws.totals(lesions.subjects, cells).tolist()
    ]
    found = confusion(called, lesions.rim)
    return {
        name: Resampled(getattr(found, name), np.array([getattr(one, name) for one in drawn], dtype=float))
        for name in names
    }
