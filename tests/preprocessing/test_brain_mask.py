"""The brain is found from a masked QSM, or from a magnitude."""

import numpy as np
import pytest

from qsmrim_app.preprocessing.brain_mask import (
    carry_mask,
    is_masked,
    mask_from_intensity,
    mask_from_support,
    widen,
)
from qsmrim_app.preprocessing.similarity import dice
from qsmrim_app.records import Volume
from tests import phantoms


@pytest.fixture(scope="module")
def head():
    return phantoms.draw_head(phantoms.qsm_grid(oblique=True))


def test_support_is_filled_closed_and_in_one_piece(head):
    qsm = head.qsm.data.copy()
    qsm[30:34, 30:34, 8:12] = 0  # a hole in 3-D
    qsm[25:28, 25:28, :] = 0  # a tunnel through every slice
    qsm[2:4, 2:4, 2:4] = 50  # rubbish far from the head
    found = mask_from_support(head.qsm.with_data(qsm))
    assert found.data.dtype == bool
    assert found.data[30:34, 30:34, 8:12].all()
    assert found.data[26, 26, 10]
    assert not found.data[2:4, 2:4, 2:4].any()
    assert dice(found.data, head.brain_mask.data) > 0.99


def test_whether_a_qsm_is_masked(head):
    assert is_masked(head.qsm)
    assert not is_masked(head.qsm.with_data(head.qsm.data + 1e-3))


@pytest.mark.parametrize("image", ["magnitude", "flair"])
def test_brain_by_intensity(head, image):
    assert dice(mask_from_intensity(getattr(head, image)).data, head.brain_mask.data) > 0.95


def test_a_constant_image_gives_no_brain():
    assert not mask_from_intensity(Volume(np.full((9, 9, 9), 7.0, dtype=np.float32), np.eye(4))).data.any()


def test_widen_counts_millimetres():
    data = np.zeros((11, 11, 11), dtype=bool)
    data[5, 5, 5] = True
    wide = widen(Volume(data, np.diag([1.0, 2.0, 5.0, 1.0])), 4.0)
    assert wide.data[:, 5, 5].sum() == 9
    assert wide.data[5, :, 5].sum() == 5
    assert wide.data[5, 5, :].sum() == 1


def test_a_mask_is_carried_by_more_than_half():
    mask = Volume(np.zeros((8, 1, 1), dtype=bool), np.eye(4))
    mask.data[2:5] = True
    coarse = np.diag([2.0, 1.0, 1.0, 1.0])
    coarse[0, 3] = 0.5  # its voxels hold the fine voxels (0, 1), (2, 3), (4, 5), (6, 7)
    carried = carry_mask(mask, Volume(np.zeros((4, 1, 1), dtype=bool), coarse))
    assert carried.data.ravel().tolist() == [False, True, False, False]
