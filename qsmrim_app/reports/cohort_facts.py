"""A cohort as a report takes it: all lesions, all sessions, and whose rim status is shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.tables.columns import EXCLUSION_REASONS
from qsmrim_app.tables.lesion_table import LesionTable
from qsmrim_app.tables.session_counts import SessionCounts

EXPERT, PREDICTED = "expert", "predicted"


@dataclass(frozen=True, eq=False)
class CohortFacts:
    """What the parts are made of.

    Parameters
    ----------
    lesions
        Of all sites, main outlines.
    sessions
        All, those without results too.
    note
        What every drawing must say, such as that the data are simulated; or empty.
    """

    lesions: LesionTable
    sessions: tuple[SessionCounts, ...]
    note: str = ""

    @property
    def whose(self) -> str:
        """Whose rim status is shown: the expert's where there is any, else the predicted one."""
        return EXPERT if self.lesions.frame["rim_expert"].notna().any() else PREDICTED

    @property
    def rim(self) -> NDArray[np.float64]:
        """Rim status of each lesion, shape (n,): 1, 0 or NaN."""
        status = self.lesions.frame[f"rim_{self.whose}"]
        return np.asarray(status.astype("float64").to_numpy(na_value=np.nan), dtype=np.float64)

    @property
    def analysed(self) -> tuple[SessionCounts, ...]:
        """The sessions that have a lesion table."""
        return tuple(session for session in self.sessions if session.n_lesions is not None)

    def rim_counts(self) -> dict[str, int]:
        """Subject -> rim+ lesions in all its sessions; subjects of whom nobody knows are not in it."""
        counts: dict[str, int] = {}
        for session in self.analysed:
            n_rim = session.n_rim_expert if self.whose == EXPERT else session.n_rim_predicted
            if n_rim is not None:
                counts[session.subject] = counts.get(session.subject, 0) + n_rim
        return counts

    def excluded(self) -> dict[str, int]:
        """Reason -> lesions that were not classified for it, in the order of the reasons' list."""
        reasons = Counter(reason for reason in self.lesions.frame["excluded_because"] if reason)
        order = [*EXCLUSION_REASONS, *sorted(set(reasons) - set(EXCLUSION_REASONS))]
        return {code: reasons[code] for code in order if reasons[code]}
