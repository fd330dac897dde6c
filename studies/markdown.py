"""Tables and numbers as Markdown, and the generated part of a page between its markers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from qsmrim_app.evaluation.bootstrap import Estimate
from qsmrim_app.reports.words import MISSING, number

BEGIN, END = "<!-- generated -->", "<!-- /generated -->"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; the first column is text, the others stand right."""
    rule = ["---", *["--:"] * (len(columns) - 1)]
    lines = [list(columns), rule, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_interval(estimate: Estimate, digits: int = 2) -> str:
    """``0.81 (0.75 to 0.86)``, ``0.81`` where there is no interval, a dash for what is undefined."""
    text = number(estimate.value, digits)
    if math.isnan(estimate.low):
        return text
    return f"{text} ({number(estimate.low, digits)} to {number(estimate.high, digits)})"


def percent(share: float, digits: int = 1) -> str:
    """``4.3 %``."""
    return MISSING if math.isnan(share) else f"{number(100 * share, digits)} %"


def write_generated(path: Path, head: str, body: str) -> None:
    """Replace what stands between the markers of a page; a page that does not exist begins with ``head``.

    What a hand wrote before and after the markers stays.

    Raises
    ------
    ValueError
        If the page exists and lacks the markers.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else f"{head.rstrip()}\n\n{BEGIN}\n{END}\n"
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{path} has no part between {BEGIN} and {END} to write into; add both lines once")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before}{BEGIN}\n{body.strip()}\n{END}{after}", encoding="utf-8")
