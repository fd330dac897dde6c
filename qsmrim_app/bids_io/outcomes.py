"""How every session of a dataset ended: analysed, failed, or never analysed at all."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.datasets import RAW, read_description
from qsmrim_app.bids_io.names import dataset_path, key_of_table
from qsmrim_app.bids_io.participants import lesion_tables
from qsmrim_app.records import SessionKey

ANALYSED, FAILED, NO_OUTPUT = "analysed", "failed", "no_output"
WRITING = "writing"  # the state of a session in its status file while its results are written
OUTCOMES: Mapping[str, str] = {
    ANALYSED: "its lesion table is there",
    FAILED: "the participant level failed; the reason stands beside it",
    NO_OUTPUT: "in the raw dataset, but the participant level left nothing of it",
}
STALE = "the last run failed, and the results of an earlier one are used"
CUT_SHORT = (
    "a run was ended while it wrote these results, or is still at it; if none is, run the same command again"
)


@dataclass(frozen=True)
class SessionOutcome:
    """How a session ended. ``reason`` says why it failed, or that its table is of an earlier run."""

    key: SessionKey
    outcome: str
    reason: str = ""


def session_outcomes(output_dir: Path, raw_dir: Path | None = None) -> tuple[SessionOutcome, ...]:
    """Every session that an output folder or the raw dataset behind it knows of, sorted.

    Parameters
    ----------
    output_dir
        Of a participant run.
    raw_dir
        The raw dataset; None: the one that the output folder links to, if it is there.
    """
    analysed = {key for path in lesion_tables(output_dir) if (key := key_of_table(path)) is not None}
    failed, cut_short, unreadable = _failures(output_dir)
    raw = raw_dir if raw_dir is not None else linked_raw(output_dir)
    known = set() if raw is None else _raw_sessions(raw)
    found = analysed | failed.keys() | cut_short.keys() | unreadable.keys()
    of_derivatives = {SessionKey(key.subject) for key in found if key.session}
    known -= of_derivatives  # such a participant has sessions, only not in the raw dataset
    outcomes = {key: SessionOutcome(key, NO_OUTPUT) for key in known}
    outcomes |= {
        key: SessionOutcome(key, FAILED, reason) for key, reason in (failed | cut_short | unreadable).items()
    }
    stale = {key: f"{STALE} ({reason})" for key, reason in failed.items()} | cut_short | unreadable
    outcomes |= {key: SessionOutcome(key, ANALYSED, stale.get(key, "")) for key in analysed}
    return tuple(outcomes[key] for key in sorted(outcomes))


def left_participants(output_dir: Path, raw_dir: Path) -> list[str]:
    """Labels of those with results who have no folder in the raw dataset, sorted.

    A dataset without any participant is not there, such as one that was not mounted: then nobody left.
    """
    there = {key.subject for key in _raw_sessions(raw_dir)}
    if not there:
        return []
    keys = (key_of_table(path) for path in lesion_tables(output_dir))
    return sorted({key.subject for key in keys if key is not None} - there)


def left_sessions(output_dir: Path, known: Collection[SessionKey]) -> list[SessionKey]:
    """Sessions with results that their dataset does not have: it was given other sessions since. Sorted.

    Parameters
    ----------
    output_dir
        Of a participant run.
    known
        Every session that the dataset has of some subjects; only these are looked at.
    """
    left = []
    for subject in sorted({key.subject for key in known}):
        tables = lesion_tables(output_dir / SessionKey(subject).folder)
        keys = {key for path in tables if (key := key_of_table(path)) is not None}
        left += sorted(keys - set(known))
    return left


def linked_raw(output_dir: Path) -> Path | None:
    """The raw dataset that an output folder names as its source; None if it names none that is there."""
    links = (read_description(output_dir) or {}).get("DatasetLinks")
    target = links.get(RAW) if isinstance(links, dict) else None
    folder = output_dir / target if isinstance(target, str) else None
    # in a container the path was another: what lies there now may be any folder
    return folder if folder is not None and read_description(folder) is not None else None


def read_statuses(output_dir: Path) -> tuple[dict[SessionKey, dict[str, Any]], dict[SessionKey, str]]:
    """The status file of each session, as it stands; and what to say where one cannot be read."""
    statuses: dict[SessionKey, dict[str, Any]] = {}
    unreadable: dict[SessionKey, str] = {}
    for path in sorted((output_dir / dataset_path("logs")).glob("status-sub-*.json")):
        key = _key(path.stem.removeprefix("status-"))
        if key is None:
            continue
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
            statuses[key] = {**status, "state": str(status["state"])}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            unreadable[key] = f"{path.name} cannot be read, so how its last run ended is unknown"
    return statuses, unreadable


def _failures(output_dir: Path) -> tuple[dict[SessionKey, str], ...]:
    """Reasons: of sessions whose last run failed, of those being written, of damaged status files."""
    statuses, unreadable = read_statuses(output_dir)
    failed, cut_short = (
        {key: str(status.get("reason", "")) for key, status in statuses.items() if status["state"] == state}
        for state in (FAILED, WRITING)
    )
    return failed, cut_short, unreadable


def _raw_sessions(raw_dir: Path) -> set[SessionKey]:
    found: set[SessionKey] = set()
    for folder in raw_dir.glob("sub-*"):
        subject = _key(folder.name)
        if subject is None or not folder.is_dir():
            continue
        keys = {_key(f"{folder.name}_{session.name}") for session in folder.glob("ses-*") if session.is_dir()}
        found |= {key for key in keys if key is not None} or {subject}
    return found


def _key(prefix: str) -> SessionKey | None:
    match = re.fullmatch(r"sub-([a-zA-Z0-9+]+)(?:_ses-([a-zA-Z0-9+]+))?", prefix)
    return SessionKey(match[1], match[2] or "") if match else None
