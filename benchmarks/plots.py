"""Figures of cost against size, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.parts import Panel
from studies.figures import COLORS, STYLE, save

_MARKERS = "os^DvX"


def write_plot(panels: Sequence[Panel], path: Path) -> None:
    """One figure with the panels side by side."""
    with plt.rc_context(STYLE):
        figure, every = plt.subplots(
            1, len(panels), figsize=(5.6 * len(panels), 4.4), layout="constrained", squeeze=False
        )
        for axes, panel in zip(every[0], panels, strict=True):
            _draw(axes, panel)
    save(figure, path)


def _draw(axes: Axes, panel: Panel) -> None:
    for color, marker, curve in zip(cycle(COLORS), cycle(_MARKERS), panel.curves, strict=False):
        style = "--" if curve.dashed else "-"
        axes.plot(curve.x, curve.y, style, color=color, marker=marker, markersize=4, label=curve.name)
    axes.set(xscale="log", yscale="log", xlabel=panel.x_label, ylabel=panel.y_label)
    ticks = sorted({x for curve in panel.curves for x in curve.x})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.minorticks_off()
    axes.grid(alpha=0.25)
    axes.legend(
        fontsize=7.5, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.14)
    )  # below: it hides no curve
