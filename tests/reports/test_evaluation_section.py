from typing import Any

from qsmrim_app.reports.evaluation_section import evaluation_section

FIGURE = {"value": 0.7, "low": 0.61, "high": 0.78, "n_draws": 2000}
LOSSES: dict[str, Any] = {"ece": 0.02, "nll": FIGURE, "brier": FIGURE}


def _metrics(*variants: str) -> dict[str, Any]:
    found = {
        "n_subjects": 40,
        "n_lesions": 960,
        "n_rim": 41,
        "pr_auc": FIGURE,
        "proc_auc": FIGURE | {"low": None, "high": None},
        "tp": {"value": 31, "low": 20, "high": 40, "n_draws": 2000},
        "count_r": {"value": None, "low": None, "high": None, "n": 3},
        "folds_without_curve": [],
        "calibration": {"before": LOSSES, "after": LOSSES | {"ece": 0.01}, "change": {"nll": FIGURE}},
    }
    return {
        "protocol": "x",
        "n_folds": 5,
        "n_draws": 2000,
        "variants": dict.fromkeys(variants, found),
        "ratio_to_main": {name: {"pr_auc": FIGURE} for name in variants if name != "main"},
    }


def test_each_kind_of_outline_has_a_column():
    lines = evaluation_section(_metrics("main", "flair")).splitlines()
    for line in (
        "| Measure | main | flair |",
        "| Lesions | 960 | 960 |",
        "| PR AUC | 0.700 (0.610 to 0.780) | 0.700 (0.610 to 0.780) |",
        "| True positives | 31 (20 to 40) | 31 (20 to 40) |",
        "| PR AUC, as a share of that on main |  | 0.700 (0.610 to 0.780) |",
        "| Measure | main, without | main, with | flair, without | flair, with |",
        "| Expected calibration error | 0.020 | 0.010 | 0.020 | 0.010 |",
    ):
        assert line in lines


def test_it_says_what_was_pooled_and_what_an_interval_is():
    text = evaluation_section(_metrics("main", "flair"))
    assert "held-out rows of all outlines together" in text
    assert "95 % interval over 2000 resamples" in text
    assert "0.700 (no interval)" in text
    assert "undefined (no interval)" in text
    assert "kinds of outline" not in evaluation_section(_metrics("main"))


def test_folds_without_a_curve_are_told_where_there_are_some():
    metrics = _metrics("main")
    assert "which the areas leave out" not in evaluation_section(metrics)
    metrics["variants"]["main"]["folds_without_curve"] = [1, 3]
    assert "which the areas leave out | 1, 3 |" in evaluation_section(metrics)


def test_metrics_of_an_older_model_are_listed():
    assert "| pr_auc | 0.5 |" in evaluation_section({"pr_auc": 0.5}).splitlines()
    assert evaluation_section({}) == "Not recorded."
