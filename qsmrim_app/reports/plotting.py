"""What all drawn figures share: size of panels, colours, and how they become bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

RIM_POSITIVE, RIM_NEGATIVE = "#d97700", "#3d8fc0"  # the page's, for drawings on white
QUIET = "0.45"
# One a method, and a dash of its own for readers who do not see the colours.
METHOD_STYLES = (
    ("#20639b", "-"),
    ("#b4552d", (0, (5, 2))),
    ("#2a7f62", (0, (1, 1.2))),
    ("#8e5ea2", (0, (6, 2, 1, 2))),
    ("#b08800", (0, (3, 1))),
    ("#4d4d4d", (0, (1, 3))),
    ("#c2356b", (0, (8, 2, 1, 2, 1, 2))),
)
DPI = 150
_PANELS_A_ROW = 3
_NOTE_INCHES = 0.22


def panels(n: int, width_inches: float, height_inches: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure with n panels, three a row; ``width_inches`` and ``height_inches`` are of one panel."""
    columns = min(max(n, 1), _PANELS_A_ROW)
    rows = max(1, math.ceil(n / columns))
    figure = Figure(
        figsize=(width_inches * columns, height_inches * rows + _NOTE_INCHES), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in grid[n:]:
        spare.set_axis_off()
    return figure, list(grid[:n])


def plain(axes: Axes) -> None:
    """No frame at the top and on the right, small numbers at the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def png_of(figure: Figure, note: str = "") -> bytes:
    """A PNG without time or name of a program: the same drawing gives the same bytes.

    Parameters
    ----------
    figure
        Drawn, in a constrained layout.
    note
        A few words in the upper right corner, such as that the data are simulated.
    """
    if note:
        engine, height = figure.get_layout_engine(), figure.get_figheight()
        if engine is not None:
            engine.set(rect=(0, 0, 1, 1 - _NOTE_INCHES / height))  # type: ignore[call-arg]
        figure.text(0.995, 1 - 0.04 / height, note, ha="right", va="top", fontsize=8, color="#8a5a00")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
