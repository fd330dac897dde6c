"""Which subject is held out in which fold, as a table: the program writes the one that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qsmrim_app.bids_io.label_tables import read_cells
from qsmrim_app.errors import TableError
from qsmrim_app.tables.columns import Column

FOLD_COLUMNS: Mapping[str, Column] = {
    "subject": Column("text", "Participant label without 'sub-', after its site where sites are named"),
    "fold": Column("integer", "Cross-validation fold that holds the subject out", minimum=0),
    "n_lesions": Column("integer", "Lesions that experts rated, in the main outlines"),
    "n_rim": Column("integer", "Those that the experts call rim positive"),
}
_NEEDED = ("subject", "fold")
_MOST_FOLDS = 9999


def read_folds(path: Path) -> dict[str, int]:
    """Subject -> fold. Labels may carry ``sub-``; columns other than ``subject`` and ``fold`` are not read.

    Raises
    ------
    TableError
        If the file cannot be read or has no rows, a column lacks, a subject stands twice, or a fold is no
        whole number from 0.
    """
    fold_of: dict[str, int] = {}
    for line, cells in read_cells(path):
        if lacking := [name for name in _NEEDED if name not in cells]:
            raise TableError(
                f"{path}: no column '{lacking[0]}'; found {list(cells)}. A table of folds is tab-separated, "
                "with the columns subject and fold"
            )
        subject = _subject(cells["subject"], f"{path}, line {line}")
        fold = _fold(cells["fold"], f"{path}, line {line}")
        if subject in fold_of:
            twice = "twice" if fold_of[subject] == fold else f"in the folds {fold_of[subject]} and {fold}"
            raise TableError(f"{path}, line {line}: subject '{subject}' stands {twice}; keep one row of it")
        fold_of[subject] = fold
    if not fold_of:
        raise TableError(f"{path} has no rows; a table of folds has one for every rated subject")
    return fold_of


def _subject(text: str, where: str) -> str:
    site, colon, label = text.rpartition(":")
    if not label.removeprefix("sub-"):
        raise TableError(f"{where}: a row without a subject")
    return f"{site}{colon}{label.removeprefix('sub-')}"


def _fold(text: str, where: str) -> int:
    try:
        value = float(text)  # pandas writes whole numbers as 1.0 where a column has gaps
    except ValueError:
        value = -1.0
    if not 0 <= value <= _MOST_FOLDS or not value.is_integer():
        raise TableError(f"{where}: fold is '{text}', not a whole number from 0 to {_MOST_FOLDS}")
    return int(value)
