"""The page of a group run: one HTML file that needs nothing but itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qsmrim_app.reports.notices import SIMULATED_IMAGES, model_notice
from qsmrim_app.reports.pictures import png_data_uri
from qsmrim_app.reports.plotting import DPI
from qsmrim_app.reports.sections import Section
from qsmrim_app.reports.templating import render
from qsmrim_app.reports.words import MISSING

_CSS_PIXELS_PER_INCH = 96
_NUMBER = re.compile(rf"[-−]?\d[\d.,%() –e+−-]*( to [-−]?[\d.]+\))?\*?|{MISSING}|undefined.*|n/a|")


@dataclass(frozen=True, eq=False)
class PageFigure:
    """A drawing: ``name`` is that of its file, ``caption`` says what is seen."""

    name: str
    title: str
    caption: str
    png: bytes

    @property
    def uri(self) -> str:
        """The picture as a ``data:`` address."""
        return png_data_uri(self.png)

    @property
    def width(self) -> int:
        """Width on the page, CSS pixels: that of the drawing at its size in inches."""
        pixels = int.from_bytes(self.png[16:20], "big")  # of the header that every PNG starts with
        return round(pixels * _CSS_PIXELS_PER_INCH / DPI)


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the page: paragraphs, tables, figures, and long tables that a reader unfolds."""

    anchor: str
    title: str
    texts: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    figures: tuple[PageFigure, ...] = ()
    folded: tuple[Section, ...] = ()


@dataclass(frozen=True, eq=False)
class GroupReport:
    """All that the page says.

    Parameters
    ----------
    app_version
        Of qsmrim.
    title
        Of the page.
    headline, facts
        The first numbers a reader sees: one large line, and sentences below it.
    trained_on_simulation
        Whether any model whose results are shown learnt from simulated lesions.
    simulated
        Whether the lesions shown are simulated.
    warnings
        Sentences.
    parts
        In the order to show.
    """

    app_version: str
    title: str
    headline: str
    facts: tuple[str, ...]
    trained_on_simulation: bool
    simulated: bool
    warnings: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def figures(self) -> tuple[PageFigure, ...]:
        """Every figure of every part."""
        return tuple(figure for part in self.parts for figure in part.figures)


def group_page(report: GroupReport) -> str:
    """The HTML of a group report; the same report always gives the same text."""
    content = {
        "report": report,
        "notice": model_notice(report.trained_on_simulation),
        "simulated_notice": SIMULATED_IMAGES if report.simulated else "",
        "numeric": numeric_columns,
    }
    return render("group.html", content)


def numeric_columns(section: Section) -> tuple[bool, ...]:
    """Which columns hold numbers alone and stand flush right."""
    columns = zip(*section.rows, strict=True) if section.rows else ((),) * len(section.head)
    return tuple(bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells) for cells in columns)
