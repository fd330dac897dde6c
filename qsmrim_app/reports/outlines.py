"""Lesion outlines as SVG paths that follow the edges of voxels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.reports.views import View

BoolArray = NDArray[np.bool_]


class Outlines(NamedTuple):
    """SVG path data in the millimetres of the view's frame; empty where there is nothing."""

    lesion: str
    neighbours: str


def lesion_outlines(view: View, labels: NDArray[np.int32], label: int) -> Outlines:
    """The border of one lesion and, apart, the borders of the lesions around it.

    Parameters
    ----------
    view
        What is shown.
    labels
        Lesion labels, shape (i, j, k).
    label
        The lesion in question. Where a neighbour touches it the shared border belongs to the lesion.
    """
    picture = view.picture(labels)
    across, down = _pairs(picture)
    own = tuple((one == label) != (other == label) for one, other in (across, down))
    foreign = tuple((one != other) & ~mine for (one, other), mine in zip((across, down), own, strict=True))
    return Outlines(_path(view, own[0], own[1]), _path(view, foreign[0], foreign[1]))


def mask_outline(view: View, picture: BoolArray) -> str:
    """The border of a mask given in the picture of a view, shape (rows, columns)."""
    across, down = _pairs(picture)
    return _path(view, across[0] != across[1], down[0] != down[1])


def _pairs(picture: NDArray[np.generic]) -> tuple[tuple[NDArray[np.generic], ...], ...]:
    """The pixels on both sides of every horizontal (rows + 1, columns) and vertical edge."""
    padded = np.pad(picture, 1)
    return (padded[:-1, 1:-1], padded[1:, 1:-1]), (padded[1:-1, :-1], padded[1:-1, 1:])


def _path(view: View, horizontal: BoolArray, vertical: BoolArray) -> str:
    parts = []
    for row, first, last in _runs(horizontal):
        y, x0, x1 = _y(view, row), _x(view, first), _x(view, last)
        parts.append(f"M{x0} {y}H{x1}")
    for column, first, last in _runs(vertical.T):
        x, y0, y1 = _x(view, column), _y(view, first), _y(view, last)
        parts.append(f"M{x} {y0}V{y1}")
    return "".join(parts)


def _runs(edges: BoolArray) -> list[tuple[int, int, int]]:
    """(line, first, last) of every unbroken run along the second axis; ``last`` is exclusive."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(int(a[0]), int(a[1]), int(b[1])) for a, b in zip(starts, stops, strict=True)]


def _x(view: View, column: int) -> str:
    return f"{round(view.x_mm + column * view.spacing_mm[0], 2) + 0.0:g}"


def _y(view: View, row: int) -> str:
    return f"{round(view.y_mm + row * view.spacing_mm[1], 2) + 0.0:g}"
