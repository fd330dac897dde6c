import numpy as np
import pytest
from scipy import fft

from qsmrim_app.simulation.inversion import STEEPEST, InversionPlan, invert_field
from qsmrim_app.simulation.random_fields import smooth_field
from qsmrim_app.simulation.susceptibility import dipole_kernel, field_of, padded_shape

SHAPE, SPACING, B0 = (48, 52, 24), (1.0, 1.0, 2.0), (0.0, 0.1, 0.995)


def _source():
    """A smooth map that ends before the border, so that all of its field is seen."""
    window = np.ones(SHAPE, dtype=np.float32)
    for axis, size in enumerate(SHAPE):
        taper = np.hanning(size).astype(np.float32)
        window *= taper.reshape([-1 if a == axis else 1 for a in range(3)])
    return 60 * window * smooth_field(np.random.default_rng(1), SHAPE, SPACING, 3.0)


@pytest.mark.parametrize(
    ("method", "strength", "correlation"),
    [
        ("closed-form", 0.003, 0.95),
        ("truncated", 0.12, 0.9),
        ("total-variation", 0.5, 0.93),
        ("isotropic-total-variation", 0.5, 0.93),
        ("early-stopped", 60, 0.9),
    ],
)
def test_a_smooth_map_comes_back_from_its_field(method, strength, correlation):
    source = _source()
    field = field_of(source, SPACING, B0)
    found = invert_field(field, np.ones(SHAPE, np.float32), InversionPlan(method, strength), SPACING, B0)
    assert found.shape == SHAPE
    assert np.corrcoef(found.ravel(), source.ravel())[0, 1] > correlation
    slope = (found * source).sum() / (source**2).sum()
    assert 0.7 < slope < 1.1
    assert np.corrcoef(field.ravel(), source.ravel())[0, 1] < 0.6  # the inversion did the work


@pytest.mark.parametrize(
    ("method", "weak", "strong"),
    [
        ("closed-form", 1e-3, 0.3),
        ("total-variation", 0.3, 8),
        ("isotropic-total-variation", 0.3, 8),
        ("early-stopped", 120, 6),
    ],
)
def test_more_regularisation_gives_a_smoother_map(method, weak, strong):
    field = field_of(_source(), SPACING, B0)
    magnitude = np.ones(SHAPE, np.float32)
    rough, smooth = (
        np.abs(
            np.diff(invert_field(field, magnitude, InversionPlan(method, strength), SPACING, B0), axis=0)
        ).mean()
        for strength in (weak, strong)
    )
    assert smooth < 0.9 * rough


def test_early_stopping_is_landwebers_iteration():
    """x_n = x_(n-1) + A (b - A x_(n-1)) / 2nd power of the kernel's largest value, from zero."""
    field = field_of(_source(), SPACING, B0)
    padded = padded_shape(SHAPE)
    kernel = dipole_kernel(padded, SPACING, B0) / STEEPEST
    data = fft.rfftn(field, s=padded) / STEEPEST
    spectrum = np.zeros_like(data)
    for _ in range(7):
        spectrum += kernel * (data - kernel * spectrum)
    expected = fft.irfftn(spectrum, s=padded)[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    found = invert_field(field, np.ones(SHAPE, np.float32), InversionPlan("early-stopped", 7), SPACING, B0)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
