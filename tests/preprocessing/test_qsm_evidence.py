"""Bright veins and nuclei are found without an atlas, and turn round with the sign."""

import numpy as np
import pytest

from qsmrim_app.preprocessing.plausibility import INVERTED, LEAST_DEEP_GREY_RATIO, LEAST_VEIN_RATIO
from qsmrim_app.preprocessing.qsm_evidence import measure_qsm, vein_ratio
from tests import phantoms
from tests.preprocessing.heads import RADII_MM, draw_adult_head


@pytest.fixture(scope="module")
def head():
    return draw_adult_head()


@pytest.fixture(scope="module")
def right(head):
    return measure_qsm(head.qsm, head.brain)


def test_a_right_map(right):
    assert right.vein_ratio > LEAST_VEIN_RATIO
    assert right.deep_grey_ratio > LEAST_DEEP_GREY_RATIO
    np.testing.assert_allclose(right.brain_ml, 4 / 3 * np.pi * RADII_MM.prod() / 1000, rtol=0.01)
    assert right.spread_ppb == pytest.approx(17, abs=2)  # noise of 12 ppb, and two tissues


def test_the_wrong_sign_turns_both_ratios_round(head, right):
    wrong = measure_qsm(head.qsm.with_data(-head.qsm.data), head.brain)
    np.testing.assert_allclose(wrong.vein_ratio, 1 / right.vein_ratio, rtol=1e-4)
    np.testing.assert_allclose(wrong.deep_grey_ratio, 1 / right.deep_grey_ratio, rtol=1e-4)
    assert max(wrong.vein_ratio, wrong.deep_grey_ratio) < INVERTED


def test_the_zero_of_the_map_and_its_scale_do_not_matter(head, right):
    other = measure_qsm(
        head.qsm.with_data(np.where(head.brain.data, 1.7 * head.qsm.data + 55, 0)), head.brain
    )
    np.testing.assert_allclose(other.vein_ratio, right.vein_ratio, rtol=1e-3)
    np.testing.assert_allclose(other.deep_grey_ratio, right.deep_grey_ratio, rtol=1e-3)


def test_noise_has_neither_veins_nor_nuclei(right):
    flat = draw_adult_head(veins=False, pallida=False)
    found = measure_qsm(flat.qsm, flat.brain)
    assert 0.7 < found.vein_ratio < 1.5 < right.vein_ratio / 3
    assert 0.7 < found.deep_grey_ratio < LEAST_DEEP_GREY_RATIO


def test_one_bright_side_is_no_pair(head, right):
    one_sided = head.qsm.data.copy()
    one_sided[36:] = draw_adult_head(pallida=False, veins=False).qsm.data[36:]
    found = measure_qsm(head.qsm.with_data(one_sided), head.brain)
    assert found.deep_grey_ratio < 0.6 * right.deep_grey_ratio


def test_the_end_of_the_values_against_the_median():
    values = np.concatenate([np.zeros(990), np.full(5, -10.0), np.full(5, 30.0)])
    assert vein_ratio(values) == pytest.approx(3)


def test_too_little_brain_is_not_judged():
    small = phantoms.draw_head(phantoms.qsm_grid())
    found = measure_qsm(small.qsm, small.brain_mask)
    assert np.isnan(found.vein_ratio)
    assert np.isnan(found.deep_grey_ratio)
    assert found.brain_ml == pytest.approx(43, abs=3)
    nothing = measure_qsm(small.qsm, small.brain_mask.with_data(np.zeros(phantoms.QSM_SHAPE, dtype=bool)))
    assert (nothing.brain_ml, nothing.spread_ppb) == (0, 0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level_ppb", [-600, 600])
def test_calcifications_and_haemorrhages_do_not_decide_on_the_sign(head, sign, level_ppb):
    data = head.qsm.data.copy()
    for side in (-1, 1):  # of 8 mm radius, in front of the nuclei
        where = np.array(head.brain.shape) // 2 + [round(side * 22 / head.qsm.spacing_mm[0]), 0, 0]
        distance = (np.indices(data.shape).T - where) * head.qsm.spacing_mm
        data[(np.linalg.norm(distance, axis=-1) < 8).T] = level_ppb
    found = measure_qsm(head.qsm.with_data(sign * data), head.brain)
    assert found.compact_ml > 10
    ratios = np.array([found.vein_ratio, found.deep_grey_ratio])
    if sign > 0:
        assert (ratios > [LEAST_VEIN_RATIO, LEAST_DEEP_GREY_RATIO]).all()
    else:
        assert (ratios < INVERTED).all()


def test_nothing_is_compact_in_a_map_without_calcifications(right):
    assert right.compact_ml == 0
