import dataclasses

import numpy as np
import pytest

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.lesion_plans import draw_lesion_plans
from qsmrim_app.simulation.lesion_veins import lesion_veins
from qsmrim_app.simulation.lesions import lesion_contrast, place_lesions, rim_band, signed_depth
from tests.simulation.anatomies import white_block

SPACING = (0.75, 0.75, 1.0)


@pytest.fixture(scope="module")
def anatomy():
    return white_block()


def _plans(n, **changes):
    settings = SimulationSettings(seed=0, lesions_median=200)
    plans = draw_lesion_plans(np.random.default_rng(5), settings)[:n]
    fixed = {"place": "deep", "volume_mm3": 300.0, **changes}
    return [dataclasses.replace(plan, seed=number, **fixed) for number, plan in enumerate(plans)]


def test_depth_is_in_millimetres_and_positive_inside():
    mask = np.zeros((21, 21, 21), dtype=bool)
    mask[5:16, 5:16, 5:16] = True
    depth = signed_depth(mask, (1.0, 1.0, 1.0))
    assert depth[10, 10, 10] == pytest.approx(5.5)
    assert depth[5, 10, 10] == pytest.approx(0.5)
    assert depth[4, 10, 10] == pytest.approx(-0.5)
    assert depth[10, 10, 1] == pytest.approx(-3.5)


@pytest.mark.parametrize("thickness_mm", [0.75, 1.5, 2.5])
def test_a_rim_is_as_thick_as_planned(thickness_mm):
    depth = np.linspace(-5, 8, 2601, dtype=np.float32)
    band = rim_band(depth, thickness_mm)
    assert (band > 0.5).sum() * (13 / 2600) == pytest.approx(thickness_mm, abs=0.05)
    assert depth[band > 0.5].min() == pytest.approx(0, abs=0.02)
    assert band[depth < -0.3].max() == 0


def test_lesions_have_their_volume_and_stay_apart_within_the_brain(anatomy):
    placed = place_lesions(_plans(12), anatomy)
    assert len(placed) >= 10
    count = np.zeros(anatomy.grid.fine_shape, dtype=int)
    for lesion in placed:
        inside = lesion.depth_mm > 0
        assert inside.sum() * np.prod(SPACING) == pytest.approx(300, rel=0.45)
        count[lesion.box] += inside
    assert count.max() == 1
    assert not count[~anatomy.brain].any()


def test_a_lesion_without_room_is_left_out(anatomy):
    crowd = _plans(12, volume_mm3=20000.0)
    assert len(place_lesions(crowd, anatomy)) < 12


def test_the_edge_of_a_rim_lesion_is_brighter_than_its_core(anatomy):
    rims = _plans(
        10,
        kind="rim",
        edge_ppb=50.0,
        core_ppb=5.0,
        thickness_mm=1.2,
        gap_share=0.0,
        rim_shift_mm=0.0,
        volume_mm3=800.0,
    )
    rims = [dataclasses.replace(plan, edge_softness_mm=0.6) for plan in rims]
    for lesion in place_lesions(rims, anatomy):
        contrast = lesion_contrast(lesion, SPACING).susceptibility_ppb
        edge = contrast[(lesion.depth_mm > 0.3) & (lesion.depth_mm < 0.9)].mean()
        core = contrast[lesion.depth_mm > 2.2].mean()
        assert edge > core + 20
        assert np.abs(contrast[lesion.depth_mm < -1]).max() < 1


def test_gaps_interrupt_the_stated_share_of_a_rim(anatomy):
    shared = {
        "kind": "rim",
        "edge_ppb": 60.0,
        "core_ppb": 0.0,
        "patch_ppb": 0.0,
        "variation": 0.0,
        "rim_shift_mm": 0.0,
    }
    for share in (0.0, 0.4):
        plans = _plans(8, volume_mm3=800.0, thickness_mm=1.5, gap_share=share, **shared)
        weak = []
        for lesion in place_lesions(plans, anatomy):
            contrast = lesion_contrast(lesion, SPACING).susceptibility_ppb
            weak.append((contrast[(lesion.depth_mm > 0.4) & (lesion.depth_mm < 1.1)] < 30).mean())
        assert np.mean(weak) == pytest.approx(share, abs=0.12)


def test_flair_and_susceptibility_have_their_own_extent(anatomy):
    grown, shrunk = (place_lesions(_plans(1, flair_growth_mm=growth), anatomy)[0] for growth in (1.5, -1.0))
    bright = [(lesion_contrast(lesion, SPACING).flair > 0.3).sum() for lesion in (grown, shrunk)]
    assert bright[0] > 1.5 * bright[1]


def test_veins_run_through_a_lesion_or_along_its_edge(anatomy):
    for along in (False, True):
        plan = _plans(1, vein_through=not along, vein_along=along, volume_mm3=600.0)
        lesion = place_lesions(plan, anatomy)[0]
        (drops,) = lesion_veins(lesion, SPACING)
        distance = np.linalg.norm(drops.points_vox * SPACING - lesion.center_mm, axis=1)
        assert (distance.min() < 1.5) is not along


def test_no_lesion_lies_where_none_may(anatomy):
    barred = np.zeros(anatomy.grid.fine_shape, dtype=bool)
    barred[: barred.shape[0] // 2] = True
    free, kept = (place_lesions(_plans(12), anatomy, where) for where in (None, barred))
    assert any((barred[lesion.box] & (lesion.depth_mm > 0)).any() for lesion in free)
    assert kept
    assert not any((barred[lesion.box] & (lesion.depth_mm > 0)).any() for lesion in kept)
