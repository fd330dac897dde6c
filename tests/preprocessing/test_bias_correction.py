"""A bias field that was put in is taken out, the same way every time."""

import numpy as np
import pytest

from qsmrim_app.errors import GridMismatchError, InputError
from qsmrim_app.preprocessing.bias_correction import correct_bias
from qsmrim_app.records import Volume
from tests import phantoms
from tests.preprocessing.sessions import itk_threads


@pytest.fixture(scope="module")
def head():
    return phantoms.draw_head(phantoms.flair_grid(), lesions=())


def _biased(image):
    i, j, _ = np.meshgrid(*[np.linspace(-1, 1, n) for n in image.shape], indexing="ij")
    field = np.exp(0.3 * i + 0.2 * j**2).astype(np.float32)
    return image.with_data(image.data * field), field


def test_a_known_field_is_taken_out_and_twice_the_same(head):
    biased, field = _biased(head.flair)
    brain = head.brain_mask.data
    corrected = correct_bias(biased, head.brain_mask, 4)
    unbiased = correct_bias(head.flair, head.brain_mask, 4)  # the phantom's own pattern loses some, too
    left = np.log(corrected.data[brain] / unbiased.data[brain])
    assert corrected.data.dtype == np.float32
    assert np.log(field[brain]).std() > 0.09
    assert left.std() < 0.02
    with itk_threads(3):
        again = correct_bias(biased, head.brain_mask, 4)
    np.testing.assert_array_equal(corrected.data, again.data)


def test_field_has_no_gain_of_its_own(head):
    corrected = correct_bias(head.flair, head.brain_mask, 4)
    brain = head.brain_mask.data
    assert np.log(corrected.data[brain] / head.flair.data[brain]).mean() == pytest.approx(0, abs=1e-5)


def test_an_empty_mask_is_an_error(head):
    with pytest.raises(InputError, match="no voxel above 0"):
        correct_bias(head.flair, head.brain_mask.with_data(~np.ones(head.flair.shape, dtype=bool)), 4)


def test_mask_of_another_grid(head):
    with pytest.raises(GridMismatchError):
        correct_bias(head.flair, Volume(np.ones((3, 3, 3), dtype=bool), np.eye(4)), 4)
