"""Sheets of lesions and of whole slices, drawn on one canvas in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window: figures go to files

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from studies.tiles import (
    FIELD_MM,
    QSM_ABOVE_PPB,
    QSM_BELOW_PPB,
    SLICE_ABOVE_PPB,
    SLICE_BELOW_PPB,
    LesionTile,
    Panel,
    SliceColumn,
)

PER_ROW = 5
GAP_MM, PAIR_GAP_MM, LINE_MM, TITLE_MM, MARGIN_MM = 0.5, 3.0, 2.6, 10.5, 1.5
PAIR_MM = 2 * FIELD_MM + GAP_MM
INCH_PER_MM = 0.048  # lesion sheets; slices are drawn smaller
SLICE_INCH_PER_MM, HEAD_MM = 0.0155, 16.0
SLICE_LEGEND = (
    f"Above: QSM, black {SLICE_BELOW_PPB:g} ppb below, white {SLICE_ABOVE_PPB:g} ppb above the median of the "
    "brain. Below: FLAIR of the same slices."
)
DPI = 130
OUTLINE, NEIGHBOUR = "#ff9d00", "#56b4e9"
LEGEND = (
    f"Left: QSM, black {QSM_BELOW_PPB:g} ppb below, white {QSM_ABOVE_PPB:g} ppb above the median around the "
    f"lesion. Right: FLAIR with the outline (orange; other lesions blue). Axial, {FIELD_MM:g} mm."
)


@dataclass(frozen=True)
class Group:
    """Tiles under one heading, with the words below each; a caption may have several lines."""

    title: str
    tiles: tuple[LesionTile, ...]
    captions: tuple[str, ...]

    @property
    def row_mm(self) -> float:
        """Height of a row with its captions."""
        return FIELD_MM + LINE_MM * (1 + max((text.count("\n") + 1 for text in self.captions), default=1))

    @property
    def height_mm(self) -> float:
        """Height of the whole group."""
        return TITLE_MM + -(-len(self.tiles) // PER_ROW) * self.row_mm


def lesion_sheet(groups: Sequence[Group]) -> Figure:
    """Pairs of QSM (left) and FLAIR with the outline (right), five pairs a row, group below group."""
    width = PER_ROW * (PAIR_MM + PAIR_GAP_MM) - PAIR_GAP_MM + 2 * MARGIN_MM
    figure, axes = _canvas(width, sum(group.height_mm for group in groups), INCH_PER_MM)
    top = 0.0
    for group in groups:
        _draw_group(axes, group, top)
        top += group.height_mm
    return figure


def slice_sheet(columns: Sequence[SliceColumn]) -> Figure:
    """One participant a column: QSM of both heights, then FLAIR of both."""
    rows = [[column.qsm[n] for column in columns] for n in (1, 0)]
    rows += [[column.flair[n] for column in columns] for n in (1, 0)]
    wide = max(panel.size_mm[0] for row in rows for panel in row) + 6
    high = max(panel.size_mm[1] for row in rows for panel in row) + 4
    figure, axes = _canvas(wide * len(columns), high * len(rows) + 2 * HEAD_MM, SLICE_INCH_PER_MM)
    for number, column in enumerate(columns):
        middle = (number + 0.5) * wide
        title = f"{column.subject.removeprefix('sub-')}, {column.inversion}"
        axes.text(middle, HEAD_MM / 2, title, fontsize=10, fontweight="bold", ha="center", va="center")
    axes.text(
        wide * len(columns) / 2,
        high * len(rows) + 1.5 * HEAD_MM,
        SLICE_LEGEND,
        fontsize=9,
        ha="center",
        va="center",
    )
    for n, row in enumerate(rows):
        for number, panel in enumerate(row):
            left = number * wide + (wide - panel.size_mm[0]) / 2
            _draw(axes, panel, left, HEAD_MM + n * high + (high - panel.size_mm[1]) / 2)
    return figure


def save_small(figure: Figure, path: Path) -> None:
    """Write a figure of grey pictures as PNG with 256 colours, which no eye tells from more; close it."""
    buffer = BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png")
    plt.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(buffer) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, "PNG", optimize=True)


def _canvas(width_mm: float, height_mm: float, inch_per_mm: float) -> tuple[Figure, Axes]:
    """A white sheet whose coordinates are millimetres from its upper left corner."""
    figure = plt.figure(figsize=(width_mm * inch_per_mm, height_mm * inch_per_mm))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width_mm), ylim=(height_mm, 0))
    axes.axis("off")
    return figure, axes


def _draw_group(axes: Axes, group: Group, top: float) -> None:
    """A heading, the legend and the tiles of a group, from ``top`` down."""
    axes.text(MARGIN_MM, top + 5.0, group.title, fontsize=11, fontweight="bold", va="baseline")
    axes.text(MARGIN_MM, top + 9.0, LEGEND, fontsize=8, va="baseline", color="#444444")
    for place, (tile, caption) in enumerate(zip(group.tiles, group.captions, strict=True)):
        row, column = divmod(place, PER_ROW)
        left, above = MARGIN_MM + column * (PAIR_MM + PAIR_GAP_MM), top + TITLE_MM + row * group.row_mm
        _draw(axes, tile.qsm, left, above)
        _draw(axes, tile.flair, left + FIELD_MM + GAP_MM, above)
        axes.text(left, above + FIELD_MM + 0.6, caption, fontsize=7.5, va="top", linespacing=1.15)


def _draw(axes: Axes, panel: Panel, left: float, top: float) -> None:
    """One panel with its frame at a place of the sheet."""
    x, y, width, height = panel.place_mm
    extent = (left + x, left + x + width, top + y + height, top + y)
    frame = Rectangle((left, top), *panel.size_mm, transform=axes.transData)
    axes.add_patch(Rectangle((left, top), *panel.size_mm, facecolor="black", linewidth=0, zorder=0))
    image = axes.imshow(
        panel.picture,
        cmap="gray",
        vmin=0,
        vmax=255,
        extent=extent,
        interpolation="bicubic",
        aspect="auto",
        zorder=1,
    )
    image.set_clip_path(frame)
    for segments, color in ((panel.neighbours, NEIGHBOUR), (panel.outline, OUTLINE)):
        moved = [[(left + a, top + b), (left + c, top + d)] for (a, b), (c, d) in segments]
        lines = LineCollection(moved, colors=color, linewidths=0.8, capstyle="projecting", zorder=2)
        axes.add_collection(lines, autolim=False)
        lines.set_clip_path(frame)
    axes.set_aspect("auto")
