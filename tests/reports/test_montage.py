from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.records import Case, SessionKey, Volume
from qsmrim_app.reports.montage import field_of_view, focus_voxel, lesion_montage
from qsmrim_app.reports.pictures import grey_images
from tests.phantoms import phantom_case
from tests.reports.builders import pixels


def empty_case(shape=(60, 60, 20), spacing=(0.75, 0.75, 3.0)):
    """No lesion, no brain to speak of: zeros, everything inside the brain."""
    affine = np.diag([*spacing, 1.0])
    blank = Volume(np.zeros(shape, dtype=np.float32), affine)
    return Case(
        SessionKey("01"),
        blank,
        blank.with_data(np.zeros(shape, dtype=np.float32)),
        blank.with_data(np.zeros(shape, dtype=np.int32)),
        blank.with_data(np.ones(shape, dtype=bool)),
    )


def montage_of(case, label):
    lesion = next(lesion for lesion in find_lesions(case.lesions) if lesion.index == label)
    return lesion_montage(case, lesion, grey_images(case))


def test_six_panels_qsm_beside_flair():
    montage = montage_of(phantom_case(), 1)
    assert [(panel.image, panel.plane.name) for panel in montage.panels] == [
        (image, plane) for plane in ("axial", "coronal", "sagittal") for image in ("QSM", "FLAIR")
    ]


def test_a_vein_at_the_patients_left_is_drawn_on_the_right():
    case = empty_case()
    case.lesions.data[30, 30, 10] = 1
    case.qsm.data[20, 40, 10] = 500  # 7.5 mm to the patient's left and to the front
    axial = montage_of(case, 1).panels[0]
    picture = pixels(axial.png)
    (row, column), *others = np.argwhere(picture == picture.max())
    assert not others
    x = axial.view.x_mm + (column + 0.5) * 0.75
    y = axial.view.y_mm + (row + 0.5) * 0.75
    assert (x, y) == pytest.approx((20 + 7.5, 20 - 7.5))


@pytest.mark.parametrize("oblique", [False, True])
def test_the_outline_encloses_exactly_the_lesion(oblique):
    """The area inside the outline, by counting crossings, is the mask of the lesion."""
    case = phantom_case(oblique=oblique)
    for panel in montage_of(case, 2).panels:
        inside = panel.view.picture(case.lesions.data) == 2
        walls = [
            (float(x), float(y), float(to))
            for x, rest in (piece.split(" ") for piece in panel.outline.split("M")[1:])
            if "V" in rest
            for y, to in [rest.split("V")]
        ]
        for (row, column), expected in np.ndenumerate(inside):
            x = panel.view.x_mm + (column + 0.5) * panel.view.spacing_mm[0]
            y = panel.view.y_mm + (row + 0.5) * panel.view.spacing_mm[1]
            crossed = sum(wall > x and top < y < bottom for wall, top, bottom in walls)
            assert crossed % 2 == expected


def test_panels_have_physical_proportions():
    panels = montage_of(phantom_case(), 1).panels
    for panel in panels:
        rows, columns = pixels(panel.png).shape
        assert panel.view.width_mm == pytest.approx(columns * panel.view.spacing_mm[0])
        assert panel.view.height_mm == pytest.approx(rows * panel.view.spacing_mm[1])
    assert {panel.view.spacing_mm for panel in panels[2:]} == {(0.75, 3.0)}


def test_a_ring_is_cut_through_its_own_tissue():
    case = empty_case()
    case.lesions.data[28:33, 28:33, 10] = 3
    case.lesions.data[29:32, 29:32, 10] = 0
    i, j, k = focus_voxel(case, find_lesions(case.lesions)[0])
    assert case.lesions.data[i, j, k] == 3


def test_a_large_lesion_gets_a_larger_field():
    case = empty_case()
    case.lesions.data[10:50, 30, 10] = 1  # 30 mm
    lesion = find_lesions(case.lesions)[0]
    assert field_of_view(case, lesion, focus_voxel(case, lesion)) == 60
    case.lesions.data[30, 28:33, 5] = 2
    small = find_lesions(case.lesions)[1]
    assert field_of_view(case, small, focus_voxel(case, small)) == 40


def test_neighbours_are_drawn_apart():
    case = phantom_case()  # lesions 2 and 3 touch
    alone = replace(
        case, lesions=case.lesions.with_data(np.where(case.lesions.data == 2, 2, 0).astype(np.int32))
    )
    together, single = montage_of(case, 2).panels[0], montage_of(alone, 2).panels[0]
    assert together.outline == single.outline
    assert together.neighbours
    assert not single.neighbours
