"""Whole-map statistics of simulated maps, by reconstruction, beside those of real maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qsmrim_app.reports.words import number
from studies.markdown import table
from studies.published import MAP_COLUMNS, REAL_MAPS, SEMIREAL_MAPS

RELATIVE = ("p1", "p5", "p95", "p99", "p99_9")  # compared after taking off p50: the zero is a convention
NAMES = {
    "p99_9": "p99.9",
    "above_100_percent": "> 100, %",
    "above_200_percent": "> 200, %",
    "sd_p50": "local SD p50",
    "sd_p95": "local SD p95",
    "gradient_p50": "gradient p50",
    "gradient_p95": "gradient p95",
    "gradient_p99": "gradient p99",
    "correlation_1mm": "correlation at 1 mm",
}
_DIGITS = {
    "kurtosis": 1,
    "above_100_percent": 2,
    "above_200_percent": 2,
    "correlation_1mm": 2,
    "sd_p50": 1,
    "gradient_p50": 1,
}


def map_table(maps: pd.DataFrame) -> str:
    """One line a statistic: range of real and semi-real maps, then median (range) by reconstruction."""
    real, semireal = _typed(REAL_MAPS), _typed(SEMIREAL_MAPS)
    simulated = _with_relative(maps)
    groups = {name: simulated[simulated["inversion"] == name] for name in sorted(set(simulated["inversion"]))}
    rows = []
    for column in [*MAP_COLUMNS, *[f"{name} - p50" for name in RELATIVE]]:
        ranges = [_range(known[column], column) for known in (real, semireal)]
        simulated_cells = [_against(group[column], real[column], column) for group in groups.values()]
        rows.append([NAMES.get(column, column.replace("_", ".")), *ranges, *simulated_cells])
    heads = [f"{name} ({len(group)})" for name, group in groups.items()]
    text = table(["ppb, ppb/mm", f"real maps ({len(real)})", "semi-real (2)", *heads], rows)
    return f"{text}\n\n{_NOTE}"


_NOTE = (
    "Simulated: median (smallest to largest) of that many maps; **bold** where the median lies outside the "
    "range of the real maps. The zero of a map is a convention, so percentiles and shares above 100 and 200 "
    "ppb are not marked; the lines minus p50 are. Inside the filled support eroded by 5 mm (counted in the "
    "in-plane voxel size along every axis), local SD over 3 x 3 in-plane voxels, gradient in-plane, "
    "correlation along x. Real maps, measured once by this project (the images may not be passed on): "
    + "; ".join(REAL_MAPS)
    + "."
)


def _typed(rows: Mapping[str, tuple[float, ...]]) -> pd.DataFrame:
    return _with_relative(pd.DataFrame([dict(zip(MAP_COLUMNS, row, strict=True)) for row in rows.values()]))


def _with_relative(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{f"{name} - p50": frame[name] - frame["p50"] for name in RELATIVE})


def _against(values: pd.Series, real: pd.Series, column: str) -> str:
    middle = float(np.median(values))
    text = f"{_shown(middle, column)} ({_range(values, column)})"
    marked = column not in (
        "p1",
        "p5",
        "p50",
        "p95",
        "p99",
        "p99_9",
        "above_100_percent",
        "above_200_percent",
    )
    outside = marked and not real.min() <= middle <= real.max()
    return f"**{text}**" if outside else text


def _range(values: pd.Series, column: str) -> str:
    return f"{_shown(values.min(), column)} to {_shown(values.max(), column)}"


def _shown(value: float, column: str) -> str:
    return number(value, _DIGITS.get(column, 0))
