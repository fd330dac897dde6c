"""Lesion map and expert rim status of one session: which dataset gives which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qsmrim_app.bids_io.choosing import Finding, choose
from qsmrim_app.bids_io.datasets import is_own_output
from qsmrim_app.bids_io.label_tables import column_names
from qsmrim_app.bids_io.matching import Query, best_matches, stated_space
from qsmrim_app.bids_io.role_filters import FILTER_FILE
from qsmrim_app.bids_io.session_files import BidsFile
from qsmrim_app.bids_io.sidecars import read_sidecars
from qsmrim_app.errors import AmbiguousInputError, MissingImageError
from qsmrim_app.records import LesionKind, SpaceName
from qsmrim_app.settings import InputSettings


def find_lesions(files: Sequence[BidsFile], settings: InputSettings) -> Finding:
    """The lesion map.

    In a dataset an instance map comes before a mask, a whole mask before one with regions, one in FLAIR
    space before one in QSM space; other spaces are not read. A dataset whose tables carry a column ``rim`` is
    one of raters: it gives lesions only where no other does. If there is none, an error is in the finding.

    Raises
    ------
    AmbiguousInputError
        If two datasets have one and ``lesions_from`` names neither, or several files of one are left.
    MissingImageError
        If the one chosen has no content.
    """
    filters = settings.bids_filters.get("lesions", {})
    by_dataset = {
        name: fitting
        for name, group in _by_dataset(files).items()
        if (fitting := _lesion_maps(group, filters))
    }
    if settings.lesions_from is not None:
        by_dataset = {name: group for name, group in by_dataset.items() if name == settings.lesions_from}
    elif len(by_dataset) > 1:
        without_rim = {name: group for name, group in by_dataset.items() if not _carries_rim(group)}
        by_dataset = without_rim or by_dataset
    if not by_dataset:
        return Finding("lesions", error=MissingImageError(_no_lesions(settings)))
    if len(by_dataset) > 1:
        raise AmbiguousInputError(
            f"lesion maps in {len(by_dataset)} datasets ({', '.join(sorted(by_dataset))}); "
            "choose with --lesions-from NAME"
        )
    (fitting,) = by_dataset.values()
    return choose("lesions", fitting, f"{FILTER_FILE} (role lesions)")


def find_rater_files(files: Sequence[BidsFile], settings: InputSettings) -> tuple[Finding, Finding]:
    """The expert's instance map with its table, and the expert's rim map; either may be absent.

    Raises
    ------
    AmbiguousInputError
        If two datasets carry a rim status and ``raters`` names neither, or several files of one are left.
    MissingImageError
        If a file has no content.
    """
    filters = settings.bids_filters.get("raters", {})
    by_dataset = {
        name: fitting for name, group in _by_dataset(files).items() if (fitting := _rim_files(group, filters))
    }
    notes = _misnamed_columns(files)
    if not filters:
        notes += _unread_tables(_of(files, settings.raters), by_dataset)
    if settings.raters is None:  # what qsmrim predicted is no rating, unless it is asked for by name
        predicted = sorted(name for name, group in by_dataset.items() if _is_predicted(group))
        by_dataset = {name: group for name, group in by_dataset.items() if name not in predicted}
        notes += tuple(
            f"rim status: what '{name}' holds was predicted by qsmrim, so it is no rating (but by --raters)"
            for name in predicted
        )
    if settings.raters is not None:
        by_dataset = {name: group for name, group in by_dataset.items() if name == settings.raters}
        if not by_dataset:
            notes += (f"rim status: '{settings.raters}' has none",)
    if len(by_dataset) > 1:
        raise AmbiguousInputError(
            f"rim status in {len(by_dataset)} datasets ({', '.join(sorted(by_dataset))}); "
            "choose with --raters NAME"
        )
    found = [file for group in by_dataset.values() for file in group]
    tables = [file for file in found if "rim" in column_names(file.table)]
    maps = [file for file in found if file not in tables]
    remedy = f"{FILTER_FILE} (role raters)"
    if not tables:
        return Finding("rim_labels", notes=notes), choose("rim_map", maps, remedy)
    of_table = choose("rim_labels", tables, remedy)
    if maps and of_table.file is not None:
        unused = ", ".join(sorted(file.path.name for file in maps)[:3])
        notes += (f"rim status: the table of {of_table.file.path.name} is used, not {unused}",)
    return replace(of_table, notes=(*of_table.notes, *notes)), Finding("rim_map")


def kind_of(file: BidsFile) -> LesionKind:
    """Whether a lesion map holds instances or is a mask, by its suffix."""
    return "instances" if file.entities.get("suffix") == "dseg" else "mask"


def space_of(file: BidsFile) -> tuple[SpaceName, tuple[str, ...]]:
    """The space of a lesion map by its name, else by ``SpatialReference``, else FLAIR; with notes.

    Raises
    ------
    InputError
        If its sidecar cannot be read.
    """
    stated = stated_space(file)
    if stated:
        return stated, ()
    reference = str(read_sidecars(file).get("SpatialReference", "")).lower()
    if "flair" in reference:
        return "FLAIR", ()
    if any(name in reference for name in ("chimap", "t2starw", "megre")):
        return "QSM", ()
    return "FLAIR", (f"lesions: {file.path.name} names no space; the space of the FLAIR is assumed",)


def _lesion_maps(group: Sequence[BidsFile], filters: Query) -> list[BidsFile]:
    usable = [
        file for file in group if "space" in filters or not file.entities.get("space") or stated_space(file)
    ]
    fitting = best_matches(usable, "lesions", filters)
    for space in ("FLAIR", None, "QSM"):
        of_space = [file for file in fitting if stated_space(file) == space]
        if of_space:
            return of_space
    return fitting


def _rim_files(group: Sequence[BidsFile], filters: Query) -> list[BidsFile]:
    usable = [file for file in group if not file.entities.get("space") or stated_space(file)]
    fitting = best_matches(usable, "raters", filters)
    maps = [file for file in best_matches(usable, "rim_map", filters) if file not in fitting]
    return fitting + maps


def _is_predicted(group: Sequence[BidsFile]) -> bool:
    """Whether files are qsmrim's own, also as a copy without its description: probabilities lie beside."""
    return is_own_output(group[0].dataset.root) or any(
        any(file.path.parent.glob("*_label-rim_probseg.nii*")) for file in group
    )


def _misnamed_columns(files: Sequence[BidsFile]) -> tuple[str, ...]:
    """What is to be said of tables whose rim columns lack the one that counts."""
    notes = []
    for file in files:
        columns = column_names(file.table)
        others = [name for name in columns if name.lower().startswith(("rim", "prl")) and name != "rim_truth"]
        if others and "rim" not in columns and not _is_predicted([file]):
            notes.append(
                f"rim status: {file.table.name} has no column 'rim', only {', '.join(others)}, and is "
                "not used; 'rim' is what the experts agreed on (1, 0, n/a)"
            )
    return tuple(notes)


def _of(files: Sequence[BidsFile], name: str | None) -> list[BidsFile]:
    """The files of a dataset; of all where none is named."""
    return [file for file in files if name in (None, file.dataset.name)]


def _unread_tables(files: Sequence[BidsFile], read: Mapping[str, Sequence[BidsFile]]) -> tuple[str, ...]:
    """What is to be said of tables with the right column beside a map that cannot be the raters'."""
    known = {file.path for group in read.values() for file in group}
    return tuple(
        f"rim status: {file.table.name} is not used; ratings are read beside a *_dseg.nii.gz of numbered "
        "lesions, in the space of FLAIR or QSM"
        for file in files
        if file.path not in known and "rim" in column_names(file.table) and not _is_predicted([file])
    )


def _carries_rim(group: Sequence[BidsFile]) -> bool:
    return any("rim" in column_names(file.table) for file in group)


def _by_dataset(files: Sequence[BidsFile]) -> dict[str, list[BidsFile]]:
    groups: dict[str, list[BidsFile]] = {}
    for file in files:
        groups.setdefault(file.dataset.name, []).append(file)
    return groups


def _no_lesions(settings: InputSettings) -> str:
    where = f"in '{settings.lesions_from}'" if settings.lesions_from else "in the datasets searched"
    return (
        f"no lesion map {where} (*_desc-lesions_dseg, *_label-lesion_mask or LST-AI's space-flair_seg-lst, "
        ".nii[.gz], in the space of FLAIR or QSM); make one, e.g. with LST-AI, and name its dataset with "
        "--derivatives NAME=PATH"
    )
