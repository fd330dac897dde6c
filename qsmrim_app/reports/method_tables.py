"""The tables that set methods side by side: figures, differences, operating points, counts of subjects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qsmrim_app.evaluation.counts import subject_counts
from qsmrim_app.evaluation.platt import Calibration
from qsmrim_app.evaluation.scorecard import Scorecard
from qsmrim_app.reports.sections import Row, Section
from qsmrim_app.reports.words import MISSING, number

_FIGURES: Mapping[str, str] = {
    "pr_auc": "PR AUC",
    "proc_auc": "pROC AUC",
    "roc_auc": "ROC AUC",
    "sensitivity": "Sensitivity",
    "ppv": "PPV",
    "f1": "F1",
    "count_r": "Count r",
    "count_mse": "Count MSE",
}
_WITH_TWO_DIGITS = ("count_r", "count_mse")
# Zhang 2022 and its re-run: other patients, masks and protocol. The starred follow from printed shares.
_PUBLISHED: tuple[Row, ...] = (
    ("QSMRim-Net", "0.704", "0.760", "0.678", "~0.73*", "0.89 (0.86 to 0.92)", "0.98"),
    ("RimNet on QSM", "0.641*", "0.726", "~0.66*", "~0.63*", "0.75 (0.67 to 0.81)", "2.47"),
    ("APRL (NN) on QSM", MISSING, MISSING, MISSING, MISSING, "0.88 (0.85 to 0.91)", "1.02"),
    ("APRL (RF) on QSM", "0.440*", "0.628", "~0.59*", "~0.55*", "0.77 (0.70 to 0.82)", "2.26"),
    ("QSMRim-Net re-run on plain FLAIR masks", "0.514", MISSING, MISSING, MISSING, MISSING, MISSING),
)


def comparison_table(metrics: Mapping[str, Mapping[str, Any]]) -> Section:
    """Every figure of every method on every kind of outline.

    Parameters
    ----------
    metrics
        Method -> its ``metrics``, as in ``evaluation.json``.
    """
    rows = tuple(
        (
            method, variant, str(found["n_lesions"]), str(found["n_rim"]),
            *(interval_text(found[name], 2 if name in _WITH_TWO_DIGITS else 3) for name in _FIGURES),
        )
        for method, told in metrics.items()
        for variant, found in told["variants"].items()
    )  # fmt: skip
    return Section(
        "Methods side by side",
        ("Method", "Outlines", "Lesions", "Rim+", *_FIGURES.values()),
        rows,
        "On lesions of held-out subjects; 95 % interval in brackets. Areas are means over folds. "
        "Sensitivity, PPV and F1 are at thresholds that the other folds chose. Count: rim+ lesions of a "
        "subject, predicted against expert. Higher is better, but for its mean squared error (MSE). "
        "No bracket: undefined in most resamples, as where folds were left without a rim+ lesion.",
    )


def difference_table(rows: Sequence[Sequence[Any]]) -> Section:
    """Differences of the first method and each other one, paired on the same lesions.

    Parameters
    ----------
    rows
        Those of ``models/comparison.tsv``: two methods, outlines, metric, value, low, high, draws.
    """
    first = rows[0][0] if rows else ""
    names = [name for name in _FIGURES if any(row[3] == name for row in rows)]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one, other, variant, metric, value, low, high, _ in rows:
        if one == first:
            estimate = {"value": value, "low": low, "high": high}
            sure = low is not None and high is not None and (low > 0 or high < 0)
            cell = interval_text(estimate, 2 if metric in _WITH_TWO_DIGITS else 3) + ("*" if sure else "")
            found.setdefault((f"{one} minus {other}", variant), {})[metric] = cell
    return Section(
        "Differences on the same lesions",
        ("Methods", "Outlines", *(_FIGURES[name] for name in names)),
        tuple((*key, *(cells.get(name, MISSING) for name in names)) for key, cells in found.items()),
        "The first method minus each other; 95 % interval over resampled subjects, paired by draw. * the "
        "interval does not hold 0. Of the count MSE less is better. models/comparison.tsv has all pairs.",
    )


def operating_point_table(
    points: Mapping[str, Mapping[str, float]], calibrations: Mapping[str, Calibration]
) -> Section:
    """The thresholds that the trained models bring along."""
    rows = tuple(
        (method, name, number(threshold, 4), *_two_numbers(calibrations[method]))
        for method, found in points.items()
        for name, threshold in found.items()
    )
    return Section(
        "Operating points of the trained models",
        ("Method", "Operating point", "Threshold on p_rim", "Temperature", "Shift of the log-odds"),
        rows,
        "Chosen on all held-out lesions, for use on new subjects (--operating-point).",
    )


def _two_numbers(calibration: Calibration) -> tuple[str, str]:
    return number(calibration.temperature, 3), number(calibration.shift, 3)


def fold_thresholds_table(metrics: Mapping[str, Mapping[str, Any]]) -> Section:
    """The F1 threshold of each fold, by where it was chosen."""
    folds = list(dict.fromkeys(fold for told in metrics.values() for fold in told["calibration_by_fold"]))
    rows = tuple(
        (method, mode, *(number(by_fold.get(fold), 4) for fold in folds))
        for method, told in metrics.items()
        for mode, by_fold in told["thresholds_by_fold"].items()
    )
    return Section("Thresholds of the folds", ("Method", "Chosen", *(f"Fold {fold}" for fold in folds)), rows)


def counts_table(cards: Mapping[str, Scorecard], variant: str) -> Section:
    """Rim+ lesions of every subject: the expert's count, and the prediction of each method."""
    counts = {method: subject_counts(card.lesions) for method, card in cards.items()}
    first = next(iter(counts.values()))
    fold_of = dict(
        zip(
            next(iter(cards.values())).lesions.subjects.tolist(),
            next(iter(cards.values())).lesions.folds.tolist(),
            strict=True,
        )
    )
    rows = tuple(
        (
            subject,
            str(fold_of[subject]),
            _count(first.expert[row]),
            *(_count(found.predicted[row]) for found in counts.values()),
        )
        for row, subject in enumerate(first.subjects)
    )
    return Section(
        f"Rim+ lesions of each subject, outlines: {variant}",
        ("Subject", "Fold", "Expert", *counts),
        rows,
        "Lesions that were rated and classified; the mean of a subject's sessions. "
        "models/<method>/counts.tsv has the same numbers.",
    )


def published_table() -> Section:
    """What is published of other data."""
    head = ("Method", "PR AUC", "pROC AUC", "Sensitivity", "PPV", "Count r", "Count MSE")
    return Section(
        "Published, of other patients",
        head,
        _PUBLISHED,
        "Zhang et al. 2022 (172 patients, masks edited on QSM) and a later re-run on plain FLAIR masks. "
        "Data and protocol differ: the figures stand beside, they are no yardstick. * derived from "
        "printed shares.",
    )


def interval_text(found: Mapping[str, Any], digits: int) -> str:
    """``0.60 (0.52 to 0.67)``; a dash where the figure, no bracket where the interval is undefined."""
    value, low, high = (_known(found.get(name)) for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"


def _known(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _count(value: float) -> str:
    return number(value, 1).removesuffix(".0")
