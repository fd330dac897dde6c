"""Whether probabilities mean what they say, as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from qsmrim_app.evaluation.reliability import ReliabilityBin
from qsmrim_app.reports.plotting import png_of

_TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)
_STYLES = {"before": ("#b4552d", "o", "--"), "after": ("#20639b", "s", "-")}
_PANEL_INCHES = 4.2


def reliability_figure(curves: Mapping[str, Mapping[str, Sequence[ReliabilityBin]]]) -> bytes:
    """Share of rim+ lesions against mean probability in each bin, before and after the calibration.

    Parameters
    ----------
    curves
        Kind of outline -> ``before`` and ``after`` -> bins. One panel a kind of outline.

    Returns
    -------
    bytes
        A PNG without time or name of a program: the same curves give the same bytes.
    """
    figure = Figure(figsize=(_PANEL_INCHES * len(curves), _PANEL_INCHES + 0.3), layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (variant, by_calibration) in zip(panels, curves.items(), strict=True):
        _draw_reliability(axes, by_calibration)
        axes.set_title(f"outlines: {variant}", fontsize=10)
    figure.supxlabel("mean p_rim of a bin (square-root scale)\nbars: 95 % interval over subjects", fontsize=9)
    panels[0].set_ylabel("share of rim+ lesions (expert)")
    panels[0].legend(loc="upper left", fontsize=8, frameon=False)
    return png_of(figure)


def _draw_reliability(axes: Axes, by_calibration: Mapping[str, Sequence[ReliabilityBin]]) -> None:
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="calibrated")
    for when, bins in by_calibration.items():
        color, marker, line = _STYLES[when]
        filled = [one for one in bins if one.n_lesions]
        p, share = ([getattr(one, name) for one in filled] for name in ("p_mean", "rim_share"))
        axes.plot(p, share, line, color=color, marker=marker, markersize=4, label=f"{when} calibration")
        axes.vlines(p, [one.low for one in filled], [one.high for one in filled], color=color, linewidth=1)
    for name in ("x", "y"):
        getattr(axes, f"set_{name}scale")("function", functions=(_root, np.square))
        getattr(axes, f"set_{name}ticks")(_TICKS, [f"{tick:g}" for tick in _TICKS], fontsize=8)
        getattr(axes, f"set_{name}lim")(0, 1)
    axes.set_aspect("equal")


def _root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.maximum(values, 0)))
