"""Intensities without the scanner's scale, susceptibility without its reference."""

import numpy as np
import pytest

from qsmrim_app.images import relative_to_median, robust_z_score
from qsmrim_app.records import Volume


def _volumes(values, inside):
    image = Volume(np.asarray(values, dtype=np.float32).reshape(1, 1, -1), np.eye(4))
    return image, image.with_data(np.asarray(inside, dtype=bool).reshape(1, 1, -1))


def test_median_and_mad_of_the_mask_alone():
    image, mask = _volumes([1, 2, 3, 4, 5, 999], [1, 1, 1, 1, 1, 0])
    expected = (np.array([1, 2, 3, 4, 5]) - 3) / 1.4826
    np.testing.assert_allclose(robust_z_score(image, mask).data[0, 0], [*expected, 0], rtol=1e-6)


def test_scale_and_offset_of_the_scanner_cancel(rng):
    image, mask = _volumes(rng.normal(size=500), rng.random(500) < 0.8)
    other = image.with_data(image.data * 37 + 900)
    np.testing.assert_allclose(robust_z_score(other, mask).data, robust_z_score(image, mask).data, atol=1e-3)


def test_a_normal_distribution_becomes_a_standard_one(rng):
    image, mask = _volumes(rng.normal(50, 8, size=200_000), np.ones(200_000))
    assert robust_z_score(image, mask).data.std() == pytest.approx(1, abs=0.01)


def test_what_an_image_does_not_cover_has_no_say_in_its_scale(rng):
    values = rng.normal(50, 8, size=1000)
    whole, mask = _volumes(values, np.ones(1000))
    values[600:] = 0
    part, _ = _volumes(values, np.ones(1000))
    scores = robust_z_score(part, mask).data[0, 0]
    np.testing.assert_allclose(scores[:600], robust_z_score(whole, mask).data[0, 0, :600], atol=0.15)
    assert not scores[600:].any()
    values[:] = rng.normal(50, 8, size=1000)
    values[990:] = 0  # dark tissue
    assert (robust_z_score(_volumes(values, np.ones(1000))[0], mask).data[0, 0, 990:] < -4).all()


@pytest.mark.parametrize("inside", [[0, 0, 0], [1, 1, 1]], ids=["empty mask", "constant image"])
def test_without_spread_the_score_is_zero(inside):
    image, mask = _volumes([7, 7, 7], inside)
    scores = robust_z_score(image, mask)
    assert scores.data.dtype == np.float32
    assert not scores.data.any()


def test_the_reference_of_a_susceptibility_map_cancels():
    image, mask = _volumes([5, 7, 30, 0, 9, 100], [1, 1, 1, 1, 0, 0])
    expected = [-2, 0, 23, 0, 0, 0]  # the median of 5, 7, 30; what is exactly 0 was never measured
    np.testing.assert_array_equal(relative_to_median(image, mask).data[0, 0], expected)
    shifted = image.with_data(np.where(image.data != 0, image.data + 40, 0))
    np.testing.assert_allclose(relative_to_median(shifted, mask).data, relative_to_median(image, mask).data)


def test_a_map_without_any_value_in_the_mask_stays_as_it_is():
    image, mask = _volumes([0, 0, 9], [1, 1, 0])
    np.testing.assert_array_equal(relative_to_median(image, mask).data, image.data)
