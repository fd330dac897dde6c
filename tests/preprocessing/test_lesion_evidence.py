"""Lesions are bright on FLAIR where the map belongs, and nowhere else."""

import numpy as np
import pytest

from qsmrim_app.preprocessing.lesion_evidence import measure_lesions
from tests.preprocessing.heads import draw_adult_head


@pytest.fixture(scope="module")
def head():
    return draw_adult_head()


def test_the_contrast_is_that_of_the_medians_in_robust_standard_deviations(head):
    score = head.flair.data[head.brain.data]
    spread = 1.4826 * np.median(np.abs(score - np.median(score)))
    found = measure_lesions(head.flair, head.lesions, head.brain)
    assert found.flair_contrast == pytest.approx(60 / spread, rel=0.05)
    assert found.brain_share == pytest.approx((head.lesions.data > 0).sum() / head.brain.data.sum())


def test_the_share_of_the_brain_that_the_flair_covers(head):
    assert measure_lesions(head.flair, head.lesions, head.brain).covered_share == 1
    half = head.flair.data.copy()
    half[:, :, : half.shape[2] // 2] = 0
    found = measure_lesions(head.flair.with_data(half), head.lesions, head.brain)
    kept = head.brain.data[:, :, half.shape[2] // 2 :].sum()
    assert found.covered_share == pytest.approx(kept / head.brain.data.sum())


def test_on_a_t1w_the_lesions_are_dark(head):
    assert measure_lesions(head.t1w, head.lesions, head.brain).flair_contrast < -2


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_displaced_map_shows_no_contrast(head, axis):
    moved = head.lesions.with_data(np.roll(head.lesions.data, 10, axis))
    assert abs(measure_lesions(head.flair, moved, head.brain).flair_contrast) < 0.5


def test_scale_and_offset_of_the_flair_do_not_matter(head):
    other = head.flair.with_data(3 * head.flair.data + 17)
    one, two = (measure_lesions(image, head.lesions, head.brain) for image in (head.flair, other))
    assert two.flair_contrast == pytest.approx(one.flair_contrast, rel=1e-4)


@pytest.mark.parametrize("n_voxels", [0, 6])  # 6 voxels: 48 mm3
def test_too_little_lesion_is_not_judged(head, n_voxels):
    few = np.zeros_like(head.lesions.data)
    few[30 : 30 + n_voxels, 44, 34] = 1
    found = measure_lesions(head.flair, head.lesions.with_data(few), head.brain)
    assert np.isnan(found.flair_contrast)
    assert found.brain_share == n_voxels / head.brain.data.sum()
