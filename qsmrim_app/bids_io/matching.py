"""Which files fit a role, by the entities of their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qsmrim_app.bids_io.io_spec import io_spec
from qsmrim_app.bids_io.label_tables import column_names, names_lesions
from qsmrim_app.bids_io.session_files import BidsFile, entity_names
from qsmrim_app.errors import UsageError
from qsmrim_app.records import SpaceName

Query = Mapping[str, Any]
ROLES = ("qsm", "flair", "magnitude", "lesions", "raters", "brain_mask")
_ABSENT = ("Query.NONE", "<Query.NONE: 1>", "none")
_PRESENT = ("*", "Query.ANY", "Query.REQUIRED")


def check_filters(filters: Mapping[str, Mapping[str, Any]]) -> None:
    """Pass silently if a filter file names known roles and entities only.

    Raises
    ------
    UsageError
        If it does not.
    """
    for role, query in filters.items():
        if role not in ROLES:
            raise UsageError(f"the BIDS filter file names '{role}'; it may name {', '.join(ROLES)}")
        if not isinstance(query, Mapping):
            raise UsageError(
                f"the BIDS filter file gives {query!r} for '{role}'; expected entities and values"
            )
        nested = sorted(name for name, value in query.items() if _nests(value))
        if nested:
            raise UsageError(
                f"the BIDS filter file nests a value for '{role}' ({', '.join(nested)}); give a value, "
                "a list of values, null (absent) or '*' (any)"
            )
        odd = sorted(name for name, value in query.items() if not _is_plain(value))
        if odd:
            raise UsageError(
                f"the BIDS filter file gives {odd[0]} of '{role}' a value that is no text, number, null or "
                f"list of these ({query[odd[0]]!r}); put it in quotes"
            )
        unknown = sorted(set(query) - entity_names())
        if unknown:
            raise UsageError(
                f"the BIDS filter file names the entities {', '.join(unknown)} for '{role}'; write them as "
                "pybids does: acquisition, ceagent, desc, echo, label, part, run, session, space, ..."
            )


def _nests(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_nests, value))
    return isinstance(value, Mapping)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)


def best_matches(files: Iterable[BidsFile], role: str, filters: Query) -> list[BidsFile]:
    """The files that fit the first pattern of a role that any file fits.

    The user's filter replaces or adds entities of the pattern.
    """
    listed = list(files)
    for pattern in io_spec()["inputs"]["roles"][role]:
        fitting = [file for file in listed if fits(file, {**pattern, **filters})]
        if fitting:
            return fitting
    return []


def fits(file: BidsFile, query: Query) -> bool:
    """Whether a file has every entity that a query asks for."""
    for name, wanted in query.items():
        if name == "needs_lesion_table":
            if not names_lesions(file.table):
                return False
        elif name == "needs_rim_column":
            if "rim" not in column_names(file.table):
                return False
        elif not _value_fits(file.entities.get(name), wanted):
            return False
    return True


def stated_space(file: BidsFile) -> SpaceName | None:
    """The space that the name of a file states; None if it states none or another."""
    stated = str(file.entities.get("space", "")).lower()
    if stated in _space_names("FLAIR"):
        return "FLAIR"
    return "QSM" if stated in _space_names("QSM") else None


def _value_fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple):
        return any(_value_fits(value, item) for item in wanted)
    if isinstance(wanted, Mapping):
        return not _value_fits(value, wanted["not"])
    if wanted is None or wanted in _ABSENT:
        return value is None
    if isinstance(wanted, str) and wanted.endswith(" or none"):
        return value is None or str(value).lower() in _space_names(wanted.removesuffix(" or none"))
    if wanted in _PRESENT:
        return value is not None
    return value is not None and same_value(value, wanted)


def same_value(one: Any, other: Any) -> bool:
    """Whether two values of an entity are one; ``run-01`` is ``run-1``, and case does not count."""
    return _plain(one) == _plain(other)


def _plain(value: Any) -> str:
    text = str(value).lower()
    return str(int(text)) if text.isdecimal() else text


def _space_names(space: str) -> list[str]:
    return [name.lower() for name in io_spec()["inputs"]["spaces"][space]]
