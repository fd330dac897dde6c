import numpy as np
import pytest

from qsmrim_app.simulation.susceptibility import dipole_kernel, field_of

SHAPE, SPACING, RADIUS_MM = (96, 96, 64), (1.0, 1.0, 1.5), 9.0


def _sphere(susceptibility):
    axes = [(np.arange(size) - size // 2) * step for size, step in zip(SHAPE, SPACING, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2)
    filled = np.clip((RADIUS_MM - distance) / 1.5 + 0.5, 0, 1)  # voxels at the surface are partly filled
    return (susceptibility * filled).astype(np.float32), (x, y, z), distance


@pytest.mark.parametrize("direction", [(0.0, 0.0, 1.0), (0.6, 0.0, 0.8)])
def test_a_sphere_makes_the_field_of_the_textbook(direction):
    """Outside: chi / 3 (a / r)^3 (3 cos^2 - 1); inside, with the Lorentz sphere removed: none."""
    sphere, (x, y, z), distance = _sphere(100.0)
    field = field_of(sphere, SPACING, direction)
    along = x * direction[0] + y * direction[1] + z * direction[2]
    cosine = along / np.maximum(distance, 1e-6)
    expected = 100 / 3 * (RADIUS_MM / np.maximum(distance, 1)) ** 3 * (3 * cosine**2 - 1)
    outside = (distance > RADIUS_MM + 2) & (distance < 2.2 * RADIUS_MM)
    assert np.abs(field[outside] - expected[outside]).max() < 4
    assert np.abs(field[outside] - expected[outside]).mean() < 1
    assert np.abs(field[distance < RADIUS_MM - 3]).max() < 4


def test_the_field_is_linear_and_follows_the_source():
    sphere, _, _ = _sphere(50.0)
    field = field_of(sphere, SPACING, (0, 0, 1))
    moved = field_of(np.roll(sphere, (3, -2, 1), (0, 1, 2)), SPACING, (0, 0, 1))
    assert np.allclose(field_of(-2 * sphere, SPACING, (0, 0, 1)), -2 * field, atol=1e-3)
    assert np.allclose(moved, np.roll(field, (3, -2, 1), (0, 1, 2)), atol=1.5)  # but for the border


def test_the_kernel_lies_between_minus_two_thirds_and_a_third():
    kernel = dipole_kernel((16, 18, 20), (0.75, 0.75, 3.0), (0.0, 0.0, 1.0))
    assert kernel.shape == (16, 18, 11)
    assert kernel.max() == pytest.approx(1 / 3, abs=1e-6)
    assert kernel.min() == pytest.approx(-2 / 3, abs=1e-6)
    assert kernel[0, 0, 0] == 0
