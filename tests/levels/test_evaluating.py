import dataclasses
import json

import numpy as np
import pytest

from qsmrim_app.evaluation.agreement import cohen_kappa
from qsmrim_app.evaluation.bootstrap import draw_subjects
from qsmrim_app.evaluation.calibration import fit_calibration
from qsmrim_app.evaluation.curves import partial_roc, precision_recall
from qsmrim_app.evaluation.metrics import confusion
from qsmrim_app.evaluation.scorecard import CELLS, RATIOS
from qsmrim_app.evaluation.thresholds import (
    cross_fitted_thresholds,
    f1_threshold,
    high_sensitivity_threshold,
    scored_fold_thresholds,
)
from qsmrim_app.levels.evaluating import (
    COMPARISON_COLUMNS,
    RELIABILITY_COLUMNS,
    comparison_rows,
    evaluate,
)
from qsmrim_app.levels.held_out import HELD_OUT_COLUMNS, OutOfFold

N_SUBJECTS = 20


def held_out_rows(rng: np.random.Generator, n: int = 300, members: int = 3) -> OutOfFold:
    """Lesions of 20 subjects in 4 folds; the second half of the rows is of the variant "flair", and worse."""
    subjects = rng.integers(0, N_SUBJECTS, n)
    variants = np.repeat(["main", "flair"], [n // 2, n - n // 2])
    rim = (rng.random(n) < 0.25).astype(float)
    gain = np.where(variants == "main", 5.0, 2.0)
    logits = rng.normal(-2, 2, n)[:, None] + (gain * rim)[:, None] + rng.normal(0, 1, (n, members))
    keys = tuple(
        (f"{subject:02d}", "1" if variant == "main" else f"1+{variant}", row + 1)
        for row, (subject, variant) in enumerate(zip(subjects, variants, strict=True))
    )
    return OutOfFold(keys, variants, logits, subjects % 4, rim)


def draws_of(n_draws=100):
    fold_of = {f"{subject:02d}": subject % 4 for subject in range(N_SUBJECTS)}
    return draw_subjects(fold_of, np.random.default_rng(0), n_draws)


def test_calibration_and_thresholds_come_from_all_outlines_together(rng):
    held_out = held_out_rows(rng)
    found = evaluate(held_out, draws_of())
    assert found.calibration == fit_calibration(held_out.logits, held_out.rim)
    assert found.operating_points["f1"] == f1_threshold(found.p_rim, held_out.rim)
    thresholds = cross_fitted_thresholds(found.p_rim, held_out.rim, held_out.folds)
    assert found.metrics["thresholds_by_fold"]["cross-fitted"] == _by_name(thresholds)
    expected = [p >= thresholds[fold] for p, fold in zip(found.p_rim, held_out.folds, strict=True)]
    assert found.called.tolist() == expected


def _by_name(thresholds):
    return {str(fold): value for fold, value in thresholds.items()}


def test_thresholds_in_three_ways_side_by_side(rng):
    held_out = held_out_rows(rng)
    strict = {0: 0.5, 1: -1.0, 2: np.inf, 3: 2.0}  # on the logit
    found = evaluate(held_out, draws_of(10), strict)
    scored = scored_fold_thresholds(found.p_rim, held_out.rim, held_out.folds)
    by_fold = found.metrics["thresholds_by_fold"]
    assert list(by_fold) == ["scored-fold", "cross-fitted", "strict"]
    assert by_fold["scored-fold"] == _by_name(scored)
    assert by_fold["strict"]["2"] == 1.0  # nothing is called
    rows = held_out.variants == "flair"
    called = {
        "scored-fold": found.p_rim >= [scored[fold] for fold in held_out.folds],
        "cross-fitted": found.called,
        "strict": held_out.median_logits >= [strict[fold] for fold in held_out.folds],
    }
    modes = found.metrics["variants"]["flair"]["threshold_modes"]
    for mode, mask in called.items():
        counts = confusion(mask[rows], held_out.rim[rows])
        assert modes[mode] == {name: getattr(counts, name) for name in (*CELLS, *RATIOS)}
    default = {name: found.metrics["variants"]["flair"][name]["value"] for name in (*CELLS, *RATIOS)}
    assert modes["cross-fitted"] == pytest.approx(default)
    assert "strict" not in evaluate(held_out, draws_of(10)).metrics["thresholds_by_fold"]


def test_thresholds_of_the_scored_fold_are_optimistic(rng):
    held_out = held_out_rows(rng)
    noise = dataclasses.replace(held_out, logits=rng.normal(size=held_out.logits.shape))
    one = dataclasses.replace(noise, variants=np.full(len(noise.keys), "main"))
    modes = evaluate(one, draws_of(10)).metrics["variants"]["main"]["threshold_modes"]
    assert modes["scored-fold"]["f1"] >= modes["cross-fitted"]["f1"]


def test_the_high_sensitivity_point_says_what_a_reader_saves(rng):
    held_out = held_out_rows(rng)
    found = evaluate(held_out, draws_of())
    threshold = found.operating_points["high-sensitivity"]
    assert threshold == high_sensitivity_threshold(found.p_rim, held_out.rim)
    for variant, figures in found.metrics["variants"].items():
        rows = held_out.variants == variant
        counts, review = (
            confusion(found.p_rim[rows] >= threshold, held_out.rim[rows]),
            figures["high_sensitivity"],
        )
        assert review["threshold"] == threshold
        for name in ("sensitivity", "fp", "to_review", "saved", "paper_to_review", "paper_saved"):
            assert review[name]["value"] == pytest.approx(getattr(counts, name))
            assert review[name]["low"] <= review[name]["value"] <= review[name]["high"]
        assert isinstance(review["to_review"]["low"], int)
        assert review["paper_to_review"]["value"] == counts.fp + figures["n_rim"]


def test_disagreements_of_raters_are_told_where_two_rated(rng):
    held_out = held_out_rows(rng)
    assert evaluate(held_out, draws_of(10)).metrics["variants"]["main"]["raters"] == {}
    raters = np.column_stack([held_out.rim, np.where(rng.random(300) < 0.1, 1 - held_out.rim, held_out.rim)])
    raters[held_out.variants == "flair", 1] = np.nan
    found = evaluate(dataclasses.replace(held_out, raters=raters), draws_of(10))
    variants = found.metrics["variants"]
    assert variants["flair"]["raters"] == {}
    main, told = held_out.variants == "main", variants["main"]["raters"]
    assert told["n_lesions"] == 150
    assert told["n_disagree"] == int((raters[main, 0] != raters[main, 1]).sum())
    assert told["kappa"]["value"] == pytest.approx(cohen_kappa(raters[main, 0], raters[main, 1]))
    cells = {name: variants["main"][name]["value"] for name in CELLS}
    assert {name: cell["n_lesions"] for name, cell in told["disagreement"].items()} == cells


def test_sites_are_told_apart_where_there_are_two(rng):
    held_out = held_out_rows(rng)
    assert evaluate(held_out, draws_of(10)).metrics["sites"] == {}
    site_of = {key[0]: "ab"[int(key[0]) % 3 == 0] for key in held_out.keys}
    keys = tuple(
        (f"{site_of[subject]}:{subject}", session, index) for subject, session, index in held_out.keys
    )
    fold_of = {f"{site}:{subject}": int(subject) % 4 for subject, site in site_of.items()}
    draws = draw_subjects(fold_of, np.random.default_rng(0), 50)
    found = evaluate(dataclasses.replace(held_out, keys=keys), draws)
    sites = found.metrics["sites"]["flair"]
    assert list(sites) == ["a", "b"]
    rows = np.array([key[0].startswith("b:") for key in keys]) & (held_out.variants == "flair")
    counts = confusion(found.called[rows], held_out.rim[rows])
    assert [sites["b"][cell]["value"] for cell in CELLS] == [getattr(counts, cell) for cell in CELLS]
    area = precision_recall(found.p_rim[rows], held_out.rim[rows], held_out.folds[rows]).mean.area
    assert sites["b"]["pr_auc"]["value"] == pytest.approx(area)
    whole = found.metrics["variants"]["flair"]
    for name in ("n_subjects", "n_lesions", "n_rim"):
        assert sites["a"][name] + sites["b"][name] == whole[name]


def test_figures_are_those_of_each_outline_alone(rng):
    held_out = held_out_rows(rng)
    found = evaluate(held_out, draws_of())
    for variant, figures in found.metrics["variants"].items():
        rows = held_out.variants == variant
        p_rim, rim, folds = found.p_rim[rows], held_out.rim[rows], held_out.folds[rows]
        counts = confusion(found.called[rows], rim)
        assert figures["n_lesions"] == counts.n == 150
        assert [figures[cell]["value"] for cell in ("tp", "fp", "fn", "tn")] == [
            counts.tp, counts.fp, counts.fn, counts.tn
        ]  # fmt: skip
        assert figures["pr_auc"]["value"] == pytest.approx(precision_recall(p_rim, rim, folds).mean.area)
        assert figures["proc_auc"]["value"] == pytest.approx(partial_roc(p_rim, rim, folds).mean.area)
        for name in ("pr_auc", "proc_auc", "roc_auc", "f1", "sensitivity", "ppv", "specificity", "count_mse"):
            assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"], name
    main, flair = (found.metrics["variants"][name]["pr_auc"]["value"] for name in ("main", "flair"))
    assert found.metrics["ratio_to_main"]["flair"]["pr_auc"]["value"] == pytest.approx(flair / main)
    assert flair < main


def test_the_gain_of_the_calibration_is_measured_on_other_folds(rng):
    held_out = held_out_rows(rng)
    too_sure = dataclasses.replace(held_out, logits=held_out.logits * 4)
    found = evaluate(too_sure, draws_of()).metrics
    for figures in found["variants"].values():
        calibration = figures["calibration"]
        assert calibration["after"]["nll"]["value"] < calibration["before"]["nll"]["value"]
        assert calibration["change"]["nll"]["high"] < 0
    changed = too_sure.logits.copy()
    changed[too_sure.folds == 2] *= 9
    other = evaluate(dataclasses.replace(too_sure, logits=changed), draws_of()).metrics
    assert other["calibration_by_fold"]["2"] == found["calibration_by_fold"]["2"]


def test_undefined_figures_are_none_so_that_json_can_hold_them(rng):
    held_out = held_out_rows(rng)
    nothing = dataclasses.replace(held_out, rim=np.where(held_out.variants == "flair", 0.0, held_out.rim))
    metrics = evaluate(nothing, draws_of(10)).metrics
    json.dumps(metrics, allow_nan=False)
    flair = metrics["variants"]["flair"]
    assert flair["pr_auc"] == {"value": None, "low": None, "high": None, "n_draws": 0}
    assert flair["folds_without_curve"] == [0, 1, 2, 3]
    assert metrics["ratio_to_main"]["flair"]["pr_auc"]["value"] is None


def test_one_outline_and_one_member(rng):
    held_out = held_out_rows(rng, members=1)
    rows = np.flatnonzero(held_out.variants == "main")
    alone = OutOfFold(
        tuple(held_out.keys[row] for row in rows),
        held_out.variants[rows],
        held_out.logits[rows],
        held_out.folds[rows],
        held_out.rim[rows],
    )
    metrics = evaluate(alone, draws_of(10)).metrics
    assert list(metrics["variants"]) == ["main"]
    assert metrics["ratio_to_main"] == {}


def test_rows_fit_their_columns_and_hold_what_the_figures_need(rng):
    held_out = held_out_rows(rng)
    found = evaluate(held_out, draws_of(10))
    rows = held_out.rows(found.p_rim, found.called)
    assert {len(row) for row in rows} == {len(HELD_OUT_COLUMNS)}
    last = dict(zip(HELD_OUT_COLUMNS, rows[-1], strict=True))
    assert (last["variant"], last["session"], last["index"]) == ("flair", "1", 300)
    assert last["logit"] == np.median(held_out.logits[-1])
    assert last["p_rim"] == found.p_rim[-1]
    assert {len(row) for row in found.reliability_rows()} == {len(RELIABILITY_COLUMNS)}
    n = sum(row[4] for row in found.reliability_rows() if row[:2] == ("flair", "after"))
    assert n == 150


def test_every_pair_of_methods_is_compared(rng):
    held_out = held_out_rows(rng)
    noise = dataclasses.replace(held_out, logits=rng.normal(size=held_out.logits.shape))
    draws = draws_of()
    found = {"a": evaluate(held_out, draws), "b": evaluate(noise, draws), "c": evaluate(held_out, draws)}
    rows = [dict(zip(COMPARISON_COLUMNS, row, strict=True)) for row in comparison_rows(found)]
    assert {(row["method_1"], row["method_2"]) for row in rows} == {("a", "b"), ("a", "c"), ("b", "c")}
    by = {(row["method_1"], row["method_2"], row["variant"], row["metric"]): row for row in rows}
    better = by["a", "b", "main", "pr_auc"]
    expected = found["a"].cards["main"].figures["pr_auc"].value
    assert better["value"] == expected - found["b"].cards["main"].figures["pr_auc"].value
    assert better["low"] > 0
    same = by["a", "c", "flair", "proc_auc"]
    assert (same["value"], same["low"], same["high"]) == (0, 0, 0)
