"""Put a temperature and thresholds on what held-out subjects showed, and say how good the method is.

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
from scipy.special import expit

from qsmrim_app.evaluation.bootstrap import SubjectDraws
from qsmrim_app.evaluation.calibration import cross_fitted_temperatures, fit_temperature
from qsmrim_app.evaluation.comparison import compare, difference, ratio
from qsmrim_app.evaluation.curves import precision_recall
from qsmrim_app.evaluation.reliability import (
    ReliabilityBin,
    expected_calibration_error,
    reliability_curve,
    resampled_losses,
)
from qsmrim_app.evaluation.scorecard import CELLS, Scorecard, score
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from qsmrim_app.evaluation.thresholds import cross_fitted_thresholds, f1_threshold, high_sensitivity_threshold
from qsmrim_app.levels.gathering import MAIN
from qsmrim_app.levels.held_out import OutOfFold
from qsmrim_app.tables.columns import Column

PROTOCOL = "cross-validation by subject, cross-fitted F1 thresholds"
BEFORE, AFTER = "before", "after"  # the temperature
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
RELIABILITY_COLUMNS: Mapping[str, Column] = {
    "variant": Column("text", "Outlines of the lesions: main, or the name of a mask variant"),
    "temperature": Column("text", "before, or after it; each fold's was fitted on the other folds"),
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

    temperature: float
    operating_points: Mapping[str, float]
    p_rim: NDArray[np.float64]
    called: NDArray[np.bool_]
    cards: Mapping[str, Scorecard]
    reliability: Reliability
    metrics: Mapping[str, Any]

    def reliability_rows(self) -> list[tuple[object, ...]]:
        """One row a bin, in the order of `RELIABILITY_COLUMNS`."""
        return [
            (variant, when, *asdict(one).values())
            for variant, curves in self.reliability.items()
            for when, bins in curves.items()
            for one in bins
        ]


def evaluate(held_out: OutOfFold, draws: SubjectDraws) -> Evaluation:
    """Temperature, operating points and all figures.

    Parameters
    ----------
    held_out
        Rows of every kind of outline.
    draws
        Resampled subjects; the same for all methods that are to be compared.
    """
    temperature = fit_temperature(held_out.logits, held_out.rim)
    p_rim = held_out.p_rim(temperature)
    thresholds = cross_fitted_thresholds(p_rim, held_out.rim, held_out.folds)
    called = p_rim >= np.array([thresholds[int(fold)] for fold in held_out.folds])
    cards = {name: score(_scored(held_out, name, p_rim, called), draws) for name in _variants(held_out)}
    by_fold = cross_fitted_temperatures(held_out.logits, held_out.rim, held_out.folds)
    logits = {
        BEFORE: held_out.median_logits,
        AFTER: held_out.median_logits / np.array([by_fold[int(fold)] for fold in held_out.folds]),
    }
    calibration = {name: _calibration(held_out, name, logits, draws) for name in cards}
    metrics = {
        "protocol": PROTOCOL,
        "n_folds": len(thresholds),
        "n_draws": len(draws.times),
        "variants": {
            name: _figures(card) | {"calibration": calibration[name]} for name, card in cards.items()
        },
        "ratio_to_main": {name: _ratios(card, cards[MAIN]) for name, card in cards.items() if name != MAIN},
        "thresholds_by_fold": {str(fold): value for fold, value in thresholds.items()},
        "temperatures_by_fold": {str(fold): value for fold, value in by_fold.items()},
    }
    return Evaluation(
        temperature,
        _operating_points(p_rim, held_out.rim),
        p_rim,
        called,
        cards,
        {name: _reliability(held_out, name, logits, draws) for name in cards},
        _plain(metrics),
    )


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
    return points if sensitive is None else points | {"high-sensitivity": sensitive}


def _scored(
    held_out: OutOfFold, variant: str, p_rim: NDArray[np.float64], called: NDArray[np.bool_]
) -> ScoredLesions:
    rows = np.flatnonzero(held_out.variants == variant)
    keys = tuple(held_out.keys[row] for row in rows)
    return ScoredLesions(keys, held_out.folds[rows], held_out.rim[rows], p_rim[rows], called[rows])


def _figures(card: Scorecard) -> dict[str, Any]:
    lesions = card.lesions
    curve = precision_recall(lesions.p_rim, lesions.rim, lesions.folds)
    figures = {name: asdict(figure.estimate()) for name, figure in card.figures.items()}
    for cell in CELLS:
        figures[cell] = {
            name: value if np.isnan(value) else round(value) for name, value in figures[cell].items()
        }
    return {
        "n_subjects": len(set(lesions.subjects.tolist())),
        "n_lesions": len(lesions),
        "n_rim": int(lesions.truth.sum()),
        "folds_without_curve": list(curve.left_out),
        **figures,
        "count_r": asdict(card.count_r),
    }


def _ratios(card: Scorecard, main: Scorecard) -> dict[str, Any]:
    return {name: asdict(ratio(card.figures[name], main.figures[name])) for name in _RATIOS_TO_MAIN}


def _calibration(
    held_out: OutOfFold, variant: str, logits: Mapping[str, NDArray[np.float64]], draws: SubjectDraws
) -> dict[str, Any]:
    rows = held_out.variants == variant
    rim, subjects = held_out.rim[rows], _subjects(held_out, rows)
    losses = {when: resampled_losses(values[rows], rim, subjects, draws) for when, values in logits.items()}
    found: dict[str, Any] = {
        when: {"ece": expected_calibration_error(expit(logits[when][rows]), rim)}
        | {name: asdict(loss.estimate()) for name, loss in losses[when].items()}
        for when in (BEFORE, AFTER)
    }
    return found | {
        "change": {
            name: asdict(difference(losses[AFTER][name], losses[BEFORE][name])) for name in losses[AFTER]
        }
    }


def _reliability(
    held_out: OutOfFold, variant: str, logits: Mapping[str, NDArray[np.float64]], draws: SubjectDraws
) -> dict[str, tuple[ReliabilityBin, ...]]:
    rows = held_out.variants == variant
    return {
        when: reliability_curve(expit(values[rows]), held_out.rim[rows], _subjects(held_out, rows), draws)
        for when, values in logits.items()
    }


def _subjects(held_out: OutOfFold, rows: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.array([held_out.keys[row][0] for row in np.flatnonzero(rows)], dtype=np.str_)


def _plain(value: Any) -> Any:
    """Undefined figures become None, as JSON knows no NaN."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
