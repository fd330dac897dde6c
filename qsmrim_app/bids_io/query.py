"""The inputs of every session that was asked for, with what is missing and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qsmrim_app.bids_io.choosing import Finding
from qsmrim_app.bids_io.datasets import Dataset, find_datasets, require_dataset
from qsmrim_app.bids_io.image_sources import find_brain_mask, find_flair, find_magnitude, find_qsm
from qsmrim_app.bids_io.lesion_sources import find_lesions, find_rater_files, kind_of, space_of
from qsmrim_app.bids_io.matching import ROLES, best_matches, check_filters, same_value
from qsmrim_app.bids_io.participant_list import compare_participants
from qsmrim_app.bids_io.role_filters import FILTER_FILE, Search, find_role
from qsmrim_app.bids_io.selection import SelectedSession, known_sessions, selected_sessions
from qsmrim_app.bids_io.session_files import BidsFile, session_files, subjects_of, unread_images
from qsmrim_app.bids_io.sidecars import read_sidecars
from qsmrim_app.errors import AmbiguousInputError, InputError, MissingImageError, QsmrimError
from qsmrim_app.records import SessionKey, SubjectInputs
from qsmrim_app.settings import InputSettings


@dataclass(frozen=True)
class RoleRow:
    """One line of the dry-run table: the file of a role (BIDS URI; empty: none) and what to know."""

    key: SessionKey
    role: str
    file: str
    note: str = ""
    is_failure: bool = False


@dataclass(frozen=True)
class Found:
    """What the dataset offers for the sessions that were asked for.

    ``datasets`` maps the names in BIDS URIs to folders; ``notes`` concern the datasets as a whole; ``known``
    are all sessions of the participants that were asked for, those that were not asked for too.
    """

    inputs: tuple[SubjectInputs, ...]
    failures: Mapping[SessionKey, QsmrimError]
    rows: tuple[RoleRow, ...]
    datasets: Mapping[str, Path]
    notes: tuple[str, ...] = ()
    known: frozenset[SessionKey] = frozenset()


def find_inputs(bids_dir: Path, settings: InputSettings) -> Found:
    """The files of every session that was asked for; one that lacks a needed file is among the failures.

    Raises
    ------
    InvalidDatasetError
        If ``bids_dir`` is no BIDS dataset.
    NothingSelectedError
        If no participant or session fits the settings.
    UsageError
        If the settings name a dataset, role or entity that does not exist.
    """
    datasets = find_datasets(bids_dir, settings)
    check_filters(settings.bids_filters)
    for name, option in ((settings.lesions_from, "--lesions-from"), (settings.raters, "--raters")):
        if name is not None:
            require_dataset(name, datasets, option)
    inputs: list[SubjectInputs] = []
    failures: dict[SessionKey, QsmrimError] = {}
    rows: list[RoleRow] = []
    listed = compare_participants(bids_dir, subjects_of(bids_dir))
    selected = selected_sessions(datasets, settings)
    for session in selected:
        outcome, session_rows = _find_session(datasets, session, settings)
        rows += session_rows
        if isinstance(outcome, SubjectInputs):
            notes = (*outcome.notes, *listed.notes_on(session.key.subject))
            inputs.append(replace(outcome, notes=notes))
        else:
            failures[session.key] = outcome
    return Found(
        tuple(inputs),
        failures,
        tuple(rows),
        {dataset.name: dataset.root for dataset in datasets},
        (*(note for dataset in datasets for note in dataset.notes), *listed.notes),
        frozenset(
            SessionKey(subject, label)
            for subject in {session.key.subject for session in selected}
            for label in known_sessions(datasets, subject, settings.bids_filters)
        ),
    )


def _find_session(
    datasets: Sequence[Dataset], session: SelectedSession, settings: InputSettings
) -> tuple[SubjectInputs | QsmrimError, list[RoleRow]]:
    """The inputs of a session, or why they are not complete; and its lines of the dry-run table."""
    key = session.key
    try:
        _require_labels(key, datasets[0].root)
        files = [file for dataset in datasets for file in session_files(dataset, key, session.is_only)]
        unread = [reason for dataset in datasets for reason in unread_images(dataset, key)]
        unread += [] if session.is_only else _without_session(datasets, key, settings)
        if not files:
            raise MissingImageError(
                "; ".join([f"{key.prefix}: no image in any dataset searched; check the label", *unread])
            )
        _require_one_session(key, files)
        findings = _find_all(files, settings)
        problem = _problem(key, findings.values(), unread)
        if problem is None:
            findings["lesions"] = _with_space_notes(findings)
        rows = [_row(key, finding) for finding in findings.values()]
        rows += [RoleRow(key, "not read", "", "; ".join(unread))] if unread else []
        return problem or _inputs(key, findings, unread), rows
    except (InputError, OSError) as error:  # the second: no rights, or a disk that fails
        reason = error if isinstance(error, InputError) else _unreadable(key, error)
        return reason, [RoleRow(key, "all", "", str(reason), is_failure=True)]


def _without_session(datasets: Sequence[Dataset], key: SessionKey, settings: InputSettings) -> list[str]:
    """What is to be said of images that would fit a role and name none of a participant's sessions."""
    files = [
        file
        for dataset in datasets
        for file in session_files(dataset, SessionKey(key.subject))
        if key.session and file.entities.get("session") is None
    ]
    roles = (*ROLES, "rim_map")
    fitting = {
        file.path: file
        for role in roles
        for file in best_matches(files, role, settings.bids_filters.get(role, {}))
    }
    return [
        f"{path.name} was not read; it names no session, and sub-{key.subject} has several: name it "
        f"{key.prefix}_... if it is of this one"
        for path in sorted(fitting)
    ]


def _unreadable(key: SessionKey, error: OSError) -> MissingImageError:
    return MissingImageError(
        f"{key.prefix}: {error.filename or 'a file'} cannot be read ({error.strerror}); give rights to read "
        "it, and to enter its folder"
    )


def _require_labels(key: SessionKey, root: Path) -> None:
    for name in key.folder.parts:
        if re.fullmatch(r"s(ub|es)-[a-zA-Z0-9+]+", name) is None:
            raise InputError(
                f"{name!r} in {root}: a label that is not letters and digits alone is none of BIDS; rename "
                "the folder and the files in it"
            )


def _require_one_session(key: SessionKey, files: Sequence[BidsFile]) -> None:
    """Refuse the images of several visits in one folder: a QSM would meet the FLAIR of another day."""
    sessions = sorted(
        {str(name) for file in files if (name := file.entities.get("session")) not in (None, "Y")}
    )
    if not key.session and len(sessions) > 1:
        raise InputError(
            f"{key.prefix}: images of the sessions {', '.join(sessions)} lie in one folder; put each into a "
            "folder ses-<label> of its own"
        )


def _find_all(files: Sequence[BidsFile], settings: InputSettings) -> dict[str, Finding]:
    """Role -> finding, in the order of the dry-run table; an error of one role does not hide another."""
    (qsm,) = find_role("qsm", lambda by: [find_qsm(files, by)], settings)
    searches: dict[str, Search] = {
        "flair": lambda by: [find_flair(files, by)],
        "lesions": lambda by: [find_lesions(files, by)],
    }
    chosen = qsm.file
    if chosen is not None:
        searches["magnitude"] = lambda by: [find_magnitude(files, by, chosen)]
        searches["brain_mask"] = lambda by: [find_brain_mask(files, by, chosen)]
    searches["raters"] = lambda by: find_rater_files(files, by)
    others = [one for role, search in searches.items() for one in find_role(role, search, settings)]
    return {finding.role: finding for finding in (qsm, *others)}


def _problem(key: SessionKey, findings: Iterable[Finding], unread: Sequence[str]) -> QsmrimError | None:
    """All errors of a session as one, of the kind of the worst: ambiguous or wrong before missing."""
    errors = [finding.error for finding in findings if finding.error is not None]
    if not errors:
        return None
    kinds = {type(error) for error in errors}
    kind = MissingImageError if kinds == {MissingImageError} else InputError
    kind = AmbiguousInputError if AmbiguousInputError in kinds else kind
    return kind(f"{key.prefix}: " + "; ".join([*(str(error) for error in errors), *unread]))


def _inputs(key: SessionKey, findings: Mapping[str, Finding], unread: Sequence[str]) -> SubjectInputs:
    files = {role: finding.file for role, finding in findings.items() if finding.file is not None}
    qsm, lesions, rim = files["qsm"], files["lesions"], files.get("rim_labels")
    raters = rim or files.get("rim_map")
    units = read_sidecars(qsm).get("Units")
    return SubjectInputs(
        key=key,
        qsm=qsm.path,
        flair=files["flair"].path,
        lesions=lesions.path,
        lesions_kind=kind_of(lesions),
        lesions_space=space_of(lesions)[0],
        magnitude=_path(files.get("magnitude")),
        brain_mask=_path(files.get("brain_mask")),
        lesions_table=lesions.table if kind_of(lesions) == "instances" and lesions.table.exists() else None,
        rim_labels=_path(rim),
        rim_table=rim.table if rim else None,
        rim_map=_path(files.get("rim_map")),
        rim_space=space_of(raters)[0] if raters else None,
        qsm_units=None if units is None else str(units),
        datasets={role: file.uri for role, file in files.items()},
        notes=(*(note for finding in findings.values() for note in finding.notes), *unread),
    )


def _with_space_notes(findings: Mapping[str, Finding]) -> Finding:
    """The lesions, with what is to be said of their space and of the scan they were drawn on."""
    found = findings["lesions"]
    assert found.file is not None
    space, notes = space_of(found.file)
    image = findings["flair" if space == "FLAIR" else "qsm"].file
    assert image is not None
    return replace(found, notes=(*found.notes, *notes, *_other_run(found.file, image)))


def _other_run(lesions: BidsFile, image: BidsFile) -> tuple[str, ...]:
    """What is to be said where lesions were drawn on another run of a scan than the one that is used."""
    drawn, used = (file.entities.get("run") for file in (lesions, image))
    if drawn is None or used is None or same_value(drawn, used):
        return ()
    return (
        f"lesions: {lesions.path.name} is of run {drawn}, but {image.path.name} of run {used} is used; "
        f"choose the run with {FILTER_FILE}",
    )


def _path(file: BidsFile | None) -> Path | None:
    return file.path if file else None


def _row(key: SessionKey, finding: Finding) -> RoleRow:
    if finding.error is not None:
        return RoleRow(key, finding.role, "", str(finding.error), is_failure=True)
    return RoleRow(key, finding.role, finding.file.uri if finding.file else "", "; ".join(finding.notes))
