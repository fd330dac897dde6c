"""Figures of a cohort: rim+ lesions a subject, volumes and susceptibilities of its lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from qsmrim_app.evaluation.folds import GROUP_UPPER_BOUNDS
from qsmrim_app.reports.plotting import QUIET, RIM_NEGATIVE, RIM_POSITIVE, panels, plain, png_of
from qsmrim_app.reports.words import MINUS

_GROUP_COLORS = ("#9fb4c7", "#f2c14e", "#e07a3f", "#9c2f2f")
_N_BINS = 24
_VOLUME_TICKS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000)  # mm^3


def rim_counts_figure(counts: Mapping[str, int], whose: str, note: str = "") -> bytes:
    """How many subjects have how many rim+ lesions, in the colours of the groups that folds are made of.

    Parameters
    ----------
    counts
        Subject -> rim+ lesions.
    whose
        Who says so: ``expert`` or ``predicted``.
    note
        As in `png_of`.
    """
    values = np.array(list(counts.values()), dtype=np.intp)
    figure, (axes,) = panels(1, 6.4, 3.4)
    heights = np.bincount(values)
    groups = np.searchsorted(GROUP_UPPER_BOUNDS, np.arange(len(heights)))
    for group, (name, color) in enumerate(zip(group_names(), _GROUP_COLORS, strict=True)):
        rows = np.flatnonzero(groups == group)
        n = int(heights[rows].sum())
        bars = axes.bar(rows, heights[rows], color=color, edgecolor="white", label=f"{name} rim+ (n = {n})")
        axes.bar_label(bars, [str(height) if height else "" for height in heights[rows]], fontsize=8)
    axes.set_xlabel(f"rim+ lesions of a subject ({whose})")
    axes.set_ylabel("subjects")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(-0.6, max(len(heights), 2) - 0.4)
    axes.legend(fontsize=8, frameon=False)
    plain(axes)
    return png_of(figure, note)


def group_names() -> tuple[str, ...]:
    """The groups of subjects by their rim+ lesions, as a reader says them: 0, 1-3, 4-6, > 6."""
    bounds = (-1, *GROUP_UPPER_BOUNDS)
    names = [str(high) if high == low + 1 else f"{low + 1}–{high}" for low, high in pairwise(bounds)]
    return (*names, f"> {bounds[-1]}")


def lesion_figure(
    volume_mm3: NDArray[np.float64],
    qsm_ppb: NDArray[np.float64],
    rim: NDArray[np.float64],
    n_lesions: Sequence[int],
    note: str = "",
) -> bytes:
    """Lesions a session, and volume and mean susceptibility of rim+ and rim- lesions.

    Parameters
    ----------
    volume_mm3, qsm_ppb, rim
        Of each lesion, shape (n,); ``rim`` is 1, 0 or NaN where nobody knows.
    n_lesions
        Of each session.
    note
        As in `png_of`.
    """
    figure, (per_session, volume, qsm) = panels(3, 4.0, 3.2)
    _bars(per_session, n_lesions)
    seen = volume_mm3 > 0
    _by_class(volume, np.log10(volume_mm3[seen]), rim[seen])
    volume.set_xlabel("volume, mm³ (log scale)")
    volume.set_xticks(np.log10(_VOLUME_TICKS).tolist(), [f"{tick:g}" for tick in _VOLUME_TICKS])
    if seen.any():
        margin = 0.05
        logs = np.log10(volume_mm3[seen])
        volume.set_xlim(float(logs.min()) - margin, float(logs.max()) + margin)
    known = np.isfinite(qsm_ppb)
    _by_class(qsm, qsm_ppb[known], rim[known])
    qsm.set_xlabel("mean QSM of a lesion, ppb")
    volume.set_ylabel("share of the lesions of a class")
    return png_of(figure, note)


def _bars(axes: Axes, n_lesions: Sequence[int]) -> None:
    top = max(n_lesions, default=0)
    step = max(1, -(-(top + 1) // _N_BINS))
    axes.hist(
        n_lesions, bins=(np.arange(0, top + step + 1, step) - 0.5).tolist(), color=QUIET, edgecolor="white"
    )
    axes.set_xlabel("lesions of a session")
    axes.set_ylabel("sessions")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    plain(axes)


def _by_class(axes: Axes, values: NDArray[np.float64], rim: NDArray[np.float64]) -> None:
    """Outlines of two histograms on the same bins, each of area one; a class without lesions has none."""
    plain(axes)
    if not len(values):
        axes.text(0.5, 0.5, "no lesions", ha="center", va="center", transform=axes.transAxes, color=QUIET)
        return
    low, high = float(values.min()), float(values.max())
    bins = np.linspace(low, high if high > low else low + 1, _N_BINS + 1).tolist()
    kinds = (
        ("rim+", rim == 1, RIM_POSITIVE),
        (f"rim{MINUS}", rim == 0, RIM_NEGATIVE),
        ("no status", np.isnan(rim), QUIET),
    )
    for name, rows, color in kinds:
        n = int(rows.sum())
        if n:
            weights = np.full(n, 1 / n)
            axes.hist(values[rows], bins=bins, weights=weights, histtype="step", color=color, linewidth=1.6)
            axes.axvline(float(np.median(values[rows])), color=color, linewidth=1, linestyle=":")
            axes.plot([], [], color=color, label=f"{name} (n = {n})")
    axes.legend(fontsize=8, frameon=False)
