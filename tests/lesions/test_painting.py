"""Values go to lesions by key, never by order."""

import numpy as np
import pytest

from qsmrim_app.errors import UnknownLesionError
from qsmrim_app.lesions.painting import paint_lesions
from qsmrim_app.records import Volume

LABELS = Volume(np.array([[[0, 7, 7], [2, 0, 300]]], dtype=np.int32), np.diag([1.0, 2, 3, 1]))


@pytest.mark.parametrize("order", [(2, 7, 300), (300, 2, 7), (7, 300, 2)])
def test_painting_goes_by_key(order):
    value = {2: 0.25, 7: 0.5, 300: 1.0}
    painted = paint_lesions(LABELS, {label: value[label] for label in order})
    np.testing.assert_array_equal(painted.data, [[[0, 0.5, 0.5], [0.25, 0, 1.0]]])
    np.testing.assert_array_equal(painted.affine, LABELS.affine)
    assert painted.data.dtype == np.float32


def test_class_map_and_background():
    painted = paint_lesions(LABELS, {2: 1, 7: 2, 300: 3, 999: 2}, dtype=np.int32, background=-1)
    np.testing.assert_array_equal(painted.data, [[[-1, 2, 2], [1, -1, 3]]])
    assert painted.data.dtype == np.int32


def test_a_lesion_without_value_is_an_error_that_names_it():
    with pytest.raises(UnknownLesionError, match=r"\[7, 300\]"):
        paint_lesions(LABELS, {2: 0.1})


def test_empty_map():
    empty = LABELS.with_data(np.zeros(LABELS.shape, dtype=np.int32))
    assert not paint_lesions(empty, {}).data.any()


def test_largest_label_costs_no_memory():
    data = np.zeros((2, 2, 2), dtype=np.int32)
    data[1, 1, 1] = 2**31 - 1
    painted = paint_lesions(Volume(data, np.eye(4)), {2**31 - 1: 0.75})
    assert painted.data[1, 1, 1] == 0.75
    assert painted.data.sum() == 0.75
