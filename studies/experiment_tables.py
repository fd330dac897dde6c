"""The small table that each fit of the experiment leaves: what it said of the lesions that it did not see.

The first line is a comment with facts as JSON: the hash of settings, folds, data, fold and seed, by which a
fit that was made is known again, and what the page tells of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.bids_io.writing import write_text
from qsmrim_app.errors import TableError
from qsmrim_app.levels.held_out import OutOfFold
from qsmrim_app.levels.sources import MAIN
from qsmrim_app.tables.lesion_samples import SampleKey

COLUMNS = "subject\tsession\tindex\trim_expert\tlogit"


@dataclass(frozen=True, eq=False)
class FitTable:
    """One fit: its facts, and keys, expert status and logits of its held-out lesions, shape (n,)."""

    facts: Mapping[str, Any]
    keys: tuple[SampleKey, ...]
    rim: NDArray[np.float64]
    logits: NDArray[np.float64]


def write_fit_table(path: Path, table: FitTable) -> None:
    """Write it as a whole or not at all."""
    rows = [
        f"{subject}\t{session or 'n/a'}\t{index}\t{rim:.0f}\t{logit:.6g}"
        for (subject, session, index), rim, logit in zip(table.keys, table.rim, table.logits, strict=True)
    ]
    write_text(path, "\n".join([f"# {json.dumps(table.facts, sort_keys=True)}", COLUMNS, *rows]) + "\n")


def read_fit_table(path: Path) -> FitTable:
    """The inverse of `write_fit_table`.

    Raises
    ------
    TableError
        If it is no such table.
    """
    try:
        first, columns, *lines = path.read_text(encoding="utf-8").splitlines()
        facts = json.loads(first.removeprefix("# "))
        cells = [line.split("\t") for line in lines]
        keys = tuple(
            (subject, "" if session == "n/a" else session, int(n)) for subject, session, n, *_ in cells
        )
        rim, logits = (np.array([float(row[column]) for row in cells]) for column in (3, 4))
    except (OSError, ValueError, IndexError) as error:
        raise TableError(
            f"{path} is no table of a fit ({error}); remove it, and its fit is made again"
        ) from error
    if columns != COLUMNS or "hash" not in facts:
        raise TableError(f"{path} is no table of a fit; remove it, and its fit is made again")
    return FitTable(facts, keys, rim, logits)


def is_made(path: Path, identity: str) -> bool:
    """Whether the table of a fit is there, and of the same settings, folds and data."""
    return path.exists() and read_fit_table(path).facts["hash"] == identity


def read_method(folder: Path) -> list[FitTable]:
    """All fits of a method, by fold and seed."""
    tables = [read_fit_table(path) for path in folder.glob("*.tsv")]
    return sorted(tables, key=lambda table: (table.facts["fold"], table.facts["seed"]))


def out_of_fold(tables: Sequence[FitTable]) -> OutOfFold:
    """The held-out logits of a method whose fits are all there.

    Raises
    ------
    TableError
        If the fits of a fold are not of the same lesions, or a fold lacks a seed.
    """
    by_fold: dict[int, list[FitTable]] = {}
    for table in tables:
        by_fold.setdefault(int(table.facts["fold"]), []).append(table)
    seeds = {tuple(table.facts["seed"] for table in own) for own in by_fold.values()}
    if len(seeds) != 1 or any(len({table.keys for table in own}) != 1 for own in by_fold.values()):
        raise TableError(
            "the fits of a method are not of the same seeds and lesions; run the experiment again"
        )
    keys = tuple(key for own in by_fold.values() for key in own[0].keys)
    return OutOfFold(
        keys,
        np.full(len(keys), MAIN),
        np.concatenate([np.column_stack([table.logits for table in own]) for own in by_fold.values()]),
        np.concatenate([np.full(len(own[0].keys), fold) for fold, own in by_fold.items()]),
        np.concatenate([own[0].rim for own in by_fold.values()]),
    )
