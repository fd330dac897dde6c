"""Where ITK believes a voxel to be is where the volume says it is."""

import numpy as np
import pytest
import SimpleITK as sitk

from qsmrim_app.errors import InputError
from qsmrim_app.preprocessing.itk_bridge import (
    from_itk,
    is_sheared,
    orthogonal_grid,
    to_itk,
    world_matrix,
)
from qsmrim_app.records import Volume
from tests import phantoms
from tests.preprocessing.sessions import flipped

SHAPE = (4, 5, 6)
LPS = np.array([-1, -1, 1])


def _volume(angles=(10.0, -20.0, 5.0), dtype=np.float32):
    affine = phantoms.centred_affine(SHAPE, (0.75, 1.0, 3.0), angles)
    affine[:3, 3] += (3, -7, 11)
    return Volume(np.arange(120, dtype=dtype).reshape(SHAPE), affine)


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_every_voxel_keeps_its_place_and_value(axis):
    volume = _volume() if axis is None else flipped(_volume(), axis)
    image = to_itk(volume)
    for voxel in [(0, 0, 0), (3, 0, 0), (0, 4, 0), (0, 0, 5), (1, 2, 3)]:
        world = volume.affine[:3, :3] @ voxel + volume.affine[:3, 3]
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(voxel), LPS * world, atol=1e-6)
        assert image[voxel] == volume.data[voxel]


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int16])
def test_there_and_back(dtype):
    volume = flipped(_volume(dtype=dtype), 2)
    back = from_itk(to_itk(volume))
    np.testing.assert_array_equal(back.data, volume.data)
    assert back.data.dtype == dtype
    np.testing.assert_allclose(back.affine, volume.affine, atol=1e-6)


def test_a_motion_in_itk_is_the_same_motion_in_ras():
    transform = sitk.Euler3DTransform()
    transform.SetCenter((5.0, -3.0, 8.0))
    transform.SetRotation(0.1, -0.2, 0.3)
    transform.SetTranslation((1.0, 2.0, 3.0))
    matrix = world_matrix(transform)
    for point in np.array([[0, 0, 0], [10, 20, 30], [-7, 2, 1]]):
        expected = LPS * np.array(transform.TransformPoint((LPS * point).astype(float).tolist()))
        np.testing.assert_allclose(matrix[:3, :3] @ point + matrix[:3, 3], expected, atol=1e-9)


def test_a_sheared_grid_is_refused_and_has_an_orthogonal_neighbour():
    volume = _volume()
    affine = volume.affine.copy()
    affine[:3, 0] += 0.1 * affine[:3, 1]
    sheared = Volume(volume.data, affine)
    with pytest.raises(InputError, match="not perpendicular"):
        to_itk(sheared)
    grid = orthogonal_grid(sheared)
    assert is_sheared(sheared)
    assert not is_sheared(grid)
    middle = (np.array(SHAPE) - 1) / 2
    np.testing.assert_allclose(
        grid.affine[:3, :3] @ middle + grid.affine[:3, 3], affine[:3, :3] @ middle + affine[:3, 3]
    )
    np.testing.assert_allclose(grid.spacing_mm, sheared.spacing_mm)
