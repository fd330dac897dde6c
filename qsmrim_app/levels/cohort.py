"""The gathered cohort as long tables: every lesion, and every session with how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.bids_io.outcomes import ANALYSED, left_participants, linked_raw, session_outcomes
from qsmrim_app.bids_io.tables_io import lesion_table_sidecar, write_described_table, write_lesion_table
from qsmrim_app.bids_io.writing import write_json
from qsmrim_app.evaluation.folds import TRAIN_ONLY
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.levels.sources import subject_name
from qsmrim_app.reports.words import plural
from qsmrim_app.settings import GroupSettings
from qsmrim_app.tables.lesion_samples import SampleKey
from qsmrim_app.tables.lesion_table import LesionTable
from qsmrim_app.tables.session_counts import RIMCOUNT_COLUMNS, SessionCounts, analysed_session


@dataclass(frozen=True, eq=False)
class Cohort:
    """All lesions under their main outlines, and all sessions, those without results too.

    ``warnings`` and ``notes`` say where the cohort is not that of the raw datasets.
    """

    lesions: LesionTable
    sessions: tuple[SessionCounts, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def cohort_of(
    settings: GroupSettings,
    gathered: Gathered,
    rated: RatedLesions | None = None,
    fold_of: Mapping[str, int] | None = None,
) -> Cohort:
    """The cohort of a run.

    Parameters
    ----------
    settings
        Sites, and the raw dataset.
    gathered
        What the sites hold.
    rated
        The lesions that train and are scored; None where nothing is trained.
    fold_of
        Subject -> fold.
    """
    folds = {subject: fold for subject, fold in (fold_of or {}).items() if fold != TRAIN_ONLY}
    lesions = gathered.table
    if rated is not None:
        lesions = lesions.with_columns({"fold": _folds_of_lesions(lesions, rated, folds)})
    sites = settings.sites or {"": settings.output_dir}
    raw_of = {site: _raw_dir(settings, folder, len(sites)) for site, folder in sites.items()}
    sessions = tuple(_sessions(sites, raw_of, lesions, folds))
    own = {site: folder for site, folder in sites.items() if not settings.sites or linked_raw(folder)}
    return Cohort(lesions, sessions, _who_left(own, raw_of), _without_raw(raw_of))


def write_cohort(output_dir: Path, cohort: Cohort) -> None:
    """Write ``group_lesions.tsv`` and ``group_rimcounts.tsv`` with their descriptions."""
    write_json(output_dir / dataset_path("group_lesions", ".json"), lesion_table_sidecar())
    write_lesion_table(output_dir / dataset_path("group_lesions", ".tsv"), cohort.lesions)
    write_described_table(
        output_dir / dataset_path("group_rimcounts", ".tsv"),
        RIMCOUNT_COLUMNS,
        [session.row() for session in cohort.sessions],
    )


def _folds_of_lesions(
    lesions: LesionTable, rated: RatedLesions, folds: Mapping[str, int]
) -> dict[SampleKey, int]:
    """Fold of every lesion that was scored; a subject's other lesions were held out by none."""
    scored = set(rated.samples.keys)
    keys = lesions.keys()
    return {key: folds[key[0]] for key in keys if key in scored and key[0] in folds}


def _who_left(sites: Mapping[str, Path], raw_of: Mapping[str, Path | None]) -> tuple[str, ...]:
    """What is to be said of participants who are in the results alone: they may have withdrawn."""
    found = []
    for site, folder in sites.items():
        raw = raw_of[site]
        if raw is not None and (left := left_participants(folder, raw)):
            named = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
            found.append(
                f"{plural(len(left), 'participant')}{f' of site {site!r}' if site else ''} without a folder "
                f"in the raw dataset ({named}): counted in every figure here; remove the results of those "
                "who withdrew."
            )
    return tuple(found)


def _without_raw(raw_of: Mapping[str, Path | None]) -> tuple[str, ...]:
    without = [site for site, raw in raw_of.items() if raw is None]
    if not without:
        return ()
    return (
        f"The raw dataset of {plural(len(without), 'site')} is not there ({', '.join(without)}): "
        "participants of whom nothing was analysed are not counted.",
    )


def _sessions(
    sites: Mapping[str, Path],
    raw_of: Mapping[str, Path | None],
    lesions: LesionTable,
    folds: Mapping[str, int],
) -> list[SessionCounts]:
    rows_of = lesions.frame.groupby(["subject", "session"], sort=False).indices
    found = []
    for site, folder in sites.items():
        for one in session_outcomes(folder, raw_of[site]):
            subject, session = subject_name(one.key, site), one.key.session
            if one.outcome != ANALYSED:
                found.append(SessionCounts(subject, session, one.outcome, reason=one.reason))
                continue
            rows = rows_of.get((subject, session), [])
            own = LesionTable(pd.DataFrame(lesions.frame.iloc[rows]))
            fold = folds.get(subject)
            found.append(analysed_session(subject, session, own, one.outcome, fold, one.reason))
    return found


def _raw_dir(settings: GroupSettings, folder: Path, n_sites: int) -> Path | None:
    """Where the participants of a site come from: what it links to, or the dataset of an only site."""
    if not settings.sites:
        return settings.bids_dir
    linked = linked_raw(folder)
    return settings.bids_dir if linked is None and n_sites == 1 else linked
