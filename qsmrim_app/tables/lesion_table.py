"""The table of lesions: one row a lesion, checked when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from qsmrim_app.errors import TableError, UnknownLesionError
from qsmrim_app.tables.columns import KEY_COLUMNS, LESION_COLUMNS, Column, Kind

_LARGEST = 1e12  # of any measure of a lesion; what is larger is a damaged cell
_DTYPES: Mapping[Kind, str] = {"integer": "Int64", "number": "float64", "text": "object", "flag": "Int64"}


@dataclass(frozen=True, eq=False)
class LesionTable:
    """Rows of lesions of any number of subjects, unique by ``subject, session, index``.

    Parameters
    ----------
    frame
        All columns of `LESION_COLUMNS`, in that order, with their dtypes. Missing: ``<NA>`` for whole
        numbers and flags, NaN for numbers, the empty string for text.

    Raises
    ------
    TableError
        If a column is missing, unknown or of another type, a value is outside its range, or a key stands
        twice.
    """

    frame: pd.DataFrame

    def __post_init__(self) -> None:
        try:
            checked = _schema().validate(self.frame, lazy=False)
        except (pandera.errors.SchemaError, pandera.errors.SchemaErrors) as error:
            raise TableError(f"the lesion table is not valid: {_what_is_wrong(error)}") from error
        object.__setattr__(self, "frame", checked.reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def classified(self) -> pd.Series:
        """True for the rows that carry no reason for exclusion, shape (n,)."""
        return self.frame["excluded_because"] == ""

    def keys(self) -> list[tuple[str, str, int]]:
        """``(subject, session, index)`` of every row, in order."""
        return [(str(s), str(e), int(i)) for s, e, i in self.frame[list(KEY_COLUMNS)].itertuples(index=False)]

    def with_columns(self, values: Mapping[str, Mapping[tuple[str, str, int], Any]]) -> LesionTable:
        """A copy with new values, joined by key: column -> (subject, session, index) -> value.

        Raises
        ------
        UnknownLesionError
            If a key is not in the table.
        """
        keys = self.keys()
        frame = self.frame.copy()
        for column, by_key in values.items():
            unknown = sorted(set(by_key) - set(keys))
            if unknown:
                raise UnknownLesionError(f"no row for lesion(s) {unknown[:5]} that '{column}' has values for")
            old = frame[column].tolist()
            frame[column] = _typed(
                [by_key.get(key, old[row]) for row, key in enumerate(keys)], LESION_COLUMNS[column]
            )
        return LesionTable(frame)


def lesion_table(rows: Iterable[Mapping[str, Any]]) -> LesionTable:
    """A table from rows; columns that a row does not name are missing in it.

    Raises
    ------
    TableError
        If a row names an unknown column or the table is not valid.
    """
    listed = list(rows)
    unknown = sorted({name for row in listed for name in row} - set(LESION_COLUMNS))
    if unknown:
        raise TableError(f"a lesion table has no column(s) {unknown}; it has {list(LESION_COLUMNS)}")
    return LesionTable(
        pd.DataFrame(
            {
                name: _typed([row.get(name) for row in listed], column)
                for name, column in LESION_COLUMNS.items()
            }
        )
    )


def concatenate(tables: Sequence[LesionTable]) -> LesionTable:
    """The rows of several tables, in order."""
    if not tables:
        return lesion_table([])
    return LesionTable(pd.concat([table.frame for table in tables], ignore_index=True))


def _typed(values: list[Any], column: Column) -> pd.Series:
    if column.kind == "text":
        return pd.Series(["" if pd.isna(value) else str(value) for value in values], dtype="object")
    try:
        return pd.Series([None if pd.isna(value) else value for value in values], dtype=_DTYPES[column.kind])
    except OverflowError as error:
        raise TableError(f"a value is too large for a table ({error})") from error


def _what_is_wrong(error: pandera.errors.SchemaError | pandera.errors.SchemaErrors) -> str:
    """Which value of which row is out of range, and what was expected; else pandera's own first line."""
    column = LESION_COLUMNS.get(str(getattr(error.schema, "name", "")))
    cases = error.failure_cases
    if column is None or not isinstance(cases, pd.DataFrame) or cases["index"].isna().any():
        return str(error).splitlines()[0]
    row, value = cases[["index", "failure_case"]].iloc[0]
    return f"{error.schema.name} of row {int(row) + 1} is {value}; expected {_expected(column)}"


def _expected(column: Column) -> str:
    if column.kind == "flag":
        return "1 or 0"
    if column.kind == "text":
        return "a text"
    low = -_LARGEST if column.minimum is None else column.minimum
    high = _LARGEST if column.maximum is None else column.maximum
    number = "a whole number" if column.kind == "integer" else "a number"
    return f"{number} from {low:g} to {high:g}"


@cache
def _schema() -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        {name: _schema_column(column) for name, column in LESION_COLUMNS.items()},
        strict=True,
        ordered=True,
        unique=list(KEY_COLUMNS),
    )


def _schema_column(column: Column) -> pa.Column:
    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum))
    if column.kind == "number":
        checks.append(pa.Check.in_range(-_LARGEST, _LARGEST))
    if column.kind == "flag":
        checks.append(pa.Check.isin([0, 1]))
    if column.required and column.kind == "text":
        checks.append(pa.Check.str_length(min_value=1))
    return pa.Column(_DTYPES[column.kind], checks, nullable=not column.required)
