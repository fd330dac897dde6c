"""A table with its title and what to know of it: the same for a model card and for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from qsmrim_app.reports.markdown import escaped, markdown_table

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Plain texts: whoever writes them into a document escapes them.

    Parameters
    ----------
    title
        Empty where the table goes on from what stands above it.
    head, rows
        Cells; the first column names the row.
    text
        A paragraph above the table, or empty.
    """

    title: str
    head: Row
    rows: tuple[Row, ...]
    text: str = ""


def markdown_section(section: Section) -> str:
    """The section in Markdown."""
    parts = [
        f"### {escaped(section.title)}" if section.title else "",
        escaped(section.text),
        markdown_table(
            [escaped(cell) for cell in section.head],
            [[escaped(cell) for cell in row] for row in section.rows],
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def by_method(sections: Mapping[str, tuple[Section, ...]]) -> tuple[Section, ...]:
    """The sections of several methods as one of each title, with a first column that names the method.

    Sections of a title must have the same columns, as those of the same lesions have; the text is that of the
    first method.
    """
    found: dict[str, Section] = {}
    for method, parts in sections.items():
        for part in parts:
            rows = tuple((method, *row) for row in part.rows)
            before = found.get(part.title, replace(part, head=("Method", *part.head), rows=()))
            found[part.title] = replace(before, rows=(*before.rows, *rows))
    return tuple(found.values())
