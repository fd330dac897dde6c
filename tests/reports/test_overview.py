import numpy as np

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.reports.overview import COLORS, lesion_projections
from tests.phantoms import phantom_case
from tests.reports.builders import pixels

CLASSES = {1: "rim_positive", 2: "rim_negative", 3: "rim_negative", 4: "rim_positive", 5: "unclassified"}


def projections(classes=CLASSES, **kwargs):
    case = phantom_case(**kwargs)
    lesions = {lesion.index: lesion for lesion in find_lesions(case.lesions)}
    return case, lesion_projections(case, lesions, classes)


def test_rim_positive_lesions_carry_their_number():
    _, shown = projections()
    assert [[mark.label for mark in one.marks] for one in shown] == [[1, 4]] * 3


def test_a_number_stands_on_its_lesion():
    _, shown = projections()
    for one in shown:
        picture = pixels(one.png)
        for mark in one.marks:
            row = int((mark.y_mm - one.view.y_mm) / one.view.spacing_mm[1])
            column = int((mark.x_mm - one.view.x_mm) / one.view.spacing_mm[0])
            assert tuple(picture[row, column]) == COLORS["rim_positive"]


def test_a_lesion_at_the_patients_left_is_drawn_on_the_right():
    _, (axial, coronal, _) = projections({**dict.fromkeys(CLASSES, "unclassified"), 2: "rim_positive"})
    for shown in (axial, coronal):  # lesion 2 lies at x = -9 mm
        columns = np.argwhere((pixels(shown.png) == COLORS["rim_positive"]).all(axis=2))[:, 1]
        assert columns.min() > pixels(shown.png).shape[1] / 2


def test_rim_positive_lies_on_top():
    behind = {1: "rim_positive", 2: "rim_negative", 3: "rim_negative", 4: "rim_positive", 5: "unclassified"}
    case, (axial, *_) = projections(behind)
    expected = (np.isin(case.lesions.data, (1, 4))).any(axis=2).sum()
    assert (pixels(axial.png) == COLORS["rim_positive"]).all(axis=2).sum() == expected


def test_no_lesions_no_marks():
    case = phantom_case(lesions=())
    shown = lesion_projections(case, {}, {})
    assert all(not one.marks for one in shown)
    assert all((pixels(one.png).std(axis=2) == 0).all() for one in shown)  # grey: no colour anywhere
