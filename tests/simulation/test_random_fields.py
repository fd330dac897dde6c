import numpy as np
import pytest

from qsmrim_app.simulation.random_fields import smooth_field, smooth_step


def test_a_field_has_mean_zero_and_unit_spread():
    field = smooth_field(np.random.default_rng(0), (40, 50, 20), (0.75, 0.75, 1.5), 4.0)
    assert field.shape == (40, 50, 20)
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0, abs=1e-4)
    assert field.std() == pytest.approx(1, abs=1e-4)


def test_the_same_seed_gives_the_same_field_and_another_seed_another():
    one, two, other = (
        smooth_field(np.random.default_rng(seed), (12, 12, 12), (1, 1, 1), 3.0) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("sigma_mm", [2.0, 5.0])
def test_the_width_is_in_millimetres_along_every_axis(sigma_mm):
    """White noise smoothed by sigma correlates as exp(-(d / 2 sigma)^2)."""
    spacing = (1.0, 1.0, 2.0)
    field = smooth_field(np.random.default_rng(3), (90, 90, 60), spacing, sigma_mm)
    for axis, size in enumerate(spacing):
        steps = round(2 * sigma_mm / size)
        one = np.take(field, range(field.shape[axis] - steps), axis=axis)
        two = np.take(field, range(steps, field.shape[axis]), axis=axis)
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] == pytest.approx(np.exp(-1), abs=0.15)


def test_the_smooth_step_runs_from_zero_to_one():
    assert smooth_step(np.array([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist() == [0, 0, 0.5, 1, 1]
