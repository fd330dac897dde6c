"""The way of a cohort from participants to rim+ lesions, as boxes: who and what is left out where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from qsmrim_app.reports.plotting import RIM_NEGATIVE, RIM_POSITIVE, panels, png_of

_LINE = 0.24  # inches a line of text takes
_GAP = 0.34


@dataclass(frozen=True)
class FlowStep:
    """What is there, and what leaves on the way to the next step; each text is a line of a box."""

    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def flow_figure(steps: Sequence[FlowStep], ends: Sequence[str], note: str = "") -> bytes:
    """Boxes from top to bottom, what is left out on the right.

    Parameters
    ----------
    steps
        At least one.
    ends
        The two boxes at the end, rim+ and rim-; none where nobody knows.
    note
        As in `png_of`.
    """
    heights = [_LINE * max(len(step.kept), len(step.left_out)) + 0.18 for step in steps]
    total = sum(heights) + _GAP * len(steps) + (_LINE + 0.2 if ends else 0)
    figure, (axes,) = panels(1, 7.6, total)
    axes.set_xlim(0, 7.6)
    axes.set_ylim(total, 0)
    axes.set_axis_off()
    top = 0.0
    for place, (step, height) in enumerate(zip(steps, heights, strict=True)):
        _box(axes, 1.9, top, height, step.kept, "#eef2f6", "0.35")
        if step.left_out:
            _box(axes, 5.7, top, height, step.left_out, "white", "0.6")
            _arrow(axes, (3.5, top + height / 2), (4.1, top + height / 2))
        if place + 1 < len(steps) or ends:
            _arrow(axes, (1.9, top + height), (1.9, top + height + _GAP))
        top += height + _GAP
    for text, x, color in zip(ends, (1.08, 2.72), (RIM_POSITIVE, RIM_NEGATIVE), strict=False):
        _box(axes, x, top, _LINE + 0.16, (text,), "white", color, half=0.78)
    return png_of(figure, note)


def _box(
    axes: Axes,
    x: float,
    top: float,
    height: float,
    lines: Sequence[str],
    face: str,
    edge: str,
    half: float = 1.6,
) -> None:
    place, size = (x - half, top), (2 * half, height)
    axes.add_patch(Rectangle(place, *size, facecolor=face, edgecolor=edge, linewidth=1.2))
    axes.text(x, top + height / 2, "\n".join(lines), ha="center", va="center", fontsize=9, parse_math=False)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "->", "color": "0.35", "shrinkA": 0, "shrinkB": 0}
    )
