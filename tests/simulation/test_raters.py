import dataclasses

import numpy as np

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.lesion_plans import draw_lesion_plans
from qsmrim_app.simulation.lesions import place_lesions
from qsmrim_app.simulation.raters import MIN_VOXELS, outline_lesions, rate_rims
from tests.simulation.anatomies import white_block


def _plans(n, **changes):
    plans = draw_lesion_plans(np.random.default_rng(5), SimulationSettings(lesions_median=400))[:n]
    return [dataclasses.replace(plan, seed=number, **changes) for number, plan in enumerate(plans)]


def test_labels_are_int32_without_gaps_and_each_lies_on_its_lesion():
    anatomy = white_block()
    placed = place_lesions(_plans(40, place="deep"), anatomy)
    outlined = outline_lesions(placed, anatomy.grid)
    assert outlined.labels.dtype == np.int32
    assert outlined.labels.shape == anatomy.grid.shape
    sizes = np.bincount(outlined.labels.ravel())[1:]
    assert len(sizes) == len(outlined.lesions)
    assert sizes.min() >= MIN_VOXELS
    assert sizes.max() > 4 * sizes.min()
    for label, lesion in enumerate(outlined.lesions, start=1):
        found = anatomy.grid.affine @ [*np.argwhere(outlined.labels == label).mean(axis=0), 1]
        start = [part.start for part in lesion.box]
        true = anatomy.grid.fine_affine @ [*(np.argwhere(lesion.depth_mm > 0).mean(axis=0) + start), 1]
        assert np.abs(found - true).max() < 2.0


def test_raters_agree_on_strong_rims_and_differ_on_faint_ones():
    shared = {"kind": "rim", "core_ppb": 0.0, "gap_share": 0.0, "thickness_mm": 1.5}
    rng = np.random.default_rng(0)
    strong = rate_rims(rng, _plans(300, edge_ppb=90.0, **shared))
    faint = rate_rims(rng, _plans(300, edge_ppb=15.0, **shared))
    differ = [np.mean([vote.rater1 != vote.rater2 for vote in votes]) for votes in (strong, faint)]
    assert differ[0] < 0.05
    assert differ[1] > 0.25
    assert all(vote.truth for vote in strong + faint)


def test_where_two_raters_agree_they_win_and_else_the_truth_does():
    votes = rate_rims(np.random.default_rng(1), _plans(400))
    for vote in votes:
        assert vote.consensus == (vote.rater1 if vote.rater1 == vote.rater2 else vote.truth)
    assert 0 < sum(vote.rater1 != vote.rater2 for vote in votes) < 60
