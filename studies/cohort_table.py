"""How many lesions and rims a simulated cohort has, beside the published cohorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.evaluation.bootstrap import N_DRAWS, Resampled
from qsmrim_app.reports.words import MISSING, number
from studies.gathering import CohortMeasures
from studies.markdown import percent, table
from studies.published import BASEL, COHORTS, PAPER, CohortFigures

PATCH_VOX = (32, 32, 16)
Counts = NDArray[np.int64]
Statistic = Callable[[Counts, Counts], float]  # lesions and rim+ of each participant -> a number


@dataclass(frozen=True)
class _Row:
    """A line of the table whose published values are compared with the simulated interval."""

    name: str
    statistic: Statistic
    published: Callable[[CohortFigures], float | None]
    is_share: bool = False


_ROWS = (
    _Row("lesions a participant, mean", lambda n, rim: float(n.mean()), lambda c: c.n_lesions / c.n_patients),
    _Row("lesions a participant, median", lambda n, rim: float(np.median(n)), lambda c: c.lesions_median),
    _Row(
        "rim+ among lesions", lambda n, rim: _ratio(rim.sum(), n.sum()), lambda c: c.n_rim / c.n_lesions, True
    ),
    _Row(
        "participants with rim+",
        lambda n, rim: float((rim > 0).mean()),
        lambda c: None if c.n_with_rim is None else c.n_with_rim / c.n_patients,
        True,
    ),
    _Row("rim+ among those, lower quartile", lambda n, rim: _quantile(rim, 25), lambda c: _quartile(c, 0)),
    _Row("rim+ among those, median", lambda n, rim: _quantile(rim, 50), lambda c: c.rim_median),
    _Row("rim+ among those, upper quartile", lambda n, rim: _quantile(rim, 75), lambda c: _quartile(c, 1)),
)


def cohort_table(measures: CohortMeasures) -> str:
    """Simulated against published counts; a remark where a published value lies outside the interval."""
    every = measures.lesions
    lesions = measures.per_participant(every["index"] > 0)
    rim = measures.per_participant(every["rim"] == 1)
    rows: list[list[object]] = [
        ["participants", measures.n, *[c.n_patients for c in COHORTS], ""],
        ["lesions", len(every), *[c.n_lesions for c in COHORTS], ""],
        ["rim+, consensus", int(rim.sum()), *[c.n_rim for c in COHORTS], ""],
        ["rim+, truth", int((every["rim_truth"] == 1).sum()), *[MISSING for _ in COHORTS], ""],
        *[_compared(row, lesions, rim) for row in _ROWS],
        [
            "rim+ of one participant, most",
            int(rim.max(initial=0)),
            *[_or_dash(c.rim_most) for c in COHORTS],
            "",
        ],
        ["largest rim+, voxels", _largest_rim(measures), *[_box(c.largest_rim_vox) for c in COHORTS], ""],
        [
            "rim- beyond 32 x 32 x 16 voxels",
            _beyond(measures),
            *[_or_dash(c.n_beyond_patch) for c in COHORTS],
            "",
        ],
    ]
    text = table(["", "simulated (95 % interval)", *[c.name for c in COHORTS], "remark"], rows)
    return (
        f"{text}\n\nPaper: {PAPER}. Basel: {BASEL}. Rim+ is the raters' consensus. Intervals: {N_DRAWS} "
        "bootstrap resamples of participants; *differs* where the published value lies outside."
    )


def _compared(row: _Row, lesions: Counts, rim: Counts) -> list[str]:
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(lesions), size=(N_DRAWS, len(lesions)))
    values = np.array([row.statistic(lesions[draw], rim[draw]) for draw in drawn], dtype=float)
    found = Resampled(row.statistic(lesions, rim), values).estimate()
    low, high = found.low, found.high
    show = percent if row.is_share else _one_decimal
    published = [row.published(cohort) for cohort in COHORTS]
    names = [
        cohort.name.split()[0]
        for cohort, value in zip(COHORTS, published, strict=True)
        if value is not None and not low <= value <= high
    ]
    return [
        row.name,
        f"{show(found.value)} ({show(low)} to {show(high)})",
        *[MISSING if value is None else show(value) for value in published],
        f"differs from {' and '.join(names)}" if names else "",
    ]


def _one_decimal(value: float) -> str:
    return number(value, 1)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _quantile(rim: Counts, percentile: float) -> float:
    some = rim[rim > 0]
    return float(np.percentile(some, percentile)) if len(some) else float("nan")


def _quartile(cohort: CohortFigures, side: int) -> float | None:
    return None if cohort.rim_quartiles is None else cohort.rim_quartiles[side]


def _largest_rim(measures: CohortMeasures) -> str:
    rim = measures.lesions[measures.lesions["rim"] == 1]
    return _box(rim.sort_values("volume_mm3")["extent_vox"].iloc[-1]) if len(rim) else MISSING


def _beyond(measures: CohortMeasures) -> int:
    other = measures.lesions[measures.lesions["rim"] == 0]
    return sum(
        any(size > limit for size, limit in zip(box, PATCH_VOX, strict=True)) for box in other["extent_vox"]
    )


def _or_dash(value: int | None) -> str:
    return MISSING if value is None else str(value)


def _box(box: tuple[int, int, int] | None) -> str:
    return MISSING if box is None else " x ".join(str(size) for size in box)
