"""Pieces of pictures: a lesion, or a whole slice, on QSM and FLAIR in grey levels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.records import Case, Lesion, SessionKey, Volume
from qsmrim_app.reports.montage import focus_voxel
from qsmrim_app.reports.outlines import lesion_outlines
from qsmrim_app.reports.pictures import Window, flair_window
from qsmrim_app.reports.views import AXIAL, View, bounding_box, view_around, view_of_box
from studies.alignment import flair_on_qsm_grid
from studies.cohort_files import Participant, brain_of, read_lesions, read_qsm
from studies.contrast import SHELL_MM, shell, widened

FIELD_MM = 24.0
QSM_BELOW_PPB, QSM_ABOVE_PPB = 60.0, 100.0  # about the median around the lesion
SLICE_BELOW_PPB, SLICE_ABOVE_PPB = 75.0, 125.0  # about the median of the brain, as in the App's report
SLICE_HEIGHTS = (0.45, 0.62)  # of the brain, from below: basal ganglia, bodies of the ventricles
_SEGMENT = re.compile(r"M([-\d.e]+) ([-\d.e]+)([HV])([-\d.e]+)")

Segment = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Panel:
    """One grey picture, shape (rows, columns), in a frame of ``size_mm``.

    ``place_mm`` is left, top, width and height of the picture in the frame; ``outline`` are the borders of
    the lesion, ``neighbours`` those of other lesions, in the frame's mm.
    """

    picture: NDArray[np.uint8]
    place_mm: tuple[float, float, float, float]
    size_mm: tuple[float, float]
    outline: tuple[Segment, ...] = ()
    neighbours: tuple[Segment, ...] = ()


@dataclass(frozen=True, eq=False)
class LesionTile:
    """QSM without and FLAIR with the outline of one lesion."""

    subject: str
    index: int
    qsm: Panel
    flair: Panel


@dataclass(frozen=True, eq=False)
class SliceColumn:
    """Whole axial slices of one participant, from below; QSM and FLAIR of the same height."""

    subject: str
    inversion: str
    qsm: tuple[Panel, ...]
    flair: tuple[Panel, ...]


def lesion_tiles(person: Participant, indices: Sequence[int]) -> tuple[LesionTile, ...]:
    """Tiles of some lesions of one participant, from its files."""
    qsm = read_qsm(person)
    brain = brain_of(qsm)
    return case_tiles(person.label, qsm, flair_on_qsm_grid(person, qsm), brain, read_lesions(person), indices)


def case_tiles(
    subject: str, qsm: Volume, flair: Volume, brain: Volume, labels: Volume, indices: Sequence[int]
) -> tuple[LesionTile, ...]:
    """Tiles of some lesions: axial, 24 mm, through the lesion's own voxel nearest to its centre of mass.

    Parameters
    ----------
    subject
        Whose lesions.
    qsm, flair, brain, labels
        Susceptibility in ppb, FLAIR in any unit, bool, int32, on one grid.
    indices
        Labels.
    """
    case = Case(SessionKey(subject.removeprefix("sub-")), qsm, flair, labels, brain)
    lesions = {lesion.index: lesion for lesion in find_lesions(labels)}
    window = flair_window(flair, brain)
    return tuple(_tile(subject, case, lesions[index], window) for index in indices)


def slice_column(person: Participant) -> SliceColumn:
    """Two whole axial slices of one participant."""
    qsm = read_qsm(person)
    brain = brain_of(qsm)
    flair = flair_on_qsm_grid(person, qsm)
    middle = float(np.median(qsm.data[brain.data & (qsm.data != 0)]))
    windows = Window(middle - SLICE_BELOW_PPB, middle + SLICE_ABOVE_PPB), flair_window(flair, brain)
    box = bounding_box(brain.data, margin=2)
    low, high = box[2]
    views = [view_of_box(qsm, AXIAL, round(low + share * (high - low)), box) for share in SLICE_HEIGHTS]
    columns = [
        tuple(_panel(view, image.data, window, image.data != 0) for view in views)
        for image, window in zip((qsm, flair), windows, strict=True)
    ]
    return SliceColumn(person.label, person.inversion, *columns)


def _tile(subject: str, case: Case, lesion: Lesion, flair_grey: Window) -> LesionTile:
    view = view_around(case.qsm, AXIAL, focus_voxel(case, lesion), FIELD_MM)
    middle = _local_median(case, lesion)
    qsm_grey = Window(middle - QSM_BELOW_PPB, middle + QSM_ABOVE_PPB)
    paths = lesion_outlines(view, case.lesions.data, lesion.index)
    return LesionTile(
        subject,
        lesion.index,
        _panel(view, case.qsm.data, qsm_grey, case.qsm.data != 0),
        _panel(view, case.flair.data, flair_grey, None, _segments(paths.lesion), _segments(paths.neighbours)),
    )


def _panel(
    view: View,
    data: NDArray[Any],
    window: Window,
    known: NDArray[np.bool_] | None = None,
    outline: tuple[Segment, ...] = (),
    neighbours: tuple[Segment, ...] = (),
) -> Panel:
    picture = window.grey(view.picture(data))
    if known is not None:
        picture = np.where(view.picture(known), picture, np.uint8(0))
    place = view.x_mm, view.y_mm, view.width_mm, view.height_mm
    return Panel(picture, place, view.size_mm, outline, neighbours)


def _local_median(case: Case, lesion: Lesion) -> float:
    """Median of the QSM in the shell 2 to 5 mm around a lesion, without other lesions; ppb."""
    box = widened(lesion.slices, case.qsm.spacing_mm, SHELL_MM[1], case.qsm.shape)
    labels, values = case.lesions.data[box], case.qsm.data[box]
    around = shell(labels == lesion.index, case.qsm.spacing_mm) & (labels == 0) & (values != 0)
    return float(np.median(values[around & case.brain_mask.data[box]])) if around.any() else 0.0


def _segments(path: str) -> tuple[Segment, ...]:
    """The straight pieces of an SVG path of horizontal and vertical lines."""
    pieces = []
    for x, y, direction, end in _SEGMENT.findall(path):
        start = float(x), float(y)
        pieces.append((start, (float(end), start[1]) if direction == "H" else (start[0], float(end))))
    return tuple(pieces)
