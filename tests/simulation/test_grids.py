import numpy as np
import pytest

from qsmrim_app.simulation.grids import ScanGrid, parts_for, rigid, rotation


def test_voxels_are_divided_until_no_part_exceeds_a_millimetre():
    assert parts_for((0.75, 0.75, 3.0)) == (1, 1, 3)
    assert parts_for((1.0, 1.0, 1.0)) == (1, 1, 1)
    assert parts_for((1.2, 2.0, 2.1)) == (2, 2, 3)


def test_average_is_the_mean_over_the_parts():
    grid = ScanGrid((2, 1, 2), np.eye(4), (1, 2, 3))
    fine = np.arange(24, dtype=np.float32).reshape(2, 2, 6)
    expected = fine.reshape(2, 1, 2, 2, 3).mean(axis=(2, 4))
    assert np.allclose(grid.average(fine), expected)


def test_a_voxel_lies_at_the_mean_of_its_parts():
    affine = np.eye(4)
    affine[:3, :3] = rotation((10, -5, 20)) * [0.75, 0.75, 3.0]
    affine[:3, 3] = 4, -7, 11
    grid = ScanGrid((5, 6, 7), affine, (1, 2, 3))
    parts = [grid.fine_affine @ [2, 2 * 3 + j, 3 * 4 + k, 1] for j in range(2) for k in range(3)]
    assert np.allclose(np.mean(parts, axis=0), affine @ [2, 3, 4, 1])
    assert grid.fine_spacing_mm == pytest.approx((0.75, 0.375, 1.0))
    assert grid.fine_shape == (5, 12, 21)


def test_a_rigid_motion_keeps_lengths_and_turns_about_x_first():
    assert np.allclose(rotation((90, 0, 90)) @ [0, 1, 0], [0, 0, 1])
    matrix = rigid((3, 4, 5), (1, 2, 3))
    assert np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3))
    assert matrix[:3, 3].tolist() == [1, 2, 3]
