"""What a part of the suite is: one question, measured by itself, with its own file of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Size = Literal["tiny", "standard", "full"]  # tiny: whether it runs at all; full: as long as it takes
Row = dict[str, Any]  # plain data: what was measured, and on what


@dataclass(frozen=True)
class Setup:
    """What a part may use.

    ``work`` is for data that is made on the way; ``data`` holds the semi-real participants, if there.
    """

    size: Size
    work: Path
    data: Path | None = None

    def choose(self, tiny: Any, standard: Any, full: Any = None) -> Any:
        """The value for this size; ``full`` is ``standard`` where it is not given."""
        return {"tiny": tiny, "standard": standard, "full": standard if full is None else full}[self.size]


@dataclass(frozen=True)
class Headline:
    """One line of the first table: how many times faster, or whether a limit is kept."""

    what: str
    found: str
    detail: str


@dataclass(frozen=True)
class Curve:
    """Cost against size: ``y`` at ``x``, both positive; a dashed one is extrapolated or a limit."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """A diagram of a figure, both axes logarithmic."""

    x_label: str
    y_label: str
    curves: list[Curve]


@dataclass(frozen=True)
class Part:
    """One part of the suite.

    Parameters
    ----------
    name
        On the command line and of its file of results.
    title
        Of its section of the page.
    packages
        Whose versions are written down.
    measure
        Does the work; gives plain rows.
    headlines, section
        From the rows: lines of the first table; tables and what they mean, in Markdown.
    plot
        From the rows: the figure, if it has one.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    measure: Callable[[Setup], list[Row]]
    headlines: Callable[[list[Row]], list[Headline]]
    section: Callable[[list[Row]], str]
    plot: Callable[[list[Row]], list[Panel]] | None = None
