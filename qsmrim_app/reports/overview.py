"""Where in the brain the lesions lie: three projections, each lesion in the colour of its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.records import Case, Lesion
from qsmrim_app.reports.pictures import Window, png_uri
from qsmrim_app.reports.views import PLANES, Plane, View, bounding_box, view_of_box

RimClass = Literal["rim_positive", "rim_negative", "unclassified"]
COLORS: Mapping[
    RimClass, tuple[int, int, int]
] = {  # apart for colour-blind readers too; the page uses the same
    "unclassified": (150, 150, 150),
    "rim_negative": (86, 180, 233),
    "rim_positive": (255, 140, 0),
}
OPACITY: Mapping[RimClass, float] = {"unclassified": 0.6, "rim_negative": 0.55, "rim_positive": 1.0}


@dataclass(frozen=True)
class Mark:
    """The number of a rim+ lesion and where it stands in the frame, millimetres."""

    label: int
    x_mm: float
    y_mm: float


@dataclass(frozen=True)
class Projection:
    """A picture of the whole head along one direction, with numbered rim+ lesions."""

    plane: Plane
    view: View
    png: str
    marks: tuple[Mark, ...]


def lesion_projections(
    case: Case, lesions: Mapping[int, Lesion], classes: Mapping[int, RimClass]
) -> tuple[Projection, ...]:
    """The head seen from above, from the front and from the side.

    Parameters
    ----------
    case
        The FLAIR, averaged through the brain, is the background.
    lesions
        By label; every label of ``classes`` that lies in the image.
    classes
        Class of each lesion. Where lesions overlap in projection rim+ lies on top.
    """
    box = bounding_box(case.brain_mask.data | (case.lesions.data > 0), margin=3)
    painted = _class_codes(case.lesions.data, classes)
    positive = sorted(label for label, kind in classes.items() if kind == "rim_positive" and label in lesions)
    return tuple(
        _projection(case, plane, box, painted, [lesions[label] for label in positive]) for plane in PLANES
    )


def _projection(
    case: Case,
    plane: Plane,
    box: tuple[tuple[int, int], ...],
    painted: NDArray[np.uint8],
    marked: list[Lesion],
) -> Projection:
    view = view_of_box(case.qsm, plane, 0, box)
    grey = _background(case, plane, view)
    codes = view.picture(painted.max(axis=plane.normal, keepdims=True))
    picture = np.repeat(grey[..., None], 3, axis=2).astype(np.float64)
    for code, (kind, color) in enumerate(COLORS.items(), start=1):
        share = OPACITY[kind]
        picture[codes == code] = (1 - share) * picture[codes == code] + share * np.array(color)
    marks = tuple(
        Mark(lesion.index, *view.place((lesion.center_vox[plane.axes[0]], lesion.center_vox[plane.axes[1]])))
        for lesion in marked
    )
    return Projection(plane, view, png_uri(np.rint(picture).astype(np.uint8)), marks)


def _background(case: Case, plane: Plane, view: View) -> NDArray[np.uint8]:
    mask = case.brain_mask.data
    depth = mask.sum(axis=plane.normal, keepdims=True)
    total = np.where(mask, case.flair.data, 0).sum(axis=plane.normal, keepdims=True, dtype=np.float64)
    mean = total / np.maximum(depth, 1)
    if not depth.any():
        return np.zeros(view.picture(mean).shape, dtype=np.uint8)
    low, high = np.percentile(mean[depth > 0], (2, 99))
    grey = Window(float(low), float(high)).grey(mean) * 0.55 + 25
    return view.picture(np.where(depth > 0, grey, 0).astype(np.uint8))


def _class_codes(labels: NDArray[np.int32], classes: Mapping[int, RimClass]) -> NDArray[np.uint8]:
    """1, 2, 3 in the order of `COLORS`, 0 in the background; a label without a class is unclassified."""
    codes = {kind: code for code, kind in enumerate(COLORS, start=1)}
    inside = labels != 0
    present, inverse = np.unique(labels[inside], return_inverse=True)
    lookup = [codes[classes.get(int(label), "unclassified")] for label in present]
    painted = np.zeros(labels.shape, dtype=np.uint8)
    painted[inside] = np.array(lookup, dtype=np.uint8)[inverse]
    return painted
