from dataclasses import replace

import numpy as np

from qsmrim_app.reports.overlay import N_SLICES, registration_slices
from qsmrim_app.reports.pictures import grey_images
from tests.phantoms import phantom_case
from tests.reports.builders import pixels


def slices_of(case):
    return registration_slices(case, grey_images(case))


def xs(path):
    return np.array([float(piece.split(" ")[0]) for piece in path.split("M")[1:]])


def test_slices_lie_inside_the_brain_from_below_upwards():
    case = phantom_case()
    shown = slices_of(case)
    heights = [one.z_mm for one in shown]
    assert len(shown) == N_SLICES
    assert heights == sorted(heights)
    assert all(case.brain_mask.data[..., one.view.index].any() for one in shown)


def test_the_contour_moves_with_the_flair():
    case = phantom_case(lesions=())
    moved = replace(case, flair=case.flair.with_data(np.roll(case.flair.data, -4, axis=0)))
    middle, shifted = slices_of(case)[2], slices_of(moved)[2]
    assert np.median(xs(shifted.contour)) > np.median(xs(middle.contour)) + 1  # to the patient's left
    assert shifted.qsm_png == middle.qsm_png
    assert shifted.flair_png != middle.flair_png


def test_both_pictures_fill_one_frame():
    for one in slices_of(phantom_case()):
        assert pixels(one.qsm_png).shape == pixels(one.flair_png).shape
        assert (one.view.x_mm, one.view.y_mm) == (0, 0)
        assert one.view.size_mm == (one.view.width_mm, one.view.height_mm)


def test_an_empty_brain_mask_gives_no_contour():
    case = phantom_case(lesions=())
    nothing = case.brain_mask.with_data(np.zeros(case.brain_mask.shape, dtype=bool))
    assert all(one.contour == "" for one in slices_of(replace(case, brain_mask=nothing)))


def test_a_brain_in_one_slice_is_shown_once():
    case = phantom_case(lesions=())
    mask = np.zeros(case.brain_mask.shape, dtype=bool)
    mask[20:40, 20:40, 10] = True
    shown = slices_of(replace(case, brain_mask=case.brain_mask.with_data(mask)))
    assert len({one.view.index for one in shown}) == len(shown)
