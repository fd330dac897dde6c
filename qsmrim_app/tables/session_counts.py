"""One row a session: how it ended, and what its lesions are in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pandas as pd

from qsmrim_app.tables.columns import Column
from qsmrim_app.tables.lesion_table import LesionTable

RIMCOUNT_COLUMNS: Mapping[str, Column] = {
    "subject": Column("text", "Participant label without 'sub-', after its site where sites are named"),
    "session": Column("text", "Session label without 'ses-'; n/a where the dataset has no sessions"),
    "outcome": Column(
        "text", "How the session ended: analysed, failed, or no_output (only the raw dataset knows it)"
    ),
    "n_lesions": Column("integer", "Lesions in the lesion table; n/a, as all that follows, if not analysed"),
    "n_classified": Column("integer", "Lesions that carry no reason for exclusion"),
    "n_rated": Column("integer", "Lesions with an expert rim status"),
    "n_rim_expert": Column("integer", "Those that the experts call rim positive; n/a if none was rated"),
    "n_rim_predicted": Column(
        "integer", "Lesions that the participant level predicted rim positive; n/a if it predicted none"
    ),
    "lesion_volume_mm3": Column("number", "Volume of all lesions on the QSM grid", "mm^3"),
    "qsm_median_ppb": Column("number", "Median of the lesions' mean susceptibilities", "ppb"),
    "fold": Column("integer", "Cross-validation fold that held the subject out"),
    "reason": Column("text", "Why it failed, or that its lesion table is of an earlier run"),
}


@dataclass(frozen=True)
class SessionCounts:
    """A row of ``group_rimcounts.tsv``; what is not known is None. Fields as in `RIMCOUNT_COLUMNS`."""

    subject: str
    session: str
    outcome: str
    n_lesions: int | None = None
    n_classified: int | None = None
    n_rated: int | None = None
    n_rim_expert: int | None = None
    n_rim_predicted: int | None = None
    lesion_volume_mm3: float | None = None
    qsm_median_ppb: float | None = None
    fold: int | None = None
    reason: str = ""

    def row(self) -> tuple[object, ...]:
        """The cells, in the order of `RIMCOUNT_COLUMNS`."""
        return tuple(getattr(self, field.name) for field in fields(self))


def analysed_session(
    subject: str, session: str, lesions: LesionTable, outcome: str, fold: int | None = None, reason: str = ""
) -> SessionCounts:
    """The counts of a session from its lesions.

    Parameters
    ----------
    subject, session
        Labels.
    lesions
        The rows of this session alone; none where it has no lesions.
    outcome, fold, reason
        As they go into the row.
    """
    frame = lesions.frame
    median = frame["qsm_mean_ppb"].median()
    return SessionCounts(
        subject=subject,
        session=session,
        outcome=outcome,
        n_lesions=len(frame),
        n_classified=int(lesions.classified.sum()),
        n_rated=int(frame["rim_expert"].notna().sum()),
        n_rim_expert=_positive(frame["rim_expert"]),
        n_rim_predicted=_positive(frame["rim_predicted"]),
        lesion_volume_mm3=float(frame["volume_mm3"].sum()),
        qsm_median_ppb=None if pd.isna(median) else float(median),
        fold=fold,
        reason=reason,
    )


def _positive(status: pd.Series) -> int | None:
    """Rim+ among the known; 0 of no lesions, None where there are lesions and none is known."""
    known = status.dropna()
    return int(known.sum()) if len(known) or not len(status) else None
