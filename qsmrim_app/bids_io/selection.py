"""Which participants and sessions were asked for."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qsmrim_app.bids_io.datasets import Dataset
from qsmrim_app.bids_io.matching import Query, best_matches
from qsmrim_app.bids_io.session_files import session_files, sessions_of, subjects_of
from qsmrim_app.errors import NothingSelectedError, QsmrimError, UsageError
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import InputSettings

logger = logging.getLogger(__name__)

_OF_SESSIONS = ("qsm", "flair", "lesions")  # images of these roles make a session,
_OF_ONLY_SESSIONS = ("raters", "rim_map")  # and of these where the raw dataset has none


@dataclass(frozen=True)
class SelectedSession:
    """A session to look for; ``is_only`` if its subject has no other."""

    key: SessionKey
    is_only: bool


def selected_sessions(datasets: Sequence[Dataset], settings: InputSettings) -> list[SelectedSession]:
    """The sessions that the settings leave, sorted. Participants are those of the raw dataset.

    A participant who is named but has no folder there stays in the list, so that it fails with a reason.

    Raises
    ------
    NothingSelectedError
        If none is left.
    UsageError
        If a label that was asked for is none of BIDS, or one to exclude does not exist.
    """
    for label in (*settings.participants, *settings.exclude_participants, *settings.sessions):
        if re.fullmatch("[a-zA-Z0-9+]+", label.strip().removeprefix("sub-").removeprefix("ses-")) is None:
            raise UsageError(f"{label!r} is no label of BIDS; expected letters and digits")
    excluded = set(_labels(settings.exclude_participants, "sub-"))
    _require_there(excluded, datasets)
    wanted_sessions = _labels(settings.sessions, "ses-")
    subjects = [subject for subject in _subjects(datasets, settings) if subject not in excluded]
    chosen: list[SelectedSession] = []
    for subject in subjects:
        sessions = known_sessions(datasets, subject, settings.bids_filters)
        chosen += [
            SelectedSession(SessionKey(subject, session), len(sessions) == 1)
            for session in sessions
            if not wanted_sessions or session in wanted_sessions
        ]
    if not chosen:
        raise NothingSelectedError(_nothing(datasets, settings, subjects))
    for session in sorted(set(wanted_sessions) - {one.key.session for one in chosen}):
        logger.warning("no selected participant has a session '%s'", session)
    return chosen


def known_sessions(datasets: Sequence[Dataset], subject: str, filters: Mapping[str, Query]) -> list[str]:
    """Sessions of a subject, sorted: of the raw dataset, and of derivatives that hold an image for them.

    A folder that another program made for itself, empty or with images of other kinds, makes no session. A
    subject without any has one of an empty name.
    """
    raw, *derivatives = datasets
    found = sessions_of(raw, subject)
    roles = _OF_SESSIONS if found else (*_OF_SESSIONS, *_OF_ONLY_SESSIONS)
    for dataset in derivatives:
        labels = sessions_of(dataset, subject) - found
        found |= {
            label for label in labels if _makes_session(dataset, SessionKey(subject, label), roles, filters)
        }
    return sorted(found) or [""]


def _makes_session(
    dataset: Dataset, key: SessionKey, roles: Sequence[str], filters: Mapping[str, Query]
) -> bool:
    try:
        files = session_files(dataset, key, is_only_session=False)
        return any(best_matches(files, role, filters.get(role, {})) for role in roles)
    except QsmrimError:
        return True  # a folder or table cannot be read; whoever looks for its files will say so


def _require_there(excluded: set[str], datasets: Sequence[Dataset]) -> None:
    """Refuse to exclude nobody: a participant who is to be left out would be analysed."""
    for subject in sorted(excluded):
        if not any((dataset.root / f"sub-{subject}").is_dir() for dataset in datasets):
            raise UsageError(
                f"--exclude-participant-label {subject}: {datasets[0].root} has no sub-{subject}; correct "
                "the label"
            )


def _subjects(datasets: Sequence[Dataset], settings: InputSettings) -> list[str]:
    named = sorted(set(_labels(settings.participants, "sub-")))
    if not named:
        return subjects_of(datasets[0].root)
    there = [any((dataset.root / f"sub-{subject}").is_dir() for dataset in datasets) for subject in named]
    return named if any(there) else []


def _labels(given: Sequence[str], prefix: str) -> list[str]:
    return [label.strip().removeprefix(prefix) for label in given]


def _nothing(datasets: Sequence[Dataset], settings: InputSettings, subjects: Sequence[str]) -> str:
    root = datasets[0].root
    if subjects:
        return f"no selected participant of {root} has a session {', '.join(settings.sessions)}"
    if settings.participants:
        named = ", ".join(settings.participants[:10])
        return f"none of the participants {named} is in {root}, or all are excluded"
    return f"{root} has no participants (sub-* folders), or all are excluded"
