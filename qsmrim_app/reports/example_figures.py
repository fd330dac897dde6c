"""Pictures of lesions: two on a whole slice, and those that a method calls rightly and wrongly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from qsmrim_app.records import Case
from qsmrim_app.reports.lesion_pictures import LesionPicture
from qsmrim_app.reports.pictures import grey_images
from qsmrim_app.reports.plotting import panels, png_of
from qsmrim_app.reports.views import AXIAL, View, bounding_box, view_of_box

CELL_NAMES: Mapping[str, str] = {
    "tp": "A  true positive",
    "fp": "B  false positive",
    "fn": "C  false negative",
    "tn": "D  true negative",
}
N_EXAMPLES = 3  # of each cell
_WIDTH, _ROW, _EMPTY_ROW = 9.6, 2.3, 0.5  # inches
_RED, _GREEN = "#ff4d3d", "#4ddb6a"


_PAIR_PLACE = {"left": 0.02, "right": 0.98, "bottom": 0.1, "top": 0.88, "wspace": 0.04}


@dataclass(frozen=True, eq=False)
class Example:
    """A lesion with the words under its picture."""

    picture: LesionPicture
    caption: str


def examples_figure(examples: Mapping[str, Sequence[Example]], note: str = "") -> bytes:
    """A row for each cell of `CELL_NAMES`, up to three lesions in it, each on QSM and FLAIR.

    A red arrow points at the lesion where its surroundings are shown.
    """
    heights = [_ROW if examples.get(cell) else _EMPTY_ROW for cell in CELL_NAMES]
    figure = Figure(figsize=(_WIDTH, sum(heights)))  # a solved layout is not the same each time
    rows = figure.subfigures(len(CELL_NAMES), 1, squeeze=False, height_ratios=heights)[:, 0]
    for row, (cell, name) in zip(rows, CELL_NAMES.items(), strict=True):
        chosen = list(examples.get(cell, ()))[:N_EXAMPLES]
        row.suptitle(name if chosen else f"{name}: none", x=0.01, ha="left", fontsize=10, fontweight="bold")
        pairs = row.subfigures(1, N_EXAMPLES, squeeze=False)[0] if chosen else ()
        for pair, example in zip(pairs, chosen, strict=False):
            _show_pair(pair, example)
    return png_of(figure, note)


def slice_figure(
    case: Case, rim_positive: int, rim_negative: int | None, voxel: tuple[int, int, int], note: str = ""
) -> bytes:
    """The axial slice through a voxel on QSM and FLAIR; 1 in red is the rim+ lesion, 2 in green the other.

    Parameters
    ----------
    case
        Images on one grid.
    rim_positive, rim_negative
        Labels; the second may be None.
    voxel
        Of the rim+ lesion.
    note
        As in `png_of`.
    """
    box = bounding_box(case.brain_mask.data | (case.lesions.data > 0), margin=3)
    view, grey = view_of_box(case.qsm, AXIAL, voxel[2], box), grey_images(case)
    figure, grid = panels(2, 4.4, 5.0)
    labels = view.picture(case.lesions.data)
    for axes, (name, image) in zip(grid, (("QSM", grey.qsm), ("T2-FLAIR", grey.flair)), strict=True):
        axes.set_axis_off()
        axes.set_title(name, fontsize=10)
        _show(axes, view, view.picture(image))
        for label, text, color in ((rim_positive, "1", _RED), (rim_negative, "2", _GREEN)):
            if label is not None:
                _point_at(axes, view, labels == label, color, text)
    return png_of(figure, note)


def _show_pair(figure: SubFigure, example: Example) -> None:
    picture = example.picture
    grid = figure.subplots(1, 2, gridspec_kw=_PAIR_PLACE)
    for axes, image in zip(grid, (picture.qsm, picture.flair), strict=True):
        axes.set_axis_off()
        _show(axes, picture.view, image)
        if not picture.from_patch:
            _point_at(axes, picture.view, picture.lesion, _RED)
    figure.supxlabel(example.caption, fontsize=8, parse_math=False)


def _show(axes: Axes, view: View, image: NDArray[np.uint8]) -> None:
    """A picture in the millimetres of its frame, black around it."""
    width, height = view.size_mm
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="black", zorder=0))
    extent = (view.x_mm, view.x_mm + view.width_mm, view.y_mm + view.height_mm, view.y_mm)
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def _point_at(axes: Axes, view: View, mask: NDArray[np.bool_], color: str, text: str = "") -> None:
    """An arrow from the lower left whose tip ends at the border of the lesion, not on it."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return
    across, down = (columns + 0.5) * view.spacing_mm[0], (rows + 0.5) * view.spacing_mm[1]
    nearest = int(np.argmax(down - across))  # the pixel furthest to the lower left
    tip = (view.x_mm + across[nearest] - 0.8, view.y_mm + down[nearest] + 0.8)
    length = 0.14 * view.size_mm[0]
    axes.annotate(
        text, tip, (tip[0] - length, tip[1] + length), color=color, fontsize=11, fontweight="bold",
        ha="center", va="center", arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1.5},
    )  # fmt: skip
