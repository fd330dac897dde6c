"""One lesion in three planes on QSM and FLAIR, with its outline apart so that a reader can take it away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsmrim_app.records import Case, Lesion
from qsmrim_app.reports.outlines import lesion_outlines
from qsmrim_app.reports.pictures import GreyImages, png_uri
from qsmrim_app.reports.views import PLANES, Plane, View, view_around

FIELDS_MM = (40.0, 60.0, 90.0, 130.0)  # the smallest that shows the whole lesion and this much around it:
MARGIN_MM = 6.0


@dataclass(frozen=True)
class Panel:
    """One picture of a montage: a PNG placed in a frame (mm), and paths in the same frame."""

    image: str  # what is shown, "QSM" or "FLAIR"
    view: View
    png: str
    outline: str = ""
    neighbours: str = ""

    @property
    def plane(self) -> Plane:
        """The direction of cut."""
        return self.view.plane


@dataclass(frozen=True)
class Montage:
    """The panels of one lesion, QSM and FLAIR of a plane side by side, and the width of each frame."""

    panels: tuple[Panel, ...]
    field_mm: float


def lesion_montage(case: Case, lesion: Lesion, grey: GreyImages) -> Montage:
    """The lesion in axial, coronal and sagittal view through its own voxel nearest to its centre of mass."""
    voxel = focus_voxel(case, lesion)
    field_mm = field_of_view(case, lesion, voxel)
    panels = []
    for plane in PLANES:
        view = view_around(case.qsm, plane, voxel, field_mm)
        paths = lesion_outlines(view, case.lesions.data, lesion.index)
        for name, image in (("QSM", grey.qsm), ("FLAIR", grey.flair)):
            panels.append(Panel(name, view, png_uri(view.picture(image)), paths.lesion, paths.neighbours))
    return Montage(tuple(panels), field_mm)


def focus_voxel(case: Case, lesion: Lesion) -> tuple[int, int, int]:
    """The voxel of the lesion nearest (mm) to its centre of mass, which may itself lie outside the lesion."""
    inside = case.lesions.data[lesion.slices] == lesion.index
    voxels = np.argwhere(inside) + [part.start for part in lesion.slices]
    away = (voxels - np.array(lesion.center_vox)) @ case.lesions.affine[:3, :3].T
    i, j, k = voxels[np.argmin(np.square(away).sum(axis=1))]
    return int(i), int(j), int(k)


def field_of_view(case: Case, lesion: Lesion, voxel: tuple[int, int, int]) -> float:
    """The smallest of `FIELDS_MM` that shows all of the lesion about a voxel, else the largest."""
    reach = max(
        max(voxel[axis] + 0.5 - start, stop - voxel[axis] - 0.5) * case.qsm.spacing_mm[axis]
        for axis, (start, stop) in enumerate(lesion.box)
    )
    return next((field for field in FIELDS_MM if field >= 2 * (reach + MARGIN_MM)), FIELDS_MM[-1])
