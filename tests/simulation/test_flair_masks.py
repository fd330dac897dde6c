import dataclasses

import numpy as np
import pytest

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.contrast import ScanPlan
from qsmrim_app.simulation.flair_masks import (
    LARGEST_PIECE_MM3,
    LARGEST_SHIFT_MM,
    FlairMaskPlan,
    draw_flair_mask,
    outline_on_flair,
    pieces_on_flair,
)
from qsmrim_app.simulation.lesion_plans import draw_lesion_plans
from qsmrim_app.simulation.lesions import PlacedLesion, place_lesions, signed_depth
from qsmrim_app.simulation.protocols import PAPER
from tests.simulation.anatomies import white_block

STILL = ScanPlan(PAPER, 40, 20, 0, 0, 0, (0, 0, 0), (0, 0, 0), 0)
FAITHFUL = FlairMaskPlan((0, 0, 0), 0.0, 0.0, 0)
FLAIR_MM = (0.75, 0.75, 1.0)


@pytest.fixture(scope="module")
def anatomy():
    return white_block()


@pytest.fixture(scope="module")
def plan():
    drawn = draw_lesion_plans(np.random.default_rng(5), SimulationSettings(lesions_median=50))[0]
    return dataclasses.replace(drawn, flair_growth_mm=0.0)


def _box(plan, *starts_and_stops):
    """A cuboid lesion on the fine grid of the block."""
    shape = np.zeros((80, 80, 60), dtype=bool)
    shape[tuple(slice(*pair) for pair in starts_and_stops)] = True
    depth = signed_depth(shape, FLAIR_MM)
    return PlacedLesion(plan, (slice(0, 80), slice(0, 80), slice(0, 60)), depth, np.zeros(3))


def _center_mm(labels):
    voxels = np.argwhere(labels.data > 0)
    return (voxels @ labels.affine[:3, :3].T + labels.affine[:3, 3]).mean(axis=0)


def test_a_lesion_lies_where_it_is_and_a_shift_moves_it_by_as_much(anatomy, plan):
    lesion = _box(plan, (10, 20), (10, 20), (20, 30))
    labels = outline_on_flair([lesion], anatomy, FAITHFUL, STILL, FLAIR_MM)
    expected = np.array([14.5, 14.5, 24.5]) * FLAIR_MM + anatomy.grid.fine_affine[:3, 3]
    assert _center_mm(labels) == pytest.approx(expected, abs=0.3)
    assert (labels.data > 0).sum() == pytest.approx(1000, rel=0.2)
    moved = dataclasses.replace(FAITHFUL, shift_mm=(1.0, -0.5, 0.8))
    shifted = outline_on_flair([lesion], anatomy, moved, STILL, FLAIR_MM)
    assert _center_mm(shifted) - _center_mm(labels) == pytest.approx((1.0, -0.5, 0.8), abs=0.3)


def test_growth_dilates_and_runs_neighbours_together(anatomy, plan):
    pair = [_box(plan, (10, 20), (10, 20), (20, 30)), _box(plan, (23, 33), (10, 20), (20, 30))]
    counts, sizes = [], []
    for growth in (-0.6, 0.0, 1.2):
        mask = dataclasses.replace(FAITHFUL, growth_mm=growth)
        labels = outline_on_flair(pair, anatomy, mask, STILL, FLAIR_MM)
        counts.append(int(labels.data.max()))
        sizes.append(int((labels.data > 0).sum()))
    assert counts == [2, 2, 1]
    assert sizes == sorted(sizes)


def test_lesions_that_touch_are_cut_apart_where_they_meet(anatomy, plan):
    pair = [_box(plan, (10, 20), (10, 20), (20, 30)), _box(plan, (20, 30), (10, 20), (20, 30))]
    whole = outline_on_flair(pair, anatomy, FAITHFUL, STILL, FLAIR_MM)
    pieces = pieces_on_flair(pair, anatomy, FAITHFUL, STILL, FLAIR_MM)
    assert np.array_equal(pieces.data > 0, whole.data > 0)
    assert [int(whole.data.max()), int(pieces.data.max())] == [1, 2]
    first, second = (np.argwhere(pieces.data == label)[:, 0] for label in (1, 2))
    assert max(first) + 1 == min(second)
    assert len(first) == pytest.approx(len(second), rel=0.15)


def test_a_giant_lesion_is_cut_into_pieces_of_about_the_drawn_size(anatomy, plan):
    giant = _box(plan, (5, 75), (5, 75), (5, 55))  # 138,000 mm3
    whole = outline_on_flair([giant], anatomy, FAITHFUL, STILL, FLAIR_MM)
    pieces = pieces_on_flair([giant], anatomy, FAITHFUL, STILL, FLAIR_MM)
    assert np.array_equal(pieces.data > 0, whole.data > 0)
    sizes_mm3 = np.bincount(pieces.data.ravel())[1:] * np.prod(FLAIR_MM)
    assert LARGEST_PIECE_MM3[0] / 2 < np.median(sizes_mm3) < LARGEST_PIECE_MM3[1]
    assert sizes_mm3.max() < 2.5 * LARGEST_PIECE_MM3[1]
    again = pieces_on_flair([giant], anatomy, FAITHFUL, STILL, FLAIR_MM)
    assert np.array_equal(again.data, pieces.data)


def test_a_mask_stays_in_the_brain_and_specks_are_left_out(anatomy, plan):
    edge = _box(plan, (0, 8), (30, 40), (20, 30))  # the block's brain begins at 3
    speck = _box(plan, (50, 51), (50, 51), (10, 11))
    labels = outline_on_flair([edge, speck], anatomy, FAITHFUL, STILL, FLAIR_MM)
    assert labels.data.max() == 1
    volume = (labels.data > 0).sum() * np.prod(FLAIR_MM)
    assert volume == pytest.approx(5 * 10 * 10 * np.prod(FLAIR_MM), rel=0.2)


def test_errors_are_drawn_within_their_limits(rng):
    drawn = [draw_flair_mask(rng) for _ in range(300)]
    shifts = np.array([np.linalg.norm(plan.shift_mm) for plan in drawn])
    assert shifts.max() <= LARGEST_SHIFT_MM
    assert shifts.max() > 1.3
    growth = np.array([plan.growth_mm for plan in drawn])
    assert (growth < 0).mean() > 0.2
    assert (growth > 0.4).mean() > 0.1


def test_attached_lesions_touch_another_one(anatomy):
    plans = draw_lesion_plans(np.random.default_rng(5), SimulationSettings(lesions_median=200))[:8]
    plans = [
        dataclasses.replace(plan, seed=n, place="deep", volume_mm3=250.0, attached=n > 0)
        for n, plan in enumerate(plans)
    ]
    placed = place_lesions(plans, anatomy)
    labels = outline_on_flair(placed, anatomy, dataclasses.replace(FAITHFUL, growth_mm=0.8), STILL, FLAIR_MM)
    assert labels.data.max() < len(placed) / 2
