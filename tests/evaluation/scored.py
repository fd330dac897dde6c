"""A cohort of scored lesions, for every test of the evaluation."""

from __future__ import annotations

import numpy as np

from qsmrim_app.evaluation.scored_lesions import ScoredLesions


def scored_cohort(
    rng: np.random.Generator, n: int = 400, n_subjects: int = 40, n_folds: int = 5, strength: float = 0.5
) -> ScoredLesions:
    """Lesions of subjects in folds, a fifth of them rim+; two decimals, so that many scores are equal."""
    subjects = rng.integers(0, n_subjects, n)
    rim = (rng.random(n) < 0.2).astype(float)
    p_rim = np.round(np.clip(rng.random(n) * (1 - strength / 2) + rim * strength / 2, 0, 1), 2)
    keys = tuple((f"{subject:03d}", "", row + 1) for row, subject in enumerate(subjects))
    return ScoredLesions(keys, subjects % n_folds, rim, p_rim, p_rim >= 0.6)


def fold_of(lesions: ScoredLesions) -> dict[str, int]:
    """Subject -> fold."""
    return dict(zip(lesions.subjects.tolist(), lesions.folds.tolist(), strict=True))


def repeated(lesions: ScoredLesions, times: np.ndarray) -> ScoredLesions:
    """The rows repeated, each copy under a key of its own."""
    rows = np.repeat(np.arange(len(lesions)), times.astype(int))
    keys = tuple((lesions.keys[row][0], "", place) for place, row in enumerate(rows))
    parts = (lesions.folds, lesions.rim, lesions.p_rim, lesions.called)
    return ScoredLesions(keys, *(part[rows] for part in parts))
