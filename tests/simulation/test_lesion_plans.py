import dataclasses

import numpy as np
import pytest

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.lesion_plans import RIM_VOLUME_RANGE_MM3, draw_lesion_plans


def _cohort(settings, n):
    return [draw_lesion_plans(np.random.default_rng([settings.seed, k]), settings) for k in range(n)]


@pytest.fixture(scope="module")
def cohort():
    return _cohort(SimulationSettings(seed=1), 300)


def test_counts_and_volumes_are_those_of_patients(cohort):
    counts = [len(plans) for plans in cohort]
    volumes = [plan.volume_mm3 for plans in cohort for plan in plans]
    assert 20 < np.median(counts) < 28
    assert 45 < np.median(volumes) < 90
    assert 0.005 < (np.array(volumes) > 2000).mean() < 0.05  # the tail of real volumes
    assert min(counts) >= 1


def test_rims_are_as_frequent_as_asked_and_gather_in_few_participants(cohort):
    rims = np.array([sum(plan.is_rim for plan in plans) for plans in cohort])
    assert rims.sum() / sum(map(len, cohort)) == pytest.approx(0.0425, abs=0.012)
    assert 0.5 < (rims == 0).mean() < 0.7
    assert rims.var() > 2 * rims.mean()  # Poisson counts would have equal mean and variance


def test_rim_lesions_are_larger_but_not_huge(cohort):
    rim = [plan.volume_mm3 for plans in cohort for plan in plans if plan.is_rim]
    other = [plan.volume_mm3 for plans in cohort for plan in plans if not plan.is_rim]
    assert np.median(rim) > 2 * np.median(other)
    assert max(other) > 10000
    assert RIM_VOLUME_RANGE_MM3[0] <= min(rim) <= max(rim) <= RIM_VOLUME_RANGE_MM3[1]


def test_rims_run_continuously_from_faint_to_strong_within_the_published_thickness(cohort):
    rims = [plan for plans in cohort for plan in plans if plan.is_rim]
    edges = np.array([plan.edge_ppb for plan in rims])
    assert edges.min() < 35
    assert edges.max() > 120
    assert np.diff(np.sort(edges)).max() < 20
    assert all(0.75 <= plan.thickness_mm <= 2.5 for plan in rims)


def test_a_demonstration_has_a_rim_in_everyone():
    settings = SimulationSettings(seed=4, guarantee_rim=True)
    assert all(any(plan.is_rim for plan in plans) for plans in _cohort(settings, 100))
    few = dataclasses.replace(settings, lesions_median=1.0)
    assert all(any(plan.is_rim for plan in plans) for plans in _cohort(few, 50))
