"""Mutual information and Dice against values known by hand."""

import numpy as np
import pytest

from qsmrim_app.preprocessing.similarity import dice, mutual_information


def test_of_an_image_with_itself_it_is_the_entropy():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 1000)
    assert mutual_information(values, values) == pytest.approx(np.log(4))


def test_a_one_to_one_change_of_contrast_changes_nothing():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], 1000)
    assert mutual_information(values, np.take([5.0, -2.0, 9.0, 0.0], values.astype(int))) == pytest.approx(
        np.log(4)
    )


def test_of_independent_images_it_is_0():
    one, other = (axis.ravel() for axis in np.meshgrid(np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50)))
    assert mutual_information(one, other) == pytest.approx(0, abs=1e-12)


def test_two_binary_images_that_agree_in_three_of_four():
    one = np.repeat([0.0, 0.0, 1.0, 1.0], [3000, 1000, 1000, 3000])
    other = np.repeat([0.0, 1.0, 0.0, 1.0], [3000, 1000, 1000, 3000])
    expected = 2 * 0.375 * np.log(0.375 / 0.25) + 2 * 0.125 * np.log(0.125 / 0.25)
    assert mutual_information(one, other) == pytest.approx(expected)


def test_a_handful_of_voxels_says_nothing():
    assert mutual_information(np.arange(10.0), np.arange(10.0)) == 0


def test_dice():
    one = np.array([True, True, True, False])
    assert dice(one, one) == 1
    assert dice(one, ~one) == 0
    assert dice(one, np.array([True, False, False, False])) == pytest.approx(0.5)
    assert dice(~one & one, ~one & one) == 0
