"""Which volumes share a grid, and grids with another voxel size."""

import numpy as np
import pytest

from qsmrim_app.errors import GridMismatchError
from qsmrim_app.images import grid_with_spacing, require_same_grid, same_grid
from qsmrim_app.records import Volume
from tests import phantoms


def _volume(
    shape=(10, 10, 10), shift=(0.0, 0.0, 0.0), spacing=(1.0, 1.0, 1.0), angles=(0.0, 0.0, 0.0)
) -> Volume:
    affine = phantoms.centred_affine(shape, spacing, angles)
    affine[:3, 3] += shift
    return Volume(np.zeros(shape, dtype=np.float32), affine)


def test_a_shift_counts_from_a_hundredth_of_a_millimetre():
    assert same_grid(_volume(), _volume(shift=(0.009, 0, 0)))
    assert not same_grid(_volume(), _volume(shift=(0.011, 0, 0)))


def test_a_small_error_of_spacing_adds_up_to_the_far_corner():
    assert not same_grid(_volume((400, 10, 10)), _volume((400, 10, 10), spacing=(1.0001, 1, 1)))


def test_shape_and_flips_count():
    flipped = Volume(np.zeros((10, 10, 10)), np.diag([-1.0, 1, 1, 1]))
    assert not same_grid(_volume(), _volume((10, 10, 9)))
    assert not same_grid(_volume(), flipped)


def test_mismatch_says_what_should_agree():
    with pytest.raises(GridMismatchError, match="lesions and QSM of sub-01"):
        require_same_grid(_volume(), _volume((9, 10, 10)), "lesions and QSM of sub-01")
    require_same_grid(_volume(), _volume(), "x")


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), phantoms.OBLIQUE_DEG])
def test_other_spacing_keeps_the_outer_face(angles):
    volume = _volume((10, 8, 6), spacing=(1.0, 1.5, 2.0), angles=angles)
    grid = grid_with_spacing(volume, (0.5, 0.75, 3.0))
    assert grid.shape == (20, 16, 4)
    assert grid.spacing_mm == pytest.approx((0.5, 0.75, 3.0))
    faces = [item.affine @ [-0.5, -0.5, -0.5, 1] for item in (volume, grid)]
    np.testing.assert_allclose(*faces, atol=1e-12)
    far = [item.affine @ [*(np.array(item.shape) - 0.5), 1] for item in (volume, grid)]
    np.testing.assert_allclose(*far, atol=1e-9)


def test_part_of_a_voxel_is_covered():
    assert grid_with_spacing(_volume((10, 10, 10)), (3.0, 3.0, 30.0)).shape == (4, 4, 1)


def test_the_same_spacing_gives_the_same_grid():
    volume = _volume((10, 8, 6), spacing=(0.75, 0.75, 3.0), angles=phantoms.OBLIQUE_DEG)
    assert same_grid(grid_with_spacing(volume, (0.7504, 0.75, 3.0)), volume)
    assert not same_grid(grid_with_spacing(volume, (0.76, 0.75, 3.0)), volume)
