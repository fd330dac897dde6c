"""What experts said of the rims of a session: read from their table or map, and given to the lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qsmrim_app.bids_io.label_tables import LabelRow, read_label_table
from qsmrim_app.images import load_labels
from qsmrim_app.lesions.labelling import label_lesions, present_labels
from qsmrim_app.lesions.matching import match_by_overlap
from qsmrim_app.records import PreparedSubject, SubjectInputs, Volume

_RATER_COLUMNS = {  # column of a rater table -> column of the lesion table
    "rim": "rim_expert",
    "rim_rater1": "rim_rater1",
    "rim_rater2": "rim_rater2",
    "rim_truth": "rim_truth",
}

_MARKED, _DOUBTED = 0.5, 0.25  # shares of a lesion that lie in a map of rim+ lesions
_GRAZING = 0.1  # of a rim and of the lesion that it marks; with less in common they may not belong together
RIM_NEGATIVE, RIM_POSITIVE, NOT_CLASSIFIED = 1, 2, 3
RIM_CLASSES = "desc-rim"  # in the name of a map with these values; others hold rim+ lesions alone
# a desc-rim_dseg that experts drew instead of a table: each lesion takes the value that covers most of it
_RIM_MAP_ROWS = {
    RIM_NEGATIVE: LabelRow(RIM_NEGATIVE, "rim negative", rim=0),
    RIM_POSITIVE: LabelRow(RIM_POSITIVE, "rim positive", rim=1),
}


@dataclass(frozen=True, eq=False)
class ExpertRim:
    """What experts said of the lesions of one session.

    ``rows`` is the raters' table by label; ``labels`` is the map that it describes, on the native grid.
    ``only_rims`` says that the map holds rim+ lesions alone: what none of them lies on is rim-.
    ``are_classes`` says that its labels are no lesions but what was said of all that bear them.
    """

    rows: Mapping[int, LabelRow]
    labels: Volume
    only_rims: bool = False
    are_classes: bool = False


def read_expert(inputs: SubjectInputs, prepared: PreparedSubject) -> tuple[ExpertRim | None, tuple[str, ...]]:
    """What experts said of a session that is prepared, and what is odd about it, in words.

    Raises
    ------
    TableError
        If their table cannot be read.
    """
    if prepared.native_rim_labels is not None and inputs.rim_table is not None:
        labels = load_labels(prepared.native_rim_labels).volume
        return ExpertRim(read_label_table(inputs.rim_table), labels), ()
    if prepared.native_rim_map is None or inputs.rim_map is None:
        return None, ()
    drawn = load_labels(prepared.native_rim_map).volume
    if f"_{RIM_CLASSES}_" in inputs.rim_map.name:
        return ExpertRim(_RIM_MAP_ROWS, drawn, are_classes=True), _doubts_of_classes(drawn, inputs.rim_map)
    if len(present_labels(drawn)) <= 1:  # a mask, not instances
        drawn = label_lesions(drawn)
    said = (
        f"{inputs.rim_map.name}: a map of rim+ lesions; each lesion that none of them lies on counts as rim-"
    )
    return ExpertRim({}, drawn, only_rims=True), (said,)


def _doubts_of_classes(drawn: Volume, path: Path) -> tuple[str, ...]:
    values = set(np.unique(drawn.data).tolist()) - {0}
    found = []
    if values == {RIM_NEGATIVE}:
        found.append(
            f"{path.name}: it holds the value 1 alone, rim-; name a map of rim+ lesions label-rim_mask"
        )
    known = values & {RIM_NEGATIVE, RIM_POSITIVE, NOT_CLASSIFIED}
    if len(known) > 1 and all(_is_one_piece(drawn, value) for value in known):
        found.append(
            f"{path.name}: each of its values stands on one lesion alone, and 1 is taken as rim-, 2 as rim+; "
            "if they number rim+ lesions, name the map label-rim_dseg"
        )
    if odd := sorted(values - {RIM_NEGATIVE, RIM_POSITIVE, NOT_CLASSIFIED}):
        found.append(
            f"{path.name}: its values are 1 rim-, 2 rim+ and 3 not classified; not used: {some_labels(odd)}"
        )
    return tuple(found)


def _is_one_piece(drawn: Volume, value: int) -> bool:
    return len(present_labels(label_lesions(drawn.with_data(drawn.data == value)))) == 1


def add_expert(rows: dict[int, dict[str, Any]], labels: Volume, expert: ExpertRim | None) -> tuple[str, ...]:
    """Write expert columns into ``rows``; return what could not be matched, in words."""
    if expert is None:
        return ()
    if expert.only_rims:
        return _add_rims(rows, labels, expert.labels)
    identical = np.array_equal(labels.data, expert.labels.data) and set(expert.rows) <= set(rows)
    match = {index: index for index in rows} if identical else match_by_overlap(labels, expert.labels)
    for index, row in rows.items():
        said = expert.rows.get(match.get(index, 0))
        if said is not None:
            row.update({ours: getattr(said, theirs) for theirs, ours in _RATER_COLUMNS.items()})
    if expert.are_classes:
        return _unused_rims(rows, labels, expert.labels)
    warnings = []
    if lost := sorted(set(expert.rows) - set(match.values())):
        warnings.append(
            f"{len(lost)} lesion(s) of the raters' map are not the largest part of any lesion here and were "
            f"not used: {some_labels(lost)}"
        )
    rated = [other for index, other in match.items() if index in rows and other in expert.rows]
    if shared := sorted({other for other in rated if rated.count(other) > 1}):
        warnings.append(
            f"{len(shared)} lesion(s) of the raters' map overlap several lesions here, which all have their "
            f"status: {some_labels(shared)}; look whether the outlines belong together"
        )
    return tuple(warnings)


def _unused_rims(rows: Mapping[int, dict[str, Any]], labels: Volume, classes: Volume) -> tuple[str, ...]:
    """Rim+ lesions of a map of classes that make no lesion rim+, in words."""
    rims = label_lesions(classes.with_data(classes.data == RIM_POSITIVE))
    best = match_by_overlap(rims, labels)
    outvoted = [rim for rim, index in best.items() if rows.get(index, {}).get("rim_expert") == 0]
    if not outvoted:
        return _lost_rims(rims, best)
    return (
        *_lost_rims(rims, best),
        f"{len(outvoted)} rim+ lesion(s) of the raters' map lie on a lesion that is mostly rim- there and "
        "counts as rim-",
    )


def _add_rims(rows: dict[int, dict[str, Any]], labels: Volume, rims: Volume) -> tuple[str, ...]:
    """As `add_expert`, of a map of rim+ lesions alone.

    Each rim marks the lesion that it overlaps most, and each lesion that lies in the map by half is marked,
    since two rim+ lesions that touch are one piece of a mask.
    """
    best = match_by_overlap(rims, labels)
    inside = _share_inside(labels, rims)
    marked = set(best.values()) | {lesion for lesion, share in inside.items() if share >= _MARKED}
    for index, row in rows.items():
        row["rim_expert"] = int(index in marked)
    said = (*_lost_rims(rims, best), *_grazing_rims(rims, best, labels, inside))
    doubtful = sorted({lesion for lesion, share in inside.items() if share >= _DOUBTED} - marked)
    if not doubtful:
        return said
    return (
        *said,
        f"{len(doubtful)} lesion(s) that lie partly in the raters' map of rim+ lesions count as rim-, as "
        f"less than half of each does: {some_labels(doubtful)}; look whether the outlines belong together",
    )


def _grazing_rims(
    rims: Volume, best: Mapping[int, int], labels: Volume, inside: Mapping[int, float]
) -> tuple[str, ...]:
    """Rims that hardly touch the lesion that they mark, in words; arguments as in `_add_rims`."""
    within = _share_inside(rims, labels)
    grazing = sorted(lesion for rim, lesion in best.items() if max(within[rim], inside[lesion]) < _GRAZING)
    if not grazing:
        return ()
    return (
        f"{len(grazing)} lesion(s) count as rim+ although a rim of the raters' map and they have less than "
        f"{_GRAZING:.0%} of each in common: {some_labels(grazing)}; look whether it is another lesion's",
    )


def _lost_rims(rims: Volume, best: Mapping[int, int]) -> tuple[str, ...]:
    """Rims that lie on no lesion, in words; ``best`` is rim -> lesion."""
    lost = sorted(set(present_labels(rims)) - set(best))
    if not lost:
        return ()
    return (
        f"{len(lost)} rim+ lesion(s) of the raters' map overlap no lesion here and were not used: "
        f"{some_labels(lost)}",
    )


def _share_inside(labels: Volume, rims: Volume) -> dict[int, float]:
    """How much of each lesion lies in the map of rims; lesions that do not touch it are left out."""
    lesions, sizes = np.unique(labels.data[labels.data > 0], return_counts=True)
    covered, counts = np.unique(labels.data[(labels.data > 0) & (rims.data > 0)], return_counts=True)
    shares = counts / sizes[np.searchsorted(lesions, covered)]
    return dict(zip(covered.tolist(), shares.tolist(), strict=True))


def some_labels(labels: Sequence[int]) -> str:
    """The first of a list of labels, for a message."""
    return ", ".join(map(str, labels[:10])) + (" ..." if len(labels) > 10 else "")
