"""Search the file of a role, and say so where the user's filter leaves none of those that there are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qsmrim_app.bids_io.choosing import Finding
from qsmrim_app.errors import AmbiguousInputError, MissingImageError, QsmrimError
from qsmrim_app.settings import InputSettings

FILTER_FILE = "--bids-filter-file"
_LONGEST = 200

Search = Callable[[InputSettings], Sequence[Finding]]


def find_role(role: str, search: Search, settings: InputSettings) -> Sequence[Finding]:
    """What a search finds, or its error.

    Where it finds nothing and would without the filter of the role, the filter is named: in the error of a
    file that is needed, in a note on one that is not.

    Parameters
    ----------
    role
        As filters name it.
    search
        Gives the findings of the role by settings; the first of them takes error and note.
    settings
        With the user's filters.
    """
    try:
        first, *others = search(settings)
    except QsmrimError as error:
        return [Finding("rim_labels" if role == "raters" else role, error=error)]
    query = settings.bids_filters.get(role)
    if query and not any(finding.file for finding in (first, *others)):
        left_out = _without_filter(role, search, settings)
        first = _with_reason(first, role, query, left_out) if left_out else first
    return [first, *others]


def _without_filter(role: str, search: Search, settings: InputSettings) -> str:
    """What is found without the filter of a role; empty if nothing is."""
    others = {name: query for name, query in settings.bids_filters.items() if name != role}
    try:
        found = search(replace(settings, bids_filters=others))
    except AmbiguousInputError as error:
        return str(error).partition(". Choose with")[0]
    except QsmrimError:
        return ""
    return next((finding.file.path.name for finding in found if finding.file), "")


def _with_reason(finding: Finding, role: str, query: Mapping[str, Any], left_out: str) -> Finding:
    text = json.dumps(dict(query), ensure_ascii=False, default=str)
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    said = f"the filter {text} of {FILTER_FILE} leaves no file for '{role}'; without it: {left_out}"
    if finding.error is not None:
        return replace(finding, error=MissingImageError(f"{said}; correct the filter"))
    return replace(finding, notes=(*finding.notes, f"{role}: {said}"))
