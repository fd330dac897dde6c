"""ROC, partial ROC and precision-recall curves of all methods on the same lesions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from matplotlib.axes import Axes

from qsmrim_app.evaluation.curves import MAX_FPR, Curve, partial_roc, precision_recall
from qsmrim_app.evaluation.scorecard import Scorecard
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from qsmrim_app.reports.plotting import METHOD_STYLES, QUIET, panels, plain, png_of
from qsmrim_app.reports.words import number


def curves_figure(cards: Mapping[str, Scorecard], note: str = "") -> bytes:
    """Three panels: partial ROC, precision-recall, whole ROC; each the mean of the folds' step curves.

    Parameters
    ----------
    cards
        Method -> its scorecard; all of the same lesions. The areas in the legends are the scorecard's.
    note
        As in `png_of`.
    """
    figure, (partial, pr, whole) = panels(3, 4.2, 4.2)
    for (method, card), (color, dash) in zip(cards.items(), _styles(len(cards)), strict=True):
        one = card.lesions
        style = {"color": color, "linestyle": dash, "linewidth": 1.6}
        roc = partial_roc(one.p_rim, one.rim, one.folds, max_fpr=1.0).mean
        _steps(
            partial,
            partial_roc(one.p_rim, one.rim, one.folds).mean,
            "post",
            style,
            method,
            _area(card, "proc_auc"),
        )
        _steps(
            pr,
            precision_recall(one.p_rim, one.rim, one.folds).mean,
            "pre",
            style,
            method,
            _area(card, "pr_auc"),
        )
        _steps(whole, roc, "post", style, method, _area(card, "roc_auc"))
    _finish(
        partial, f"Partial ROC (FPR up to {MAX_FPR})", "false positive rate", "true positive rate", MAX_FPR
    )
    _finish(pr, "Precision-recall", "recall (sensitivity)", "precision (PPV)", 1)
    _finish(whole, "ROC", "false positive rate", "true positive rate", 1)
    _chance(partial, pr, whole, next(iter(cards.values())).lesions)
    for axes in (partial, pr, whole):
        axes.legend(fontsize=7.5, frameon=True, framealpha=0.85, edgecolor="none")
    return png_of(figure, note)


def _styles(n: int) -> list[tuple[str, object]]:
    return [METHOD_STYLES[place % len(METHOD_STYLES)] for place in range(n)]


def _area(card: Scorecard, name: str) -> str:
    return number(card.figures[name].value, 3)


def _steps(
    axes: Axes,
    curve: Curve,
    where: Literal["pre", "post"],
    style: Mapping[str, object],
    method: str,
    area: str,
) -> None:
    axes.step(curve.x, curve.y, where=where, label=f"{method}: AUC {area}", **style)


def _finish(axes: Axes, title: str, x: str, y: str, right: float) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.set_xlim(0, right)
    axes.set_ylim(0, 1.02)
    plain(axes)


def _chance(partial: Axes, pr: Axes, whole: Axes, lesions: ScoredLesions) -> None:
    """What scores without any knowledge reach: the diagonal, and the share of rim+ lesions."""
    for axes in (partial, whole):
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, label="chance")
    share = float(lesions.truth.mean()) if len(lesions) else 0.0
    pr.axhline(share, color=QUIET, linewidth=0.8, label=f"chance: {number(share, 3)}")
