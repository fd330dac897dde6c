"""Put a calibration and thresholds on what held-out subjects showed, and say how good the method is.

Temperature, operating points and the cross-fitted thresholds come from the rows of all outlines together, as
one model serves them all; the figures are told for each kind of outline apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.bootstrap import SubjectDraws
from qsmrim_app.evaluation.calibration import cross_fitted_calibrations, fit_calibration
from qsmrim_app.evaluation.comparison import compare, ratio
from qsmrim_app.evaluation.counts import subject_counts
from qsmrim_app.evaluation.platt import Calibration
from qsmrim_app.evaluation.reliability import ReliabilityBin
from qsmrim_app.evaluation.scorecard import Scorecard, score
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from qsmrim_app.evaluation.thresholds import (
    cross_fitted_thresholds,
    f1_threshold,
    high_sensitivity_threshold,
    scored_fold_thresholds,
)
from qsmrim_app.levels.calibrating import calibration, logits_by_calibration, reliability
from qsmrim_app.levels.held_out import OutOfFold
from qsmrim_app.levels.plain_figures import (
    card_figures,
    mode_figures,
    rater_figures,
    review_figures,
    site_figures,
    without_nan,
)
from qsmrim_app.levels.sources import MAIN
from qsmrim_app.tables.columns import Column

PROTOCOL = "cross-validation by subject, cross-fitted F1 thresholds"
SCORED_FOLD, CROSS_FITTED, STRICT = "scored-fold", "cross-fitted", "strict"  # how thresholds are chosen
HIGH_SENSITIVITY = "high-sensitivity"
_RATIOS_TO_MAIN = ("pr_auc", "proc_auc")

COMPARISON_COLUMNS: Mapping[str, Column] = {
    "method_1": Column("text", "The first method"),
    "method_2": Column("text", "The second method"),
    "variant": Column("text", "Outlines of the lesions: main, or the name of a mask variant"),
    "metric": Column(
        "text",
        "What differs; higher is better, but for count_mse. Folds and thresholds as in evaluation.json",
    ),
    "value": Column("number", "Metric of the first method minus that of the second, on the same lesions"),
    "low": Column("number", "Lower end of the 95 % interval over resampled subjects, paired by draw"),
    "high": Column("number", "Upper end of that interval"),
    "n_draws": Column("integer", "Draws in which both metrics were defined"),
}
COUNT_COLUMNS: Mapping[str, Column] = {
    "variant": Column("text", "Outlines of the lesions: main, or the name of a mask variant"),
    "subject": Column("text", "Participant label without 'sub-', after its site where sites are named"),
    "n_rim_expert": Column(
        "number", "Rim positive lesions by the experts, of those scored; mean of the subject's sessions"
    ),
    "n_rim_predicted": Column(
        "number",
        "Those called rim positive by the F1 thresholds that the other folds chose; mean of sessions",
    ),
}
RELIABILITY_COLUMNS: Mapping[str, Column] = {
    "variant": Column("text", "Outlines of the lesions: main, or the name of a mask variant"),
    "calibration": Column("text", "before, or after it; each fold's was fitted on the other folds"),
    "p_low": Column("number", "Lower edge of the bin"),
    "p_high": Column("number", "Upper edge of the bin"),
    "n_lesions": Column("integer", "Lesions in the bin"),
    "n_rim": Column("integer", "Those that the experts call rim positive"),
    "p_mean": Column("number", "Mean of p_rim in the bin"),
    "rim_share": Column("number", "n_rim / n_lesions"),
    "low": Column("number", "Lower end of the 95 % interval of rim_share over resampled subjects"),
    "high": Column("number", "Upper end of that interval"),
}

Reliability = Mapping[str, Mapping[str, tuple[ReliabilityBin, ...]]]  # variant -> before, after -> bins


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What held-out subjects say of a method; cards and reliability are by kind of outline.

    ``p_rim`` and ``called`` have one value a held-out row. ``metrics`` is plain data, undefined figures None.
    """

    calibration: Calibration
    operating_points: Mapping[str, float]
    p_rim: NDArray[np.float64]
    called: NDArray[np.bool_]
    cards: Mapping[str, Scorecard]
    reliability: Reliability
    metrics: Mapping[str, Any]

    def count_rows(self) -> list[tuple[object, ...]]:
        """One row a subject and kind of outline, in the order of `COUNT_COLUMNS`."""
        return [
            (variant, *row)
            for variant, counts in ((name, subject_counts(card.lesions)) for name, card in self.cards.items())
            for row in zip(counts.subjects, counts.expert.tolist(), counts.predicted.tolist(), strict=True)
        ]

    def reliability_rows(self) -> list[tuple[object, ...]]:
        """One row a bin, in the order of `RELIABILITY_COLUMNS`."""
        return [
            (variant, when, *asdict(one).values())
            for variant, curves in self.reliability.items()
            for when, bins in curves.items()
            for one in bins
        ]


def evaluate(
    held_out: OutOfFold, draws: SubjectDraws, strict: Mapping[int, float] | None = None
) -> Evaluation:
    """Calibration, operating points and all figures.

    Parameters
    ----------
    held_out
        Rows of every kind of outline.
    draws
        Resampled subjects; the same for all methods that are to be compared.
    strict
        Fold -> threshold on the logit that was chosen without any lesion of the fold; None: not asked for.
    """
    fitted = fit_calibration(held_out.logits, held_out.rim)
    p_rim = fitted.probabilities(held_out.median_logits)
    thresholds = _thresholds(held_out, p_rim, fitted, strict)
    called = {mode: _called(held_out, p_rim, by_fold) for mode, by_fold in thresholds.items()}
    points = _operating_points(p_rim, held_out.rim)
    everything = ScoredLesions(held_out.keys, held_out.folds, held_out.rim, p_rim, called[CROSS_FITTED])
    rows = {name: held_out.variants == name for name in _variants(held_out)}
    cards = {name: score(everything.take(chosen), draws) for name, chosen in rows.items()}
    by_fold = cross_fitted_calibrations(held_out.logits, held_out.rim, held_out.folds)
    logits = logits_by_calibration(held_out, by_fold)
    figures = {
        name: card_figures(card)
        | {
            "threshold_modes": mode_figures(
                {mode: mask[rows[name]] for mode, mask in called.items()}, card.lesions.rim
            ),
            "high_sensitivity": review_figures(card.lesions, points.get(HIGH_SENSITIVITY), draws),
            "raters": rater_figures(card.lesions, _raters(held_out, rows[name]), draws),
            "calibration": calibration(held_out, rows[name], logits, draws),
        }
        for name, card in cards.items()
    }
    metrics = {
        "protocol": PROTOCOL,
        "n_folds": len(by_fold),
        "n_draws": len(draws.times),
        "variants": figures,
        "ratio_to_main": {name: _ratios(card, cards[MAIN]) for name, card in cards.items() if name != MAIN},
        "sites": _sites(cards, draws),
        "thresholds_by_fold": {mode: _by_name(values) for mode, values in thresholds.items()},
        "calibration_by_fold": {str(fold): asdict(one) for fold, one in by_fold.items()},
    }
    curves = {name: reliability(held_out, rows[name], logits, draws) for name in cards}
    return Evaluation(fitted, points, p_rim, called[CROSS_FITTED], cards, curves, without_nan(metrics))


def comparison_rows(evaluations: Mapping[str, Evaluation]) -> list[tuple[object, ...]]:
    """Every pair of methods, in the order of `COMPARISON_COLUMNS`."""
    return [
        (one, other, variant, metric, *asdict(found).values())
        for one, other in combinations(evaluations, 2)
        for variant, card in evaluations[one].cards.items()
        for metric, found in compare(card, evaluations[other].cards[variant]).items()
    ]


# ---- the parts -------------------------------------------------------------------------------------------
def _variants(held_out: OutOfFold) -> list[str]:
    return list(dict.fromkeys(held_out.variants.tolist()))


def _operating_points(p_rim: NDArray[np.float64], rim: NDArray[np.float64]) -> dict[str, float]:
    sensitive = high_sensitivity_threshold(p_rim, rim)
    points = {"f1": f1_threshold(p_rim, rim)}
    return points if sensitive is None else points | {HIGH_SENSITIVITY: sensitive}


def _thresholds(
    held_out: OutOfFold, p_rim: NDArray[np.float64], fitted: Calibration, strict: Mapping[int, float] | None
) -> dict[str, dict[int, float]]:
    """How thresholds are chosen -> fold -> threshold on ``p_rim``."""
    found = {
        SCORED_FOLD: scored_fold_thresholds(p_rim, held_out.rim, held_out.folds),
        CROSS_FITTED: cross_fitted_thresholds(p_rim, held_out.rim, held_out.folds),
    }
    if strict is not None:
        found[STRICT] = {fold: float(fitted.probabilities(np.array(logit))) for fold, logit in strict.items()}
    return found


def _called(
    held_out: OutOfFold, p_rim: NDArray[np.float64], by_fold: Mapping[int, float]
) -> NDArray[np.bool_]:
    return np.asarray(p_rim >= np.array([by_fold[int(fold)] for fold in held_out.folds]))


def _raters(held_out: OutOfFold, rows: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    return None if held_out.raters is None else held_out.raters[rows]


def _sites(cards: Mapping[str, Scorecard], draws: SubjectDraws) -> dict[str, Any]:
    found = {name: site_figures(card.lesions, draws) for name, card in cards.items()}
    return {name: figures for name, figures in found.items() if figures}


def _by_name(values: Mapping[int, float]) -> dict[str, float]:
    return {str(fold): value for fold, value in values.items()}


def _ratios(card: Scorecard, main: Scorecard) -> dict[str, Any]:
    return {name: asdict(ratio(card.figures[name], main.figures[name])) for name in _RATIOS_TO_MAIN}
