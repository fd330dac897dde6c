import numpy as np
import pytest

from qsmrim_app.simulation.contrast import _filter_in_plane, _keep_acquired, fit_field
from qsmrim_app.simulation.protocols import PAPER


def test_the_field_comes_back_from_the_phase_of_the_echoes_through_wraps():
    field = np.array([-300.0, -40.0, 0.0, 15.0, 500.0], dtype=np.float32)  # rad/s; 500 wraps three times
    times = np.array(PAPER.echo_times_s)
    echoes = (np.exp(-20 * times)[:, None] * np.exp(1j * (times[:, None] * field + 0.7))).astype(np.complex64)
    assert np.allclose(fit_field(echoes, times), field, atol=0.05)


@pytest.mark.parametrize("rate_per_s", [15.0, 60.0])
def test_the_noise_of_the_field_is_that_of_the_best_fit(rate_per_s):
    """A weighted line: sigma / sqrt(sum of weight times squared distance to the mean time)."""
    rng = np.random.default_rng(0)
    times = np.array(PAPER.echo_times_s)
    noise = 0.02 * (rng.standard_normal((10, 4000)) + 1j * rng.standard_normal((10, 4000)))
    echoes = np.exp(-rate_per_s * times)[:, None] * np.exp(30j * times[:, None]) + noise
    error = fit_field(echoes.astype(np.complex64), times) - 30
    weight = np.exp(-2 * rate_per_s * times)
    spread = (weight * (times - (weight * times).sum() / weight.sum()) ** 2).sum()
    assert error.std() == pytest.approx(0.02 / np.sqrt(spread), rel=0.1)
    assert abs(error.mean()) < 0.2


def test_what_was_not_acquired_along_j_is_gone_and_the_rest_stays():
    """A wave below the limit passes untouched, one above it vanishes, along i nothing changes."""
    j = np.arange(64)
    slow, fast = (np.cos(2 * np.pi * cycles * j / 64) for cycles in (8, 30))
    image = np.broadcast_to((slow + fast)[None, :, None], (64, 64, 2)).astype(np.complex64)
    kept = _keep_acquired(image, 0.75)
    assert np.allclose(kept[3, :, 1].real, slow, atol=1e-5)
    assert np.allclose(_keep_acquired(image.transpose(1, 0, 2), 0.75), image.transpose(1, 0, 2), atol=1e-5)


def test_the_scanners_filter_damps_fine_detail_in_plane_as_a_raised_cosine():
    i = np.arange(32)
    waves = {cycles: np.cos(2 * np.pi * cycles * i / 32) for cycles in (0, 8, 16)}
    for axis in (0, 1):
        for cycles, expected in ((0, 1.0), (8, 0.5), (16, 0.0)):  # a Hann window at strength 1
            image = np.broadcast_to(waves[cycles][:, None, None], (32, 32, 3)).astype(np.complex64)
            seen = _filter_in_plane(image.swapaxes(0, axis), 1.0).swapaxes(0, axis)
            np.testing.assert_allclose(seen.real, expected * image.real, atol=1e-5)
    noise = np.random.default_rng(0).standard_normal((32, 32, 3)).astype(np.complex64)
    assert _filter_in_plane(noise, 0.0) is noise
