"""How good a model is, for each kind of outline: the tables, and their part of the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsmrim_app.reports.evaluation_extras import extra_sections
from qsmrim_app.reports.markdown import figure_text, leaves, markdown_table, value_text
from qsmrim_app.reports.sections import Section, markdown_section

MEASURES: Mapping[str, str] = {
    "n_subjects": "Subjects",
    "n_lesions": "Lesions",
    "n_rim": "Rim+ lesions",
    "pr_auc": "PR AUC",
    "proc_auc": "pROC AUC (false positive rate up to 0.1, 1 is perfect)",
    "roc_auc": "ROC AUC",
    "sensitivity": "Sensitivity",
    "ppv": "PPV",
    "f1": "F1",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "tp": "True positives",
    "fp": "False positives",
    "fn": "False negatives",
    "tn": "True negatives",
    "folds_without_curve": "Folds with lesions of one class, which the areas leave out",
    "count_r": "Rim+ lesions a subject, predicted against expert: Pearson r",
    "count_mse": "Rim+ lesions a subject, predicted against expert: mean squared error",
}
LOSSES: Mapping[str, str] = {
    "ece": "Expected calibration error",
    "nll": "Log loss, nats",
    "brier": "Brier score",
}
_WHERE_GIVEN = ("folds_without_curve", "accuracy")  # the second: models of an earlier version lack it
_RATIO = "{measure}, as a share of that on main"


def evaluation_section(metrics: Mapping[str, Any]) -> str:
    """Markdown from the metrics of a bundle; those of another form are listed as they are."""
    if "variants" not in metrics:
        return markdown_table(("Measure", "Value (95 % interval where given)"), leaves(metrics))
    figures = Section("", ("Measure", *metrics["variants"]), _figures(metrics), how_measured(metrics))
    return "\n\n".join(
        map(markdown_section, (figures, *extra_sections(metrics), calibration_section(metrics)))
    )


def calibration_section(metrics: Mapping[str, Any]) -> Section:
    """Calibration error and losses of each kind of outline, without and with it."""
    variants = metrics["variants"]
    return Section(
        "Calibration",
        ("Measure", *(f"{name}, {when}" for name in variants for when in ("without", "with"))),
        _calibration(variants),
        "How well probabilities fit, without and with the calibration (a temperature and a shift of the "
        "log-odds); lower is better. That of a fold was fitted on the other folds, that of the model on all. "
        "The file reliability.png shows it.",
    )


def how_measured(metrics: Mapping[str, Any]) -> str:
    """Who was held out when, what was pooled, and what an interval is."""
    names = list(metrics["variants"])
    sentences = [
        f"Every subject was held out once, in one of {metrics['n_folds']} folds. The F1 threshold of a fold "
        "was chosen on the other folds.",
        f"In brackets: the 95 % interval over {metrics['n_draws']} resamples of the held-out subjects (of r: "
        "Fisher's). It shows how much a figure depends on who was in the cohort, not on the training.",
    ]
    if len(names) > 1:
        sentences.insert(
            1,
            f"The lesions of a subject stand under {len(names)} kinds of outline ({', '.join(names)}), all "
            "in one fold. Temperature and thresholds, those of the model too, come from the held-out rows of "
            "all outlines together, as one model serves them all; the figures are told apart.",
        )
    return " ".join(sentences)


def _figures(metrics: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    variants, ratios = metrics["variants"], metrics.get("ratio_to_main", {})
    rows = tuple(
        (text, *(figure_text(found.get(name)) for found in variants.values()))
        for name, text in MEASURES.items()
        if name not in _WHERE_GIVEN or any(found.get(name) for found in variants.values())
    )
    compared = dict.fromkeys(name for found in ratios.values() for name in found)
    return rows + tuple(
        (
            _RATIO.format(measure=MEASURES[name].partition(" (")[0]),
            *(value_text(ratios[variant][name]) if variant in ratios else "" for variant in variants),
        )
        for name in compared
    )


def _calibration(variants: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            text,
            *(
                figure_text(found["calibration"][when][name])
                for found in variants.values()
                for when in ("before", "after")
            ),
        )
        for name, text in LOSSES.items()
    )
