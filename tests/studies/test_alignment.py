import numpy as np
import pytest

from qsmrim_app.records import Volume
from studies.alignment import shrunk


def test_blocks_keep_their_mean_and_their_place():
    affine = np.diag([0.75, 1.0, 3.0, 1.0])
    affine[:3, 3] = 10, 20, 30
    i = np.indices((9, 7, 2))[0].astype(np.float32)
    x = Volume(10 + 0.75 * i, affine)  # its own world coordinate
    small = shrunk(x, 3.0)
    assert small.shape == (2, 2, 2)
    assert small.spacing_mm == pytest.approx((3, 3, 3))
    voxels = np.indices(small.shape).reshape(3, -1)
    world = small.affine[:3, :3] @ voxels + small.affine[:3, 3:]
    assert small.data.reshape(-1) == pytest.approx(world[0], abs=1e-5)


def test_a_coarse_image_stays_as_it_is():
    image = Volume(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.diag([4.0, 4.0, 4.0, 1.0]))
    assert np.array_equal(shrunk(image, 3.0).data, image.data)
