"""Cohorts in tables and held-out results, for every test of the group page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qsmrim_app.evaluation.bootstrap import draw_subjects
from qsmrim_app.levels.evaluating import Evaluation, evaluate
from qsmrim_app.levels.held_out import OutOfFold
from qsmrim_app.reports.cohort_facts import CohortFacts
from qsmrim_app.reports.training_part import MethodResult
from qsmrim_app.tables.lesion_table import lesion_table
from qsmrim_app.tables.session_counts import SessionCounts, analysed_session


def facts_of(
    lesions: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
    absent: Sequence[SessionCounts] = (),
    note: str = "",
) -> CohortFacts:
    """A cohort from (subject, session) -> rows of lesions, and the sessions without results."""
    tables = {
        key: lesion_table(
            {"subject": key[0], "session": key[1], "index": n, "name": str(n), **row}
            for n, row in enumerate(rows, start=1)
        )
        for key, rows in lesions.items()
    }
    everything = lesion_table(
        row for table in tables.values() for row in table.frame.astype(object).to_dict("records")
    )
    counts = tuple(analysed_session(*key, table, "analysed") for key, table in tables.items())
    return CohortFacts(everything, (*counts, *absent), note)


def lesion(volume: float = 100, qsm: float = 30, **more: Any) -> dict[str, Any]:
    """A row of a lesion table."""
    return {"volume_mm3": volume, "qsm_mean_ppb": qsm, **more}


def evaluation_of(
    rng: np.random.Generator,
    n: int = 200,
    strength: float = 4.0,
    variants: Sequence[str] = ("main",),
    prefix: str = "",
    n_rim: int | None = None,
) -> Evaluation:
    """Held-out lesions of 20 subjects in 4 folds, scored; two raters, the second of whom errs at times."""
    subjects = rng.integers(0, 20, n)
    rim = (rng.random(n) < 0.25).astype(float) if n_rim is None else (np.arange(n) < n_rim).astype(float)
    logits = rng.normal(-2, 1, n)[:, None] + (strength * rim)[:, None] + rng.normal(0, 0.3, (n, 3))
    names = np.resize(np.array(variants), n)
    keys = tuple((f"{prefix}{subject:02d}", "", row + 1) for row, subject in enumerate(subjects))
    raters = np.column_stack([rim, np.where(rng.random(n) < 0.1, 1 - rim, rim)])
    held_out = OutOfFold(keys, names, logits, subjects % 4, rim, raters)
    fold_of = {f"{prefix}{subject:02d}": subject % 4 for subject in range(20)}
    return evaluate(held_out, draw_subjects(fold_of, np.random.default_rng(0), 50))


def method_result(found: Evaluation, png: bytes) -> MethodResult:
    """An evaluation as the page takes it."""
    return MethodResult(found.metrics, found.cards, found.calibration, found.operating_points, png, png)
