"""Expert ratings of a lesion table that another run is about to replace: none of them is to be lost."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pandas as pd

from qsmrim_app.bids_io.label_tables import MISSING, read_cells
from qsmrim_app.bids_io.names import dataset_path, session_path
from qsmrim_app.bids_io.writing import write_bytes
from qsmrim_app.errors import OutputError, TableError
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.columns import LESION_COLUMNS
from qsmrim_app.tables.lesion_table import LesionTable

_RATINGS = ("rim_expert", "rim_rater1", "rim_rater2")


def keep_ratings(output_dir: Path, key: SessionKey, table: LesionTable) -> tuple[str, ...]:
    """Put the former table of a session aside if it says what the new one does not, as one that was edited.

    Parameters
    ----------
    output_dir
        The output folder.
    key
        The session.
    table
        What takes the place of its lesion table.

    Returns
    -------
    tuple of str
        What a user should know: one sentence where a table was put aside, else none.

    Raises
    ------
    OutputError
        If the former table cannot be copied.
    """
    path = output_dir / session_path(key, "lesions", ".tsv")
    if not path.is_file():
        return ()
    said = _what_would_be_lost(path, table)
    if not said:
        return ()
    stem = output_dir / dataset_path("logs") / f"former-{key.prefix}"
    kept = next(free for n in count(1) if not (free := stem.with_name(f"{stem.name}_{n}.tsv")).exists())
    try:
        write_bytes(kept, path.read_bytes())
    except OSError as error:
        raise OutputError.of(path, error) from error
    return (
        f"the former {path.name} {said}; it was kept as {kept.parent.name}/{kept.name}. Ratings belong into "
        "a dataset of raters: what is written into the output is replaced by the next run",
    )


def _what_would_be_lost(path: Path, table: LesionTable) -> str:
    """What a former table holds that the new one does not, in words; empty: nothing."""
    try:
        former = [cells for _, cells in read_cells(path)]
        ratings = {
            (column, int(float(cells["index"]))): float(cells[column])
            for column in _RATINGS
            for cells in former
            if cells.get(column, "n/a") not in MISSING
        }
    except (TableError, ValueError, LookupError):
        return "cannot be read as qsmrim wrote it"
    if foreign := sorted(set(former[0] if former else ()) - set(LESION_COLUMNS)):
        return f"has {len(foreign)} column(s) that are not qsmrim's"
    now = {
        (column, int(index)): float(rim)
        for column in _RATINGS
        for index, rim in zip(table.frame["index"], table.frame[column], strict=True)
        if not pd.isna(rim)
    }
    if other := sum(now.get(where) != rim for where, rim in ratings.items()):
        return f"has {other} expert rating(s) that this run did not find, or found otherwise"
    return ""
