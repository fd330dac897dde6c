"""Tables beside label maps: which lesion is which, and what experts said of its rim."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsmrim_app.errors import MissingImageError, TableError

RIM_COLUMNS = ("rim", "rim_rater1", "rim_rater2", "rim_truth")
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the beginning of one
_GUARDED = tuple(f"'{sign}" for sign in FORMULA)
MISSING = ("n/a", "", "NaN", "nan", "NA", "N/A")
_SHOWN = re.compile(r"[+-]?[\d_]{1,4}([.,]\d{1,4})?|[^\W\d]{0,3}|inf")  # a cell that names nobody


@dataclass(frozen=True)
class LabelRow:
    """One lesion of a label table; a rim status is 1, 0 or None where nobody said. ``name`` may be empty."""

    index: int
    name: str
    rim: int | None = None
    rim_rater1: int | None = None
    rim_rater2: int | None = None
    rim_truth: int | None = None


def read_label_table(path: Path) -> Mapping[int, LabelRow]:
    """The rows of a ``_dseg.tsv`` by label. Columns other than index, name and the rim columns are not read.

    A byte order mark and Windows line ends do no harm, nor does a row of the background, 0.

    Raises
    ------
    TableError
        If there is no column ``index``, a label is no positive whole number or stands twice, or a rim status
        is neither 1, 0 nor n/a.
    """
    rows: dict[int, LabelRow] = {}
    for line, cells in read_cells(path):
        if "index" not in cells:
            raise TableError(
                f"{path}: no column 'index'; found {list(cells)}. The file must be tab-separated"
            )
        index = _whole(cells["index"], f"{path}, line {line}: index")
        rims = [_rim(cells.get(column, ""), f"{path}, line {line}: {column}") for column in RIM_COLUMNS]
        if index == 0 and not any(rim is not None for rim in rims):
            continue  # the background, which look-up tables name too
        if index is None or index < 1:
            raise TableError(
                f"{path}, line {line}: a label is a positive whole number, not {shown_cell(cells['index'])}"
            )
        if index in rows:
            raise TableError(f"{path}, line {line}: label {index} stands twice; keep one row a lesion")
        name = cells.get("name", "")
        rows[index] = LabelRow(index, "" if name in MISSING else name, *rims)
    return rows


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a table; none if there is no such file.

    Raises
    ------
    MissingImageError
        If the file is a link whose target was not fetched.
    TableError
        If it is no text.
    """
    if not path.exists() and not path.is_symlink():
        return ()
    _require_regular(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(name.strip() for name in next(csv.reader(file, delimiter="\t"), []))
    except FileNotFoundError as error:
        raise MissingImageError(
            f"{path} is a link without content; run 'datalad get' or 'git annex get' on it"
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(
            f"{path} cannot be read as a table ({error}); expected tab-separated UTF-8"
        ) from error


def names_lesions(path: Path) -> bool:
    """Whether a table is one of lesions: it has a column ``rim``, or all names of labels hold 'lesion'."""
    columns = column_names(path)
    if "rim" in columns:
        return True
    if not {"index", "name"} <= set(columns):
        return False
    names = [cells["name"].lower() for _, cells in read_cells(path) if cells["index"] != "0"]
    return bool(names) and all("lesion" in name for name in names)


def read_cells(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells (column -> text, stripped) of every row of a table.

    Columns without a name, as spreadsheets and row numbers of pandas leave them, are not read. The apostrophe
    that keeps a spreadsheet from taking a text for a formula is no part of the text.

    Raises
    ------
    TableError
        If the file cannot be read, a column stands twice, a cell runs over lines, or a row has another
        number of cells than the header.
    """
    _require_regular(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter="\t")
            header = [name.strip() for name in next(lines, [])]
            _require_distinct(header, path)
            named = [column for column, name in enumerate(header) if name]
            for cells in lines:
                _require_one_line(cells, f"{path}, line {lines.line_num}")
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise TableError(
                        f"{path}, line {lines.line_num}: {len(cells)} cells, {len(header)} columns"
                    )
                yield lines.line_num, {header[n]: _plain(cells[n]) for n in named}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(
            f"{path} cannot be read as a table ({error}); expected tab-separated UTF-8"
        ) from error


def _plain(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text.startswith(_GUARDED) else text


def _require_regular(path: Path) -> None:
    """Refuse a folder, and a pipe that one would wait for."""
    if path.exists() and not path.is_file():
        raise TableError(f"{path} cannot be read as a table (no regular file); expected tab-separated UTF-8")


def _require_distinct(header: Sequence[str], path: Path) -> None:
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        raise TableError(f"{path}: column '{twice[0]}' stands twice; give each column its own name")


def _require_one_line(cells: Sequence[str], where: str) -> None:
    """Refuse a cell that took rows into itself, and what is no text."""
    if any(end in cell for cell in cells for end in "\r\n"):
        raise TableError(
            f"{where}: a cell runs over several lines, so that rows would be lost; remove its quotation mark"
        )
    if any("\0" in cell for cell in cells):
        raise TableError(f"{where}: a cell holds a zero byte; expected tab-separated UTF-8")


def _rim(text: str, where: str) -> int | None:
    value = _whole(text, where)
    if value not in (0, 1, None):
        raise TableError(f"{where} is {shown_cell(text)}; a rim status is 1, 0 or n/a")
    return value


def _whole(text: str, where: str) -> int | None:
    if text in MISSING:
        return None
    try:
        value = float(text)  # pandas writes whole numbers as 1.0 where the column has gaps
    except ValueError as error:
        raise TableError(f"{where} is {shown_cell(text)}, not a number") from error
    if not value.is_integer() or "_" in text:  # Python reads 1_0 as 10
        raise TableError(f"{where} is {shown_cell(text)}, not a whole number")
    return int(value)


def shown_cell(text: str) -> str:
    """A cell as a message may show it: a number or three letters, but nothing that could name a patient."""
    return f"'{text}'" if _SHOWN.fullmatch(text) else f"a text of {len(text)} letters"
