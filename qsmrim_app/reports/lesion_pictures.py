"""An axial picture of one lesion on QSM and FLAIR, from the images or, without them, from its patch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.records import Case, Lesion, Volume
from qsmrim_app.reports.montage import field_of_view, focus_voxel
from qsmrim_app.reports.pictures import QSM_ABOVE_PPB, QSM_BELOW_PPB, GreyImages, Window
from qsmrim_app.reports.views import AXIAL, View, view_around

_QSM_WINDOW = Window(-QSM_BELOW_PPB, QSM_ABOVE_PPB)
_FLAIR_WINDOW = Window(-2, 7)  # z-scores of a lesion


@dataclass(frozen=True, eq=False)
class LesionPicture:
    """Grey levels of both images of a view, and its lesion as a mask; all of shape (rows, columns)."""

    view: View
    qsm: NDArray[np.uint8]
    flair: NDArray[np.uint8]
    lesion: NDArray[np.bool_]
    from_patch: bool


def picture_from_case(case: Case, lesion: Lesion, grey: GreyImages) -> LesionPicture:
    """The lesion amid its surroundings, through its own voxel nearest to its centre of mass."""
    voxel = focus_voxel(case, lesion)
    view = view_around(case.qsm, AXIAL, voxel, field_of_view(case, lesion, voxel))
    inside = case.lesions.data == lesion.index
    return LesionPicture(
        view, view.picture(grey.qsm), view.picture(grey.flair), view.picture(inside), from_patch=False
    )


def picture_from_patch(patch: NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> LesionPicture:
    """The lesion and its margin, as a detector sees them, in the slice that shows most of it.

    Parameters
    ----------
    patch
        QSM in ppb and FLAIR as z-score, shape (2, i, j, k), axes RAS+; 0 where the network sees
        nothing.
    spacing_mm
        Voxel size.
    """
    qsm, flair = (Volume(channel, np.diag([*spacing_mm, 1.0])) for channel in patch)
    inside = (patch != 0).any(axis=0)
    shape = qsm.shape
    middle = (shape[0] // 2, shape[1] // 2, int(np.argmax(inside.sum(axis=(0, 1)))))
    view = view_around(qsm, AXIAL, middle, max(shape[0] * spacing_mm[0], shape[1] * spacing_mm[1]))
    shown = view.picture(inside)
    pictures = [
        np.where(shown, window.grey(view.picture(image.data)), np.uint8(0))
        for window, image in ((_QSM_WINDOW, qsm), (_FLAIR_WINDOW, flair))
    ]
    return LesionPicture(view, pictures[0], pictures[1], shown, from_patch=True)
