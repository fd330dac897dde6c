"""Gather what participant runs left: lesion tables and samples of one or several sites."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from qsmrim_app.bids_io.names import key_of_table, session_path
from qsmrim_app.bids_io.participants import lesion_tables
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.errors import NothingSelectedError, UnknownLesionError
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.lesion_samples import LesionSamples, concatenate_samples, read_samples
from qsmrim_app.tables.lesion_table import LesionTable, concatenate, lesion_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Gathered:
    """Lesions of all sites. Where sites were named, a subject is called ``site:subject``."""

    table: LesionTable
    samples: LesionSamples

    @property
    def is_simulated(self) -> bool:
        """Whether any lesion is a simulated one: it has a true rim status, which no patient's lesion has."""
        return bool(self.table.frame["rim_truth"].notna().any())


def gather(sites: Mapping[str, Path]) -> Gathered:
    """All lesions of the given outputs; the samples take the experts' rim status from the lesion tables.

    Parameters
    ----------
    sites
        Name -> output folder of a participant run. With an empty name subjects stay as they are.

    Raises
    ------
    NothingSelectedError
        If a folder holds no lesion table.
    TableError
        If the samples of two sessions do not fit together.
    """
    tables: list[LesionTable] = []
    samples: list[LesionSamples] = []
    for site, folder in sites.items():
        found = lesion_tables(folder)
        if not found:
            raise NothingSelectedError(
                f"{folder} holds no lesion table; run the participant level there first"
            )
        for path in found:
            key = key_of_table(path)
            assert key is not None
            table = _named(read_lesion_table(path), key, site)
            tables.append(table)
            samples.append(_samples(folder / session_path(key, "samples", ".safetensors"), table))
    gathered = Gathered(concatenate(tables), concatenate_samples(samples))
    logger.info("gathered %d lesions of %d sessions", len(gathered.table), len(tables))
    return gathered


def labelled(samples: LesionSamples) -> LesionSamples:
    """The samples that an expert labelled.

    Raises
    ------
    NothingSelectedError
        If there are none.
    """
    known = ~np.isnan(samples.rim)
    if not known.any():
        raise NothingSelectedError(
            "no lesion has an expert rim status; give the experts' tables to the participant level (--raters)"
        )
    return samples.take(known)


def rim_counts(subjects: Sequence[str], rim: Sequence[float]) -> dict[str, int]:
    """Subject -> number of rim+ lesions, 0 included."""
    counts = dict.fromkeys(map(str, subjects), 0)
    for subject, status in zip(subjects, rim, strict=True):
        counts[str(subject)] += int(status == 1)
    return counts


def _named(table: LesionTable, key: SessionKey, site: str) -> LesionTable:
    """The table under the names of the file it was read from, and of its site."""
    subject = f"{site}:{key.subject}" if site else key.subject
    columns = [str(name) for name in table.frame.columns]
    rows = table.frame.itertuples(index=False, name=None)
    place = {"subject": subject, "session": key.session}
    return lesion_table(dict(zip(columns, row, strict=True)) | place for row in rows)


def _samples(path: Path, table: LesionTable) -> LesionSamples:
    """Samples of one session, with the names and the expert status of its table, joined by lesion number."""
    rows = {
        index: (subject, session, 0.0 if pd.isna(rim) else float(rim), pd.isna(rim))
        for subject, session, index, rim in table.frame[
            ["subject", "session", "index", "rim_expert"]
        ].itertuples(index=False)
    }
    samples = read_samples(path)
    unknown = [index for _, _, index in samples.keys if index not in rows]
    if unknown:
        raise UnknownLesionError(
            f"{path} holds lesion(s) {unknown[:5]} that the lesion table beside it does not; "
            "a run was interrupted there: run the participant again"
        )
    keys = tuple((rows[index][0], rows[index][1], index) for _, _, index in samples.keys)
    rim = [np.nan if rows[index][3] else rows[index][2] for _, _, index in samples.keys]
    return replace(samples, keys=keys, rim=np.array(rim, dtype=np.float64))
