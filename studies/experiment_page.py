"""The page of the experiment: tables of all methods, with the published figures beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qsmrim_app.levels.evaluating import CROSS_FITTED, SCORED_FOLD, comparison_rows
from qsmrim_app.levels.sources import MAIN
from qsmrim_app.reports.count_figures import counts_figure
from qsmrim_app.reports.curve_figures import curves_figure
from qsmrim_app.reports.words import MISSING, number, plural
from studies.experiment_results import Result
from studies.markdown import percent, table
from studies.published import METHODS, MethodFigures

COMPARED = ("qsmrim-net", "rimnet", "aprl-rf", "aprl-nn")  # the paper's table of methods
ABLATION = (
    "ablation-image",
    "ablation-rimnet-fusion",
    "ablation-no-smote",
    "qsmrim-net",
)  # its scheme 1 to 4
FIGURES = {
    "curves": "Curves of the methods, the mean of the folds, on simulated lesions",
    "counts": "Predicted against true number of rim+ lesions, on simulated participants",
}
FOREST = "aprl-rf"  # no network: width, epochs and learning rate say nothing of it
_CELLS = ("tp", "fp", "fn", "tn")


def page_text(results: Mapping[str, Result], left: Mapping[str, int], page: str = "experiment") -> str:
    """The generated part of a page; ``left`` says how many fits of a method are still to be made."""
    size = _size(results)
    parts = [
        _unfinished(left),
        _versions(results),
        _section("The methods of the paper", methods_table(results), size, _BESIDE),
        *[f"![{title}](images/{figure_file(page, name)})" for name, title in FIGURES.items()],
        _section("Right and wrong calls", calls_table(results), size, _CALLS),
        _section("What each part adds", ablation_table(results), size, _ABLATION),
        _section("At the high-sensitivity point", review_table(results), size, _REVIEW),
        _section("Methods compared on the same lesions", difference_table(results), size, _PAIRS),
        _section("Cost", cost_table(results), size, _COST),
    ]
    return "\n\n".join(part for part in parts if part)


def figure_file(page: str, figure: str) -> str:
    """What the file of a picture is called, such as ``experiment-curves.png``."""
    return f"{page}-{figure}.png"


def page_figures(results: Mapping[str, Result]) -> dict[str, bytes]:
    """The pictures of a page, PNG, by their name in `FIGURES`: the paper's figures 6 and 7."""
    cards = {method: result.evaluation.cards[MAIN] for method, result in results.items()}
    shown = {method: cards[method] for method in COMPARED if method in cards} or cards
    drawn = (curves_figure(shown, "simulated lesions"), counts_figure(shown, "simulated lesions"))
    return dict(zip(FIGURES, drawn, strict=True))


_BESIDE = (
    "*patients*: the paper's figure on the QSM of its 172 patients, **another data set**; ~ derived from "
    "printed percentages. Intervals: 95 %, over resampled participants. Sensitivity and PPV at cross-fitted "
    "F1 thresholds. r, MSE: predicted against true number of rim+ lesions of a participant."
)
_CALLS = (
    "Thresholds of the *cross-fitted* rows are chosen on the other folds; those of the *scored-fold* rows on "
    "the fold that they are scored on, which is too kind."
)
_ABLATION = "In the order of the paper's four schemes; the last one is the whole method."
_REVIEW = (
    "The largest attainable sensitivity below 0.95. To review: TP + FP; saved: 1 - (TP + FP) / lesions. "
    "*patients*: the paper's false positives, of **another data set**."
)
_PAIRS = (
    "`qsmrim-net` minus the other method, paired by participant; 95 % interval. An interval without 0 speaks "
    "for a difference in this cohort. For MSE lower is better."
)
_COST = (
    "Processor time of training and of scoring the held-out lesions, without what a GPU did; a fit is one "
    "fold and one seed."
)


def _section(title: str, body: str, size: str, note: str) -> str:
    return f"## {title}\n\n{body}\n\n*{size}* {note}" if body else ""


def _size(results: Mapping[str, Result]) -> str:
    """What every table says of its size: who, how large a network, how long, on what."""
    lesions = next(iter(results.values())).figures
    facts = [one.facts for result in results.values() for one in result.tables]
    networks = [fact for fact in facts if fact["method"] != FOREST] or facts
    n_seeds = len({fact["seed"] for fact in facts})
    width, epochs, rate = (_all_of(name, networks) for name in ("width", "epochs", "learning_rate"))
    return (
        f"Simulated lesions: {lesions['n_subjects']} participants, {lesions['n_lesions']} lesions "
        f"({lesions['n_rim']} rim+); width {width}, {epochs} epochs, learning rate {rate}, "
        f"{_all_of('n_folds', facts)} folds by participant, {plural(n_seeds, 'seed')}; "
        f"{_all_of('hardware', facts)}."
    )


def _all_of(name: str, facts: Sequence[Mapping[str, Any]]) -> str:
    return " and ".join(sorted({f"{fact[name]}" for fact in facts}))


def _versions(results: Mapping[str, Result]) -> str:
    found = {one.facts.get("code") for result in results.values() for one in result.tables}
    return f"**The fits were made by {len(found)} versions of the code.**" if len(found) > 1 else ""


def _unfinished(left: Mapping[str, int]) -> str:
    rest = {method: n for method, n in left.items() if n}
    if not rest:
        return ""
    return (
        "**Not finished:** fits still to be made: "
        + ", ".join(f"`{name}` {n}" for name, n in rest.items())
        + "."
    )


# ---- tables ------------------------------------------------------------------------------------------------
def methods_table(results: Mapping[str, Result]) -> str:
    """The paper's second table, its figures beside ours."""
    names = ("pr_auc", "proc_auc", "sensitivity", "ppv", "count_r", "count_mse")
    titles = ("PR AUC", "pROC AUC", "sensitivity", "PPV", "r", "MSE")
    columns = ["method", *[column for title in titles for column in (title, "patients")]]
    rows = [
        [
            f"`{method}`",
            *[cell for name in names for cell in (_figure(results[method], name), _published(method, name))],
        ]
        for method in COMPARED
        if method in results
    ]
    return table(columns, rows) if rows else ""


def calls_table(results: Mapping[str, Result]) -> str:
    """Cells and ratios of all methods, by how thresholds are chosen."""
    ratios = ("accuracy", "f1", "sensitivity", "specificity", "ppv")
    columns = [
        "method",
        "thresholds",
        *[cell.upper() for cell in _CELLS],
        "accuracy",
        "F1",
        "sensitivity",
        "specificity",
        "PPV",
    ]
    rows = []
    for method, result in results.items():
        for mode in (CROSS_FITTED, SCORED_FOLD):
            found = result.figures["threshold_modes"][mode]
            rows.append(
                [
                    f"`{method}`",
                    mode,
                    *[found[cell] for cell in _CELLS],
                    *[number(found[name], 3) for name in ratios],
                ]
            )
    return table(columns, rows)


def ablation_table(results: Mapping[str, Result]) -> str:
    """The paper's third table."""
    names = ("pr_auc", "proc_auc", "f1", "sensitivity", "ppv")
    columns = ["method", "PR AUC", "pROC AUC", "F1", "sensitivity", "PPV"]
    rows = [
        [f"`{method}`", *[_figure(results[method], name) for name in names]]
        for method in ABLATION
        if method in results
    ]
    return table(columns, rows) if rows else ""


def review_table(results: Mapping[str, Result]) -> str:
    """What a reader finds and saves at the high-sensitivity point."""
    columns = ["method", "sensitivity", "TP", "FP", "FP, patients", "to review", "saved"]
    rows = []
    for method, result in results.items():
        found = result.figures["high_sensitivity"]
        if found:
            values = [found[name]["value"] for name in ("sensitivity", "tp", "fp", "to_review", "saved")]
            sensitivity, tp, fp, to_review, saved = values
            published = METHODS.get(method, MethodFigures()).high_sensitivity_fp
            rows.append(
                [
                    f"`{method}`",
                    number(sensitivity, 3),
                    tp,
                    fp,
                    published or MISSING,
                    to_review,
                    percent(saved),
                ]
            )
    return table(columns, rows) if rows else ""


def difference_table(results: Mapping[str, Result]) -> str:
    """QSMRim-Net against every other method."""
    first = "qsmrim-net"
    if first not in results or len(results) < 2:
        return ""
    evaluations = {first: results[first].evaluation} | {name: one.evaluation for name, one in results.items()}
    wanted = {"pr_auc": "PR AUC", "proc_auc": "pROC AUC", "f1": "F1", "count_mse": "MSE"}
    found: dict[str, dict[str, str]] = {}
    for one, other, _, metric, value, low, high, _ in comparison_rows(evaluations):
        if one == first and metric in wanted:
            found.setdefault(str(other), {})[str(metric)] = _interval(value, low, high)
    rows = [[f"`{other}`", *[cells[name] for name in wanted]] for other, cells in found.items()]
    return table(["other method", *wanted.values()], rows)


def cost_table(results: Mapping[str, Result]) -> str:
    """Processor time by method."""
    rows, total = [], 0.0
    for method, result in results.items():
        seconds = [one.facts["cpu_seconds"] for one in result.tables if one.facts["cpu_seconds"] is not None]
        mean = float(np.mean(seconds)) if seconds else float("nan")
        total += mean * len(result.tables)
        rows.append(
            [f"`{method}`", len(result.tables), number(mean, 0), number(mean * len(result.tables) / 60, 0)]
        )
    rows.append(["all", sum(len(result.tables) for result in results.values()), "", number(total / 60, 0)])
    return table(["method", "fits", "seconds a fit", "minutes in all"], rows)


def _figure(result: Result, name: str) -> str:
    found = result.figures[name]
    return _interval(found["value"], found["low"], found["high"])


def _interval(value: Any, low: Any, high: Any) -> str:
    return f"{number(value, 2)} ({number(low, 2)} to {number(high, 2)})"


def _published(method: str, name: str) -> str:
    figures = METHODS.get(method, MethodFigures())
    value = getattr(figures, name)
    if value is None:
        return MISSING
    return f"~{number(value, 2)}" if name in figures.derived else number(value, 2)
