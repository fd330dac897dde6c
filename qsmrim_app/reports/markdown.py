"""Values, texts and tables as Markdown; texts are escaped, so that none can add markup."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qsmrim_app.reports.words import number, visible

LONGEST_LIST = 12  # a longer one is counted, not printed
INTERVAL = ("value", "low", "high")
_MARKUP = re.compile(r"([\\`*\[\]<>|#~!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")


def value_text(value: Any) -> str:
    """A number with four digits, a figure with its interval, a list, or a text."""
    if isinstance(value, Mapping):
        middle, low, high = (figure_text(value[name]) for name in INTERVAL)
        return f"{middle} (no interval)" if "undefined" in (low, high) else f"{middle} ({low} to {high})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "undefined"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > LONGEST_LIST:
            return f"{len(value)} values"
        return ", ".join(value_text(item) for item in value) or "none"
    return escaped(value)


def figure_text(value: Any) -> str:
    """A figure of an evaluation: three decimals, so that columns stand alike; counts are whole."""
    if isinstance(value, float) and math.isfinite(value):
        return number(value, 3)
    return value_text(value)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Name and text of the leaves of nested mappings; names are joined."""
    rows = []
    for name, value in tree.items():
        label = f"{prefix}{name}"
        if isinstance(value, Mapping) and not set(INTERVAL) <= set(value):
            rows += leaves(value, f"{label}, ")
        else:
            rows.append((escaped(label), value_text(value)))
    return rows


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or a sentence where there are no rows."""
    listed = list(rows)
    if not listed:
        return "Not recorded."
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *listed)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def escaped(value: Any) -> str:
    """A text on one line, as it stands."""
    one_line = " ".join(str(visible(str(value))).split())
    return _MARKUP.sub(r"\\\1", one_line)
