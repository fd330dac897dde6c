"""Parts of an evaluation that a model has or has not: other thresholds, readers, raters, sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qsmrim_app.reports.markdown import figure_text, value_text
from qsmrim_app.reports.sections import Section

MODES: Mapping[str, str] = {
    "scored-fold": "on the scored fold itself (optimistic)",
    "cross-fitted": "on the other folds (the figures above)",
    "strict": "on an inner split of the training subjects",
}
_MODE_COLUMNS: Mapping[str, str] = {
    "tp": "TP",
    "fp": "FP",
    "fn": "FN",
    "tn": "TN",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "f1": "F1",
    "accuracy": "Accuracy",
}
_REVIEW_COLUMNS: Mapping[str, str] = {
    "sensitivity": "Sensitivity",
    "fp": "False positives",
    "to_review": "To review",
    "saved": "Saved",
    "paper_to_review": "To review, the paper's count",
    "paper_saved": "Saved, the paper's count",
}
_SITE_COLUMNS: Mapping[str, str] = {
    "n_subjects": "Subjects",
    "n_lesions": "Lesions",
    "n_rim": "Rim+",
    "pr_auc": "PR AUC",
    "proc_auc": "pROC AUC",
    "sensitivity": "Sensitivity",
    "ppv": "PPV",
}
_CELLS: Mapping[str, tuple[str, str]] = {  # with the paper's share of disagreements
    "tp": ("True positives", "22.5 %"),
    "fp": ("False positives", "40.9 %"),
    "fn": ("False negatives", "35.1 %"),
    "tn": ("True negatives", "2.4 %"),
}


def extra_sections(metrics: Mapping[str, Any]) -> tuple[Section, ...]:
    """Every part that the metrics hold."""
    variants = metrics["variants"]
    found = (
        _thresholds({name: found.get("threshold_modes") for name, found in variants.items()}),
        _review({name: found.get("high_sensitivity") for name, found in variants.items()}),
        _raters({name: found.get("raters") for name, found in variants.items()}),
        _sites(metrics.get("sites", {})),
    )
    return tuple(section for section in found if section.rows)


def _thresholds(by_variant: Mapping[str, Any]) -> Section:
    rows = tuple(
        (name, MODES.get(mode, mode), *_cells(figures, _MODE_COLUMNS))
        for name, modes in by_variant.items()
        for mode, figures in (modes or {}).items()
    )
    return Section(
        "Thresholds in other ways",
        ("Outlines", "Chosen", *_MODE_COLUMNS.values()),
        rows,
        "Where the F1 threshold of a fold was chosen, and what follows.",
    )


def _review(by_variant: Mapping[str, Any]) -> Section:
    rows = tuple((name, *_cells(found, _REVIEW_COLUMNS)) for name, found in by_variant.items() if found)
    return Section(
        "For a reader",
        ("Outlines", *_REVIEW_COLUMNS.values()),
        rows,
        "At the high-sensitivity point (the largest sensitivity below 0.95 of all held-out rows together, "
        "chosen on these rows): how many lesions a reader looks at, and the share that needs no look. The "
        "paper counts every rim+ lesion as looked at, though the point misses some (715 of 4163, 82.8 % "
        "saved).",
    )


def _raters(by_variant: Mapping[str, Any]) -> Section:
    rated = {name: found for name, found in by_variant.items() if found}
    kappas = "; ".join(
        f"{name}: {value_text(found['kappa'])}, {found['n_disagree']} disagreements in "
        f"{found['n_lesions']} lesions"
        for name, found in rated.items()
    )
    rows = tuple(
        (text, *(_disagreement(found["disagreement"][cell]) for found in rated.values()), paper)
        for cell, (text, paper) in _CELLS.items()
    )
    return Section(
        "Two raters",
        ("Lesions", *rated, "Paper, its data"),
        rows if rated else (),
        f"Cohen's kappa of the two raters ({kappas}), and the share of lesions on which they disagree:",
    )


def _disagreement(cell: Mapping[str, Any]) -> str:
    return f"{cell['n_disagree']} of {cell['n_lesions']}: {value_text(cell['share'])}"


def _sites(by_variant: Mapping[str, Any]) -> Section:
    rows = tuple(
        (site, name, *_cells(found, _SITE_COLUMNS))
        for name, sites in by_variant.items()
        for site, found in sites.items()
    )
    return Section(
        "Sites",
        ("Site", "Outlines", *_SITE_COLUMNS.values()),
        rows,
        "Temperature and thresholds are those of all sites together.",
    )


def _cells(found: Mapping[str, Any], columns: Sequence[str] | Mapping[str, str]) -> list[str]:
    return [figure_text(found.get(name)) for name in columns]
