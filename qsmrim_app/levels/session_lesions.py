"""What the participant level left of a session: its lesion table and samples, checked against each other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from qsmrim_app.bids_io.names import key_of_table, session_path
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.errors import TableError, UnknownLesionError
from qsmrim_app.levels.sources import Source, subject_name, variant_session
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.lesion_samples import LesionSamples, read_samples
from qsmrim_app.tables.lesion_table import LesionTable, lesion_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SessionImage:
    """Whose susceptibility map has which content: ``digest`` is equal only for the same image.

    ``folder`` is the output folder that holds the results of the session.
    """

    digest: str
    subject: str
    session: str
    folder: Path


def session_image(samples: LesionSamples, source: Source, key: SessionKey) -> SessionImage:
    """The susceptibility map that the samples of a session were measured on."""
    return SessionImage(samples.map_digest, subject_name(key, source.site), key.session, source.folder)


def warn_of_lone_samples(folder: Path, tables: Sequence[Path]) -> None:
    """Samples whose lesion table is gone are left out, but not unseen."""
    expected = {samples_path(folder, key_of(path)) for path in tables}
    for path in sorted(set(folder.glob("sub-*/**/*_samples.safetensors")) - expected):
        logger.warning("%s has no lesion table beside it and is left out; run its participant again", path)


def samples_path(folder: Path, key: SessionKey) -> Path:
    """Where the samples of a session lie."""
    return folder / session_path(key, "samples", ".safetensors")


def key_of(path: Path) -> SessionKey:
    """The session of a lesion table's name."""
    key = key_of_table(path)
    assert key is not None
    return key


def read_table(path: Path, source: Source) -> LesionTable:
    """The table of a file under the names of its file, of its site and of its variant."""
    table, key = read_lesion_table(path), key_of(path)
    _require_own(set(table.frame[["subject", "session"]].itertuples(index=False, name=None)), key, path)
    columns = [str(name) for name in table.frame.columns]
    rows = table.frame.itertuples(index=False, name=None)
    place = {
        "subject": subject_name(key, source.site),
        "session": variant_session(key.session, source.variant),
    }
    return lesion_table(dict(zip(columns, row, strict=True)) | place for row in rows)


def _require_own(sessions: set[tuple[str, str]], key: SessionKey, path: Path) -> None:
    """What a file holds is of the session that its name says."""
    for subject, session in sorted(sessions - {(key.subject, key.session)}):
        raise TableError(
            f"{path} holds lesions of {SessionKey(subject, session)}, not of {key}; it was exchanged or "
            "edited: run the participant level again"
        )


def read_labelled_samples(path: Path, table: LesionTable, key: SessionKey) -> LesionSamples:
    """Samples of one session, with the names and the expert status of its table, joined by lesion number."""
    rows = {
        index: (subject, session, 0.0 if pd.isna(rim) else float(rim), pd.isna(rim))
        for subject, session, index, rim in table.frame[
            ["subject", "session", "index", "rim_expert"]
        ].itertuples(index=False)
    }
    samples = read_samples(path)
    _require_own({(subject, session) for subject, session, _ in samples.keys}, key, path)
    unknown = [index for _, _, index in samples.keys if index not in rows]
    if unknown:
        raise UnknownLesionError(
            f"{path} holds lesion(s) {unknown[:5]} that the lesion table beside it does not; "
            "a run was interrupted there: run the participant again"
        )
    _require_lesions(path, table, {index for _, _, index in samples.keys})
    keys = tuple((rows[index][0], rows[index][1], index) for _, _, index in samples.keys)
    rim = [np.nan if rows[index][3] else rows[index][2] for _, _, index in samples.keys]
    return replace(samples, keys=keys, rim=np.array(rim, dtype=np.float64))


def _require_lesions(path: Path, table: LesionTable, measured: set[int]) -> None:
    """Every lesion that an expert rated was measured, or has the reason why not."""
    rated = table.frame[table.classified & table.frame["rim_expert"].notna()]
    absent = [index for index in rated["index"].tolist() if index not in measured]
    if absent:
        raise UnknownLesionError(
            f"the lesion table beside {path} gives lesion(s) {absent[:5]} an expert rim status, but they "
            "were neither measured nor excluded with a reason; run the participant again"
        )
