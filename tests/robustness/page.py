"""The page on robustness, made from the rows that stand beside the tests.

    python -m tests.robustness.page > docs/robustness.md

Every ``test_*.py`` of this folder may hold ``ROWS``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

from tests.robustness.rows import Row

_FIRST = (
    "NIfTI files",
    "Geometry",
    "Units of the QSM",
    "Masks and label maps",
    "Lesions",
    "JSON sidecars",
    "TSV tables",
    "Folders and names",
)  # then the sections of other files, in the order of their names
_HEAD = """# What goes wrong

Hospital data is broken in every way there is. This page lists what was tried and what the program does. It is
made by `make robustness-page` from the rows that stand beside the tests; a test fails when they differ.

**Works**: the result is right, and the test compares its values. **Works, with a warning**: the same, and a
sentence in log and report says what was odd. **Refused, exit N**: one sentence names the file and what to do;
no traceback without `--debug`; other participants of the dataset are analysed, and the run ends with the
highest code of those that failed.

Tests of single cases run with `make test`, those of many whole runs with `make test-long`.
"""


def find_rows() -> tuple[Row, ...]:
    """The rows of every test file of this folder."""
    files = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    modules = [import_module(f"{__package__}.{name}") for name in files]
    return tuple(row for module in modules for row in getattr(module, "ROWS", ()))


def page(rows: Sequence[Row]) -> str:
    """The page: how many rows there are, and a table for each section."""
    sections = list(dict.fromkeys((*_FIRST, *(row.section for row in rows))))
    tables = [
        f"## {section}\n\n{_table(chosen)}\n"
        for section in sections
        if (chosen := [row for row in rows if row.section == section])
    ]
    return "\n".join((_HEAD, f"{len(rows)} rows.\n", *tables))


def _table(rows: Iterable[Row]) -> str:
    lines = ["| What is wrong | What happens | Test |", "| --- | --- | --- |"]
    for row in rows:
        file, _, function = row.test.partition("::")
        test = f"[`{function}`](../tests/{file})"
        trouble = row.trouble[:1].upper() + row.trouble[1:]
        lines.append(f"| {_cell(trouble)} | {_cell(row.outcome)} | {test} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text that ends no cell and is no markup."""
    return text.replace("|", r"\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.stdout.write(page(find_rows()))
