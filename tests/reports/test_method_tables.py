import numpy as np
import pytest

from qsmrim_app.evaluation.counts import subject_counts
from qsmrim_app.levels.evaluating import comparison_rows
from qsmrim_app.reports.method_tables import (
    comparison_table,
    counts_table,
    difference_table,
    fold_thresholds_table,
    interval_text,
    operating_point_table,
    published_table,
)
from tests.reports.cohorts import evaluation_of


@pytest.fixture
def two():
    variants = ("main", "flair")
    return {
        "qsmrim-net": evaluation_of(np.random.default_rng(1), variants=variants),
        "aprl-rf": evaluation_of(np.random.default_rng(1), strength=1.0, variants=variants),
    }


def test_a_row_a_method_and_outline_with_the_figures_of_the_evaluation(two):
    table = comparison_table({method: one.metrics for method, one in two.items()})
    assert [row[:2] for row in table.rows] == [
        ("qsmrim-net", "main"), ("qsmrim-net", "flair"), ("aprl-rf", "main"), ("aprl-rf", "flair"),
    ]  # fmt: skip
    column = table.head.index("PR AUC")
    for row in table.rows:
        found = two[row[0]].metrics["variants"][row[1]]["pr_auc"]
        assert row[column] == f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def test_differences_are_those_of_the_comparison_and_sure_ones_are_marked(two):
    rows = comparison_rows(two)
    table = difference_table(rows)
    assert [row[:2] for row in table.rows] == [
        ("qsmrim-net minus aprl-rf", "main"), ("qsmrim-net minus aprl-rf", "flair"),
    ]  # fmt: skip
    for _, _, variant, metric, value, low, high, _ in rows:
        if metric == "f1":
            cell = next(row for row in table.rows if row[1] == variant)[table.head.index("F1")]
            assert cell.startswith(f"{value:.3f}".replace("-", "−"))
            assert cell.endswith("*") == (low > 0 or high < 0)


def test_counts_are_those_that_the_correlation_is_made_of(two):
    cards = {method: one.cards["flair"] for method, one in two.items()}
    table = counts_table(cards, "flair")
    assert table.head == ("Subject", "Fold", "Expert", "qsmrim-net", "aprl-rf")
    expected = subject_counts(cards["aprl-rf"].lesions)
    assert [row[0] for row in table.rows] == list(expected.subjects)
    assert [float(row[4]) for row in table.rows] == expected.predicted.tolist()
    assert [float(row[2]) for row in table.rows] == expected.expert.tolist()
    assert [int(row[1]) for row in table.rows] == [int(row[0]) % 4 for row in table.rows]
    written = [row for row in two["aprl-rf"].count_rows() if row[0] == "flair"]
    assert [(row[1], row[2], row[3]) for row in written] == [
        (subject, expert, predicted)
        for subject, expert, predicted in zip(
            expected.subjects, expected.expert, expected.predicted, strict=True
        )
    ]


def test_thresholds_of_models_and_folds(two):
    points = operating_point_table(
        {method: one.operating_points for method, one in two.items()},
        {method: one.calibration for method, one in two.items()},
    )
    assert points.rows[0][:3] == ("qsmrim-net", "f1", f"{two['qsmrim-net'].operating_points['f1']:.4f}")
    folds = fold_thresholds_table({method: one.metrics for method, one in two.items()})
    assert folds.head == ("Method", "Chosen", "Fold 0", "Fold 1", "Fold 2", "Fold 3")
    assert {row[1] for row in folds.rows} == {"scored-fold", "cross-fitted"}


def test_undefined_figures():
    assert interval_text({"value": None, "low": None, "high": None}, 2) == "–"
    assert interval_text({"value": 0.5, "low": None, "high": None}, 2) == "0.50"
    assert interval_text({"value": float("nan"), "low": float("nan"), "high": float("nan")}, 2) == "–"
    assert difference_table([]).rows == ()
    nan = float("nan")
    (row,) = difference_table([("a", "b", "main", "count_r", nan, nan, nan, 0)]).rows
    assert row[2] == "–"


def test_what_is_published_is_said_to_be_of_other_patients():
    table = published_table()
    assert table.rows[0][:3] == ("QSMRim-Net", "0.704", "0.760")
    assert "no yardstick" in table.text
    assert {len(row) for row in table.rows} == {len(table.head)}
