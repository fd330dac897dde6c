"""Predicted against expert number of rim+ lesions of each subject."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from qsmrim_app.evaluation.counts import Correlation, SubjectCounts, regression, subject_counts
from qsmrim_app.evaluation.scorecard import Scorecard
from qsmrim_app.reports.plotting import METHOD_STYLES, panels, plain, png_of
from qsmrim_app.reports.words import number

_JITTER = 0.16  # lesions, each way
_POINTS = 60


def counts_figure(cards: Mapping[str, Scorecard], note: str = "") -> bytes:
    """A panel a method: a point a subject, the line with its 95 % band, and the identity.

    Points are moved a little, so that equal ones are seen.

    Parameters
    ----------
    cards
        Method -> its scorecard, whose r and mean squared error stand above the panel.
    note
        As in `png_of`.
    """
    figure, grid = panels(len(cards), 4.0, 4.6)
    for axes, (method, card) in zip(grid, cards.items(), strict=True):
        _draw(axes, subject_counts(card.lesions))
        error = number(card.figures["count_mse"].value, 2)
        axes.set_title(
            f"{method}\n{_correlation(card.count_r)}, MSE = {error}",
            fontsize=9,
            parse_math=False,
        )
    return png_of(figure, note)


def _correlation(r: Correlation) -> str:
    if math.isnan(r.value):
        return "r undefined"
    return f"r = {number(r.value, 2)} ({number(r.low, 2)} to {number(r.high, 2)})"


def _draw(axes: Axes, counts: SubjectCounts) -> None:
    color = METHOD_STYLES[0][0]
    top = max([1.0, *counts.expert.tolist(), *counts.predicted.tolist()])
    rng = np.random.default_rng(0)  # the same subjects give the same picture
    x, y = [
        values + rng.uniform(-_JITTER, _JITTER, len(values)) for values in (counts.expert, counts.predicted)
    ]
    axes.plot([0, top], [0, top], color=color, linestyle="--", linewidth=1, label="identity")
    line = regression(counts, np.linspace(0, float(counts.expert.max(initial=0)), _POINTS))
    if line is not None:
        axes.fill_between(line.x, line.low, line.high, color=color, alpha=0.18, linewidth=0)
        axes.plot(
            line.x, line.y, color=color, linewidth=1.6, label=f"{line.intercept:.2f} + {line.slope:.2f} x"
        )
    axes.scatter(x, y, s=14, color="0.15", alpha=0.45, linewidths=0)
    axes.set_xlabel("rim+ lesions, expert", fontsize=9)
    axes.set_ylabel("rim+ lesions, predicted", fontsize=9)
    for name in ("x", "y"):
        getattr(axes, f"set_{name}lim")(-0.5, top + 0.5)
        getattr(axes, f"{name}axis").set_major_locator(MaxNLocator(integer=True))
    axes.set_box_aspect(1)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    plain(axes)
