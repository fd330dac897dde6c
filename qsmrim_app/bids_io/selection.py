"""Which participants and sessions were asked for."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from qsmrim_app.bids_io.datasets import Dataset
from qsmrim_app.bids_io.session_files import sessions_of, subjects_of
from qsmrim_app.errors import NothingSelectedError, UsageError
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import InputSettings

logger = logging.getLogger(__name__)


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
        sessions = sessions_of(datasets, subject) or [""]
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
