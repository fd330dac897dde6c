"""One file of several that fit a role: by a stated rule, or an error that says how to choose.

The rule: of repeated runs the last (a scan is repeated because the one before was spoiled); of an image
stored twice the compressed one. All else is for the user to decide.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qsmrim_app.bids_io.session_files import BidsFile
from qsmrim_app.errors import AmbiguousInputError, InputError, MissingImageError, QsmrimError

ANNEX_POINTER = b"/annex/objects/"


@dataclass(frozen=True)
class Finding:
    """What was found for one role: a file, or why there is none. Both empty: an optional file is absent."""

    role: str
    file: BidsFile | None = None
    error: QsmrimError | None = None
    notes: tuple[str, ...] = ()


def choose(role: str, candidates: Sequence[BidsFile], remedy: str) -> Finding:
    """The file for a role, or None in it where there is no candidate.

    Parameters
    ----------
    role
        For messages.
    candidates
        Files that fit equally well.
    remedy
        What a user can do if no rule chooses.

    Raises
    ------
    AmbiguousInputError
        If several files fit and no rule chooses.
    MissingImageError
        If the chosen file is a link or git-annex pointer without content.
    InputError
        If it is no regular file.
    """
    if not candidates:
        return Finding(role)
    groups: dict[str, list[BidsFile]] = {}
    for file in candidates:
        groups.setdefault(_without_run(file), []).append(file)
    if len(groups) > 1:
        names = ", ".join(sorted(file.uri for file in candidates)[:6])
        raise AmbiguousInputError(f"{len(candidates)} files fit '{role}': {names}. Choose with {remedy}")
    (runs,) = groups.values()
    chosen = max(runs, key=lambda file: (_number(file.entities, "run"), file.path.name.endswith(".gz")))
    require_content(chosen)
    notes: tuple[str, ...] = ()
    if len(runs) > 1:
        notes = (f"{role}: of {len(runs)} runs or copies {chosen.path.name} was taken (the last)",)
    return Finding(role, chosen, notes=notes)


def require_content(file: BidsFile) -> None:
    """Pass silently if a file's content is there.

    Raises
    ------
    MissingImageError
        If it is a dangling link, a small text that git-annex left in its place, or may not be read.
    InputError
        If it is a folder, or a pipe that one would wait for.
    """
    remedy = f"run 'datalad get' or 'git annex get' on {file.path}"
    if not file.path.exists():
        raise MissingImageError(f"{file.uri} is a link without content; {remedy}")
    if not file.path.is_file():
        raise InputError(f"{file.uri} is no regular file; expected an image there")
    if not os.access(file.path, os.R_OK):
        raise MissingImageError(f"{file.uri} cannot be read; give reading rights on {file.path}")
    if file.path.stat().st_size < 1024:
        with file.path.open("rb") as content:
            if content.read(len(ANNEX_POINTER)) == ANNEX_POINTER:
                raise MissingImageError(f"{file.uri} is a git-annex pointer without content; {remedy}")


def _without_run(file: BidsFile) -> str:
    parts = [part for part in file.stem.split("_") if not part.startswith("run-")]
    return f"{file.dataset.name}:{'_'.join(parts)}"


def _number(entities: Mapping[str, Any], name: str) -> int:
    return int(entities.get(name) or 0)
