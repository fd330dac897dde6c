"""Tables that count: one row a session for each subject, one row a subject for the folder.

They are made anew from the lesion tables each time, without locks: a program that wrote its own lesion tables
counts all that are there, renames its table into place and looks again. Whoever renames last has therefore
seen every lesion table that was there before, whatever order the programs run in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.label_tables import MISSING, read_cells
from qsmrim_app.bids_io.names import dataset_path, key_of_table, session_path, subject_path
from qsmrim_app.bids_io.tables_io import column_descriptions, write_table
from qsmrim_app.bids_io.writing import write_json
from qsmrim_app.errors import QsmrimError
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.columns import Column

logger = logging.getLogger(__name__)

COUNT_COLUMNS: dict[str, Column] = {
    "n_lesions": Column("integer", "Lesions in the lesion table"),
    "n_classified": Column("integer", "Lesions that were classified"),
    "n_rim_positive": Column(
        "integer", "Lesions that were predicted rim positive; n/a if none was classified"
    ),
    "n_rim_expert": Column(
        "integer", "Lesions that the experts call rim positive; n/a if no lesion was rated"
    ),
    "lesion_volume_mm3": Column("number", "Volume of all lesions on the QSM grid", "mm^3"),
}
PARTICIPANT_COLUMNS: dict[str, Column] = {
    "participant_id": Column("text", "Participant label with 'sub-'"),
    "n_sessions": Column("integer", "Sessions with a lesion table"),
    **COUNT_COLUMNS,
}
SESSION_COLUMNS: dict[str, Column] = {
    "session_id": Column("text", "Session label with 'ses-'"),
    **COUNT_COLUMNS,
}

State = list[tuple[Path, int, int]]


def rebuild_participants(output_dir: Path) -> None:
    """Make ``participants.tsv`` anew from every lesion table of the folder, and its JSON description.

    A subject without lesions has a row of zeros, one without a lesion table has no row, and one whose lesion
    table cannot be read has no counts, with a warning.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """

    def rows(tables: Sequence[Path]) -> list[list[Any]]:
        by_subject: dict[str, list[Path]] = {}
        for table in tables:
            by_subject.setdefault(_key(table).subject, []).append(table)
        return [
            [f"sub-{subject}", len(found), *_counts(found)] for subject, found in sorted(by_subject.items())
        ]

    write_json(output_dir / dataset_path("participants", ".json"), column_descriptions(PARTICIPANT_COLUMNS))
    _rebuild(output_dir, output_dir / dataset_path("participants", ".tsv"), tuple(PARTICIPANT_COLUMNS), rows)


def rebuild_sessions(output_dir: Path, subject: str) -> None:
    """Make ``sub-XX_sessions.tsv`` anew, and its JSON description; nothing for a subject without sessions.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    folder = output_dir / SessionKey(subject).folder
    if not any(_key(path).session for path, _, _ in _state(folder)):
        return

    def rows(tables: Sequence[Path]) -> list[list[Any]]:
        return [[f"ses-{_key(table).session}", *_counts([table])] for table in tables if _key(table).session]

    write_json(output_dir / subject_path(subject, "sessions", ".json"), column_descriptions(SESSION_COLUMNS))
    _rebuild(folder, output_dir / subject_path(subject, "sessions", ".tsv"), tuple(SESSION_COLUMNS), rows)


def lesion_tables(folder: Path) -> list[Path]:
    """Every lesion table below an output folder or a subject's folder, sorted."""
    return [path for path, _, _ in _state(folder)]


def _rebuild(
    folder: Path, target: Path, columns: Sequence[str], rows: Callable[[Sequence[Path]], list[list[Any]]]
) -> None:
    before: State | None = None
    while before != (now := _state(folder)):
        write_table(target, columns, rows([path for path, _, _ in now]))
        before = now


def _state(folder: Path) -> State:
    """Path, time and size of every lesion table: what changes when one is written."""
    found: State = []
    for pattern in ("anat", "ses-*/anat", "sub-*/anat", "sub-*/ses-*/anat"):
        for path in folder.glob(f"{pattern}/*_dseg.tsv"):
            with suppress(FileNotFoundError):  # a link without content, or another run replaces it just now
                if _is_in_place(path):
                    status = path.stat()
                    found.append((path, status.st_mtime_ns, status.st_size))
    return sorted(found)


def _is_in_place(table: Path) -> bool:
    """Whether a table is one of lesions, in the folder of its session: not in a copy beside it."""
    key = key_of_table(table)
    return (
        key is not None and table.parts[-len(place := session_path(key, "lesions", ".tsv").parts) :] == place
    )


def _key(table: Path) -> SessionKey:
    key = key_of_table(table)
    assert key is not None
    return key


def _counts(tables: Sequence[Path]) -> list[Any]:
    """The counts of some tables, in the order of `COUNT_COLUMNS`; all missing where one cannot be read."""
    try:
        return _counted(tables)
    except (QsmrimError, ValueError) as error:  # another session's; the present one is not to suffer from it
        logger.warning(
            "no counts for %s: a lesion table cannot be read (%s)", ", ".join(map(str, tables)), error
        )
        return [None] * len(COUNT_COLUMNS)


def _counted(tables: Sequence[Path]) -> list[Any]:
    cells = [row for table in tables for _, row in read_cells(table)]
    rated = [row for row in cells if row.get("rim_expert", "n/a") not in MISSING]
    classified = [row for row in cells if row.get("rim_predicted", "n/a") not in MISSING]
    return [
        len(cells),
        len(classified),
        sum(float(row["rim_predicted"]) == 1 for row in classified) if classified or not cells else None,
        sum(float(row["rim_expert"]) == 1 for row in rated) if rated else None,
        sum((float(row["volume_mm3"]) for row in cells if row.get("volume_mm3", "n/a") not in MISSING), 0.0),
    ]
