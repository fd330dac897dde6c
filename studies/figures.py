"""Figures of distributions: lesion volumes, susceptibility by class, percentiles of whole maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window: figures go to files

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from studies.contrast import PROFILE_MM
from studies.lesion_tables import CLASSES, LARGE_MM3, SMALLEST_MM3
from studies.map_statistics import CURVE_PERCENTILES, PERCENTILES
from studies.published import MAP_COLUMNS, REAL_MAPS, SEMIREAL_MAPS

STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 130,
    "savefig.dpi": 130,
    "legend.frameon": False,
}
CLASS_COLORS = {"rim+": "#d55e00", "rim-": "#0072b2"}  # apart for colour-blind readers too
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_SHOWN_PERCENTILES = (0.1, 1, 5, 25, 50, 75, 95, 99, 99.9)
FEWEST_IN_A_BIN = 5  # lesions; with fewer the curve ends
MINUS = "\N{MINUS SIGN}"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG without date or program, and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def volume_figure(sets: Mapping[str, tuple[NDArray[np.float64], int]]) -> Figure:
    """Shares of lesions by volume on a logarithmic axis, lesions of at least 14 mm3."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
        edges = np.geomspace(SMALLEST_MM3, 50_000, 28)
        for color, (name, (volumes, _)) in zip(COLORS, sets.items(), strict=False):
            kept = volumes[volumes >= SMALLEST_MM3]
            shares = np.histogram(kept, edges)[0] / max(len(kept), 1)
            real = name.startswith("real")
            style = {"color": "black", "linewidth": 2.5} if real else {"color": color, "linewidth": 1.5}
            axes.stairs(100 * shares, edges, **style, label=f"{name} (n = {len(kept)})")
        axes.set(
            xscale="log",
            xlabel="lesion volume, mm³",
            ylabel="share of lesions, %",
            xlim=(edges[0], edges[-1]),
        )
        axes.legend()
    return figure


def class_figure(lesions: pd.DataFrame) -> Figure:
    """Mean, contrast and layer of lesions of at least 40 mm3, one panel each, by true class."""
    large = lesions[lesions["volume_mm3"] >= LARGE_MM3]
    panels = (
        ("mean_ppb", "lesion mean, ppb (the map's zero)"),
        ("contrast_ppb", "lesion mean above its surroundings, ppb"),
        ("layer_ppb", "outer layer above the rest, ppb"),
    )
    with plt.rc_context(STYLE):
        figure, every = plt.subplots(1, 3, figsize=(9.6, 3.2), layout="constrained")
        for axes, (column, label) in zip(every, panels, strict=True):
            _class_panel(axes, large, column, label)
        every[0].set_ylabel("share of the class up to here, %")
        every[0].legend(loc="upper left")
    return figure


def profile_figure(lesions: pd.DataFrame) -> Figure:
    """Susceptibility across the outline: median and quartiles of lesions of at least 40 mm3, by class."""
    large = lesions[lesions["volume_mm3"] >= LARGE_MM3]
    depth = (PROFILE_MM[:-1] + PROFILE_MM[1:]) / 2
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
        for kind, value in CLASSES.items():
            rows = large.loc[large["rim_truth"] == value, "profile_ppb"].tolist()
            profiles = pd.DataFrame(rows, columns=depth)
            profiles = profiles.loc[:, profiles.notna().sum() >= FEWEST_IN_A_BIN]
            low, middle, high = (profiles.quantile(share) for share in (0.25, 0.5, 0.75))
            color, name = CLASS_COLORS[kind], kind.replace("-", MINUS)
            axes.plot(middle.index, middle, color=color, marker=".", label=f"{name} (n = {len(rows)})")
            axes.fill_between(middle.index, low, high, color=color, alpha=0.15, linewidth=0)
        axes.axvline(0, color="#888888", linewidth=0.8, linestyle="--")
        axes.axhline(0, color="#bbbbbb", linewidth=0.6, zorder=0)
        axes.set(
            xlabel="distance from the outline, mm (inside negative)", ylabel="ppb above the surroundings"
        )
        axes.legend()
    return figure


def map_figure(maps: pd.DataFrame) -> Figure:
    """Percentile curves above the median: each simulated map a line, real and semi-real maps as marks."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.6, 4.2), layout="constrained")
        for color, (name, group) in zip(COLORS, maps.groupby("inversion"), strict=False):
            for number, (_, row) in enumerate(group.iterrows()):
                label = f"simulated, {name} ({len(group)})" if not number else None
                curve = np.array(row["curve_ppb"]) - row["p50"]
                axes.plot(_place(CURVE_PERCENTILES), curve, color=color, alpha=0.6, linewidth=1, label=label)
        _marks(axes, REAL_MAPS, "o^sD", "black")
        _marks(axes, SEMIREAL_MAPS, "xx", "#777777")
        axes.set_xticks(_place(_SHOWN_PERCENTILES), [f"{value:g}" for value in _SHOWN_PERCENTILES])
        axes.set(xlabel="percentile of the inner brain", ylabel="ppb above the median")
        axes.axhline(0, color="#bbbbbb", linewidth=0.6, zorder=0)
        axes.legend(fontsize=8)
    return figure


def _class_panel(axes: Axes, lesions: pd.DataFrame, column: str, label: str) -> None:
    values = lesions[column].dropna()
    limits = np.percentile(values, (0.5, 99.5)) if len(values) else (0, 1)
    for kind, value in CLASSES.items():
        kept = np.sort(lesions.loc[lesions["rim_truth"] == value, column].dropna())
        share = 100 * np.arange(1, len(kept) + 1) / max(len(kept), 1)
        name = kind.replace("-", MINUS)
        axes.step(kept, share, where="post", color=CLASS_COLORS[kind], label=f"{name} (n = {len(kept)})")
    axes.set(xlabel=label, xlim=(limits[0] - 5, limits[1] + 5), ylim=(0, 100))
    axes.axvline(0, color="#bbbbbb", linewidth=0.6, zorder=0)


def _marks(axes: Axes, rows: Mapping[str, tuple[float, ...]], markers: str, color: str) -> None:
    names = ("p1", "p5", "p50", "p95", "p99", "p99_9")
    for marker, (name, row) in zip(markers, rows.items(), strict=True):
        by_name = dict(zip(MAP_COLUMNS, row, strict=True))
        values = [by_name[column] - by_name["p50"] for column in names]
        axes.plot(
            _place(PERCENTILES), values, marker, label=name, color=color, markersize=5, markerfacecolor="none"
        )


def _place(percentiles: Any) -> NDArray[np.float64]:
    """Where a percentile stands: as a normal distribution would have it, so that both tails are seen."""
    return np.asarray(stats.norm.ppf(np.asarray(percentiles) / 100))
