"""Resampling: exact where it can be, and no label appears or moves."""

import numpy as np
import pytest

from qsmrim_app.images import grid_with_spacing
from qsmrim_app.preprocessing.resampling import resample_image, resample_labels
from qsmrim_app.records import Volume
from tests import phantoms


def _volume(data, spacing=(1.0, 1.0, 1.0), angles=(0.0, 0.0, 0.0)) -> Volume:
    data = np.asarray(data)
    return Volume(data, phantoms.centred_affine(data.shape, spacing, angles))


def _shift(*millimetres) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = millimetres
    return matrix


@pytest.fixture
def labels(rng) -> Volume:
    """Blocks of 3 x 3 x 3 voxels with labels up to 2**31 - 1, separated by background."""
    data = np.zeros((16, 16, 16), dtype=np.int32)
    for label, corner in zip(
        [1, 2, 300, 2**31 - 1], [(2, 2, 2), (8, 2, 2), (2, 8, 8), (10, 10, 10)], strict=True
    ):
        data[tuple(slice(c, c + 3) for c in corner)] = label
    return _volume(data)


# ---- images ----
def test_on_its_own_grid_an_image_is_untouched(rng):
    image = _volume(rng.normal(size=(5, 6, 7)).astype(np.float32), angles=phantoms.OBLIQUE_DEG)
    assert resample_image(image, image).data is image.data


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.8, 1.1, 2.6), (2.0, 2.0, 4.0), (3.0, 1.0, 1.0)])
def test_a_constant_image_stays_constant_up_to_its_faces(spacing):
    image = _volume(np.full((12, 12, 12), 7.5, dtype=np.float32), angles=phantoms.OBLIQUE_DEG)
    resampled = resample_image(image, grid_with_spacing(image, spacing))
    assert resampled.data.dtype == np.float32
    np.testing.assert_allclose(resampled.data, 7.5, rtol=1e-6)


@pytest.mark.parametrize("spacing", [(0.75, 0.75, 3.0), (0.5, 1.25, 2.0), (2.0, 2.0, 2.0)])
def test_a_linear_ramp_stays_linear(spacing):
    """Trilinear interpolation and the average over a symmetric voxel are both exact on a ramp."""
    image = _volume(np.zeros((20, 20, 20), dtype=np.float32))
    ramp = _ramp(image)
    resampled = resample_image(image.with_data(ramp.astype(np.float32)), grid_with_spacing(image, spacing))
    inner = (slice(3, -3), slice(3, -3), slice(2, -2))
    np.testing.assert_allclose(resampled.data[inner], _ramp(resampled)[inner], atol=1e-4)


def _ramp(grid: Volume) -> np.ndarray:
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    world = voxels @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    return world @ np.array([1.0, -2.0, 0.5]) + 3


def test_a_motion_takes_grid_points_to_source_points(rng):
    image = _volume(rng.normal(size=(8, 8, 8)).astype(np.float32), spacing=(1.0, 2.0, 3.0))
    moved = resample_image(image, image, _shift(1.0, -2.0, 3.0))  # one voxel along each axis
    expected = np.zeros_like(image.data)
    expected[:-1, 1:, :-1] = image.data[1:, :-1, 1:]
    np.testing.assert_allclose(moved.data, expected, atol=1e-6)


def test_thick_slices_are_averages_of_thin_ones(rng):
    image = _volume(rng.normal(size=(4, 4, 12)).astype(np.float32))
    thick = resample_image(image, grid_with_spacing(image, (1.0, 1.0, 3.0)))
    np.testing.assert_allclose(thick.data, image.data.reshape(4, 4, 4, 3).mean(axis=3), atol=1e-6)


def test_outside_the_source_is_zero():
    image = _volume(np.ones((4, 4, 4), dtype=np.float32))
    assert not resample_image(image, image, _shift(10.0, 0, 0)).data.any()


# ---- labels ----
def test_on_their_own_grid_labels_are_untouched(labels):
    assert resample_labels(labels, labels).data is labels.data


@pytest.mark.parametrize("shift", [(1, 0, 0), (0, -1, 0), (0, 0, 2), (1, 1, -1)])
def test_a_shift_by_whole_voxels_is_exact(labels, shift):
    moved = resample_labels(labels, labels, _shift(*shift))
    np.testing.assert_array_equal(moved.data, np.roll(labels.data, [-s for s in shift], (0, 1, 2)))
    assert moved.data.dtype == np.int32


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (7.0, -4.0, 11.0)])
@pytest.mark.parametrize("spacing", [(0.6, 0.6, 0.6), (0.75, 0.75, 2.0), (1.3, 1.3, 1.3)])
def test_no_label_arises_and_none_is_lost(labels, spacing, angles):
    grid = grid_with_spacing(labels, spacing)
    moved = resample_labels(labels, grid, phantoms.rigid(angles, (0.3, -0.2, 0.4)))
    assert set(np.unique(moved.data)) == set(np.unique(labels.data))


@pytest.mark.parametrize("spacing", [(0.6, 0.6, 0.6), (0.75, 0.75, 3.0), (1.3, 1.3, 1.3)])
def test_lesions_neither_grow_nor_shrink_on_average(rng, spacing):
    """A ball of 5 mm at random places: the mean volume on the other grid is its volume."""
    distance = np.linalg.norm(np.indices((16, 16, 16)) - 7.5, axis=0)
    ball = _volume((distance <= 5).astype(np.int32))
    grid = grid_with_spacing(ball, spacing)
    volumes = [
        (resample_labels(ball, grid, _shift(*rng.uniform(-1.5, 1.5, 3))).data > 0).sum()
        * grid.voxel_volume_mm3
        for _ in range(20)
    ]
    assert np.mean(volumes) == pytest.approx(ball.data.sum(), rel=0.05)


def test_a_finer_grid_repeats_every_label_up_to_the_faces():
    data = np.arange(1, 28, dtype=np.int32).reshape(3, 3, 3)
    volume = _volume(data)
    fine = resample_labels(volume, grid_with_spacing(volume, (0.5, 0.5, 0.5)))
    np.testing.assert_array_equal(fine.data, data.repeat(2, 0).repeat(2, 1).repeat(2, 2))


def test_three_hundred_lesions_keep_their_numbers():
    data = np.zeros((20, 30, 8), dtype=np.int32)
    data[::2, ::2, ::4] = np.arange(1, 301).reshape(10, 15, 2)
    volume = _volume(data)
    fine = resample_labels(volume, grid_with_spacing(volume, (0.5, 0.5, 0.5)))
    assert set(np.unique(fine.data)) == set(range(301))
    np.testing.assert_array_equal(np.bincount(fine.data.ravel())[1:], 8)


def _onto_one_voxel(*parts) -> int:
    """Label of one voxel of 4 mm that four source voxels of 1 mm fill along i."""
    source = _volume(np.array(parts, dtype=np.int32).reshape(4, 1, 1))
    grid = Volume(np.zeros((1, 1, 1), dtype=bool), np.diag([4.0, 1, 1, 1]))
    return int(resample_labels(source, grid).data[0, 0, 0])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((9, 9, 0, 0), 9),  # a lesion that ties with background keeps the voxel
        ((9, 0, 0, 0), 0),
        ((5, 5, 3, 3), 3),  # the smaller of two that tie
        ((3, 5, 5, 5), 5),
        ((9, 9, 5, 0), 9),
        ((0, 0, 3, 5), 0),  # background is the largest share
        ((7, 0, 7, 0), 7),
    ],
)
def test_the_largest_share_wins(parts, expected):
    assert _onto_one_voxel(*parts) == expected


def test_empty_labels_stay_empty(labels):
    empty = labels.with_data(np.zeros_like(labels.data))
    assert not resample_labels(empty, grid_with_spacing(labels, (0.7, 0.7, 0.7))).data.any()


def test_swapping_two_labels_swaps_them_in_the_result(labels):
    grid = grid_with_spacing(labels, (0.75, 0.75, 2.0))
    motion = phantoms.rigid((3.0, 2.0, -4.0), (0.2, 0.1, 0.0))
    plain = resample_labels(labels, grid, motion).data
    swapped = labels.with_data(
        np.where(labels.data == 1, 2, np.where(labels.data == 2, 1, labels.data)).astype(np.int32)
    )
    result = resample_labels(swapped, grid, motion).data
    np.testing.assert_array_equal(result == 1, plain == 2)
    np.testing.assert_array_equal(result == 300, plain == 300)
