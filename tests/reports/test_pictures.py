from dataclasses import replace

import numpy as np
import pytest

from qsmrim_app.records import Volume
from qsmrim_app.reports.pictures import Window, flair_window, grey_images, png_uri, qsm_window
from tests.reports.builders import pixels


def volume(values):
    return Volume(np.array(values, dtype=np.float32).reshape(-1, 1, 1), np.eye(4))


def test_a_window_is_black_at_its_low_end_and_white_at_its_high():
    grey = Window(-100, 150).grey(np.array([-1e6, -100, 25, 150, 1e6], dtype=np.float32))
    assert grey.tolist() == [0, 0, 128, 255, 255]


def test_a_window_of_no_width_divides_by_nothing():
    assert Window(3, 3).grey(np.array([2.0, 4.0])).tolist() == [0, 255]


def test_the_qsm_window_follows_the_median_of_the_measured_brain():
    qsm = volume([-42, -42, -42, 0, 500])
    brain = volume([1, 1, 1, 1, 0]).data.astype(bool)
    assert qsm_window(qsm, qsm.with_data(brain)) == Window(-115, 85)


def test_the_median_of_the_flair_is_grey_so_that_lesions_are_whiter(rng):
    flair = volume(np.concatenate([rng.normal(0, 1, 1000), np.full(5, 5.0)]))
    window = flair_window(flair, flair.with_data(np.ones(flair.shape, dtype=bool)))
    middle, lesion = window.grey(np.array([0.0, 5.0]))
    assert 60 < middle < 140
    assert lesion > 240


def test_windows_of_a_case_without_a_brain_exist(case):
    nothing = case.brain_mask.with_data(np.zeros(case.brain_mask.shape, dtype=bool))
    grey = grey_images(replace(case, brain_mask=nothing))
    assert grey.qsm_window == Window(-75, 125)
    assert grey.flair_window.high > grey.flair_window.low


def test_what_was_not_measured_is_black(case):
    grey = grey_images(case)
    assert (grey.qsm[~case.brain_mask.data] == 0).all()
    assert (grey.flair[~case.brain_mask.data] == 0).all()
    assert grey.qsm[case.brain_mask.data].mean() > 60


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3)])
def test_a_png_keeps_every_value(shape, rng):
    picture = rng.integers(0, 256, size=shape, dtype=np.uint8)
    assert np.array_equal(pixels(png_uri(picture)), picture)
