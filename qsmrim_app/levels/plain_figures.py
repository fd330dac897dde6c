"""Figures of an evaluation as plain data, for JSON and for the model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.agreement import rater_agreement
from qsmrim_app.evaluation.bootstrap import Resampled, SubjectDraws
from qsmrim_app.evaluation.curves import precision_recall
from qsmrim_app.evaluation.metrics import confusion
from qsmrim_app.evaluation.scorecard import CELLS, COUNTS, RATIOS, Scorecard, score, score_review
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from qsmrim_app.levels.sources import site_of


def card_figures(card: Scorecard) -> dict[str, Any]:
    """All figures of a scorecard, with their intervals, and of how many lesions and subjects they are."""
    lesions = card.lesions
    curve = precision_recall(lesions.p_rim, lesions.rim, lesions.folds)
    return {
        "n_subjects": len(set(lesions.subjects.tolist())),
        "n_lesions": len(lesions),
        "n_rim": int(lesions.truth.sum()),
        "folds_without_curve": list(curve.left_out),
        **estimates(card.figures),
        "count_r": asdict(card.count_r),
    }


def mode_figures(called: Mapping[str, NDArray[np.bool_]], rim: NDArray[Any]) -> dict[str, Any]:
    """Cells and ratios by how thresholds were chosen, without intervals."""
    cells = {mode: confusion(mask, rim) for mode, mask in called.items()}
    return {mode: {name: getattr(one, name) for name in (*CELLS, *RATIOS)} for mode, one in cells.items()}


def review_figures(lesions: ScoredLesions, threshold: float | None, draws: SubjectDraws) -> dict[str, Any]:
    """What a reader finds and saves at the high-sensitivity point; empty where there is no such point."""
    if threshold is None:
        return {}
    return {"threshold": threshold, **estimates(score_review(lesions, threshold, draws))}


def rater_figures(
    lesions: ScoredLesions, raters: NDArray[np.float64] | None, draws: SubjectDraws
) -> dict[str, Any]:
    """Agreement of two raters and where they disagree; empty where no lesion has two ratings."""
    found = None if raters is None else rater_agreement(lesions, raters, draws)
    if found is None:
        return {}
    return {
        "n_lesions": found.n_lesions,
        "n_disagree": found.n_disagree,
        "kappa": asdict(found.kappa.estimate()),
        "disagreement": {
            name: {
                "n_lesions": cell.n_lesions,
                "n_disagree": cell.n_disagree,
                "share": asdict(cell.share.estimate()),
            }
            for name, cell in found.by_cell.items()
        },
    }


def site_figures(lesions: ScoredLesions, draws: SubjectDraws) -> dict[str, Any]:
    """Figures of each site; empty where there are not two of them."""
    site = np.array([site_of(subject) for subject in lesions.subjects.tolist()], dtype=np.str_)
    names = np.unique(site).tolist()
    if len(names) < 2:
        return {}
    return {name: card_figures(score(lesions.take(site == name), draws)) for name in names}


def estimates(figures: Mapping[str, Resampled]) -> dict[str, Any]:
    """Value, interval and number of draws by name; numbers of lesions are whole."""
    found = {name: asdict(figure.estimate()) for name, figure in figures.items()}
    for name in set(COUNTS) & set(found):
        found[name] = {
            part: value if np.isnan(value) else round(value) for part, value in found[name].items()
        }
    return found


def without_nan(value: Any) -> Any:
    """Undefined figures become None, as JSON knows no NaN."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
