import numpy as np
import pytest

from qsmrim_app.simulation.veins import STEP_MM, BloodDrops, VeinPlan, blood_fraction, grow_veins, thicken
from tests.simulation.anatomies import white_block


def test_no_blood_is_lost_on_the_grid():
    drops = BloodDrops(np.array([[3.3, 4.0, 5.9], [2.0, 2.0, 2.0]]), np.array([0.1, 0.2]))
    fraction = blood_fraction(drops, (8, 9, 10), (0.75, 0.75, 1.0))
    assert fraction.sum() * 0.75 * 0.75 == pytest.approx(0.3)
    assert fraction[2, 2, 2] == pytest.approx(0.2 / 0.5625)


def test_a_voxel_holds_no_more_blood_than_itself():
    drops = BloodDrops(np.full((5, 3), 2.0), np.full(5, 1.0))
    assert blood_fraction(drops, (5, 5, 5), (1, 1, 1)).max() == 1


def test_a_vein_has_the_volume_of_its_tube():
    path = np.stack([np.arange(50) * STEP_MM, np.zeros(50), np.zeros(50)], axis=1)
    drops = thicken(np.random.default_rng(0), path, np.full(50, 0.4), (1, 1, 1))
    assert drops.volumes_mm3.sum() == pytest.approx(np.pi * 0.4**2 * 50 * STEP_MM)


def test_veins_stay_in_the_brain_and_follow_their_seed():
    anatomy = white_block()
    plan = VeinPlan(20, 20, (0.2, 0.5), (0.3, 0.8), 300.0, seed=3)
    one, two = grow_veins(plan, anatomy), grow_veins(plan, anatomy)
    assert np.array_equal(one.points_vox, two.points_vox)
    inside = anatomy.brain[tuple(np.clip(np.rint(one.points_vox).astype(int), 0, 59).T)]
    assert inside.mean() > 0.95
