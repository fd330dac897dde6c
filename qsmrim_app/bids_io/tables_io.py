"""Tables as tab-separated text: the lesion table, the features, any other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from qsmrim_app.bids_io.label_tables import FORMULA, MISSING, read_cells, shown_cell
from qsmrim_app.bids_io.writing import write_json, write_text
from qsmrim_app.errors import TableError
from qsmrim_app.tables.columns import LESION_COLUMNS, Column
from qsmrim_app.tables.lesion_table import LesionTable, lesion_table

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?")
NUMBER_FORMAT = ".6g"  # six digits: below what any of these numbers is known to


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a tab-separated table; missing values become ``n/a``, numbers six digits, text one line.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    lines = ["\t".join(columns)]
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{path.name}: a row has {len(row)} cells, the table {len(columns)} columns")
        lines.append("\t".join(cell_text(value) for value in row))
    write_text(path, "\n".join(lines) + "\n")


def write_described_table(path: Path, columns: Mapping[str, Column], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table and, before it, the JSON file that describes its columns; see `write_table`.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    write_json(path.with_suffix(".json"), column_descriptions(columns))
    write_table(path, tuple(columns), rows)


def write_lesion_table(path: Path, table: LesionTable) -> None:
    """Write a lesion table; `read_lesion_table` is the inverse, up to six digits.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_table(path, list(table.frame.columns), table.frame.itertuples(index=False, name=None))


def read_lesion_table(path: Path) -> LesionTable:
    """A lesion table from its file. Columns may lack, except those that every row needs.

    Raises
    ------
    TableError
        If the file cannot be read or holds an unknown column or a value of the wrong type or range.
    """
    rows = []
    for line, cells in read_cells(path):
        unknown = sorted(set(cells) - set(LESION_COLUMNS))
        if unknown:
            raise TableError(
                f"{path}: unknown column(s) {unknown}; a lesion table has {list(LESION_COLUMNS)}"
            )
        rows.append({name: _value(text, name, f"{path}, line {line}") for name, text in cells.items()})
    try:
        return lesion_table(rows)
    except TableError as error:
        raise TableError(f"{path}: {error}") from error


def lesion_table_sidecar() -> dict[str, Any]:
    """The JSON description of every column of the lesion table."""
    return column_descriptions(LESION_COLUMNS)


def column_descriptions(columns: Mapping[str, Column]) -> dict[str, Any]:
    """The JSON description of columns, as BIDS wants it beside a table."""
    described: dict[str, Any] = {}
    for name, column in columns.items():
        entry: dict[str, Any] = {"Description": column.description}
        if column.units:
            entry["Units"] = column.units
        if column.levels:
            entry["Levels"] = dict(column.levels)
        if column.parts:
            entry["Parts"] = dict(column.parts)
        described[name] = entry
    return described


def cell_text(value: Any) -> str:
    """The text of one cell: ``n/a`` for None, NaN, NA and the empty string; 1 and 0 for booleans.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    if isinstance(value, float):  # first, since most cells are features
        return "n/a" if math.isnan(value) else format(value + 0.0, NUMBER_FORMAT)
    if value is None or value is pd.NA or value == "":
        return "n/a"
    if isinstance(value, str):
        line = " ".join(value.split())  # a tab or line end would make another cell or row of it
        return f"'{line}" if line.startswith(FORMULA) and not _NUMBER.fullmatch(line) else line
    if isinstance(value, bool):
        return str(int(value))
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float):
        return cell_text(number)
    return str(int(number)) if isinstance(number, bool) else str(number)


def _value(text: str, name: str, where: str) -> Any:
    kind = LESION_COLUMNS[name].kind
    if kind == "text":
        return "" if text == "n/a" else text
    if text in MISSING:
        return None
    try:
        number = float(text)
    except ValueError as error:
        raise TableError(f"{where}: {name} is {shown_cell(text)}, not a number") from error
    if kind == "number":
        return number
    if not number.is_integer():
        raise TableError(f"{where}: {name} is {shown_cell(text)}, not a whole number")
    return int(number)
