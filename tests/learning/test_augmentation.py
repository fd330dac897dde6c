import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from qsmrim_app.learning import augmentation
from qsmrim_app.learning.augmentation import (
    AugmentationParameters,
    augment,
    blur_matrices,
    change_intensities,
    draw_parameters,
)
from qsmrim_app.settings import AugmentationSettings

SHAPE = (12, 10, 8)
SPACING_MM = (0.75, 0.9, 3.0)


def _parameters(n, flip=(1, 1, 1), scale=1.0, rotation_deg=(0, 0, 0), blur=(0, 0, 0)):
    return AugmentationParameters(
        flip=torch.tensor([flip] * n, dtype=torch.float32),
        scale=torch.full((n,), scale),
        rotation_rad=torch.deg2rad(torch.tensor([rotation_deg] * n, dtype=torch.float32)),
        blur_sd_vox=torch.tensor([blur] * n, dtype=torch.float32),
        qsm_gain=torch.ones(n),
        qsm_offset_ppb=torch.zeros(n),
        flair_gain=torch.ones(n),
    )


def _by_scipy(volume, row, parameters):
    """Flip, one affine, blur: one volume, by scipy."""
    for axis in range(3):
        if parameters.flip[row, axis] < 0:
            volume = np.flip(volume, axis)
    turn = Rotation.from_euler("xyz", parameters.rotation_rad[row].numpy()).as_matrix()
    forward = float(parameters.scale[row]) * turn  # millimetres to millimetres
    spacing = np.diag(SPACING_MM)
    matrix = np.linalg.inv(spacing) @ np.linalg.inv(forward) @ spacing
    center = (np.array(volume.shape) - 1) / 2
    moved = ndimage.affine_transform(
        volume, matrix, center - matrix @ center, order=1, mode="grid-constant", cval=0
    )
    return ndimage.gaussian_filter(moved, parameters.blur_sd_vox[row].numpy(), mode="constant", truncate=4)


def test_equals_scipy_for_samples_with_different_parameters(rng):
    patches = rng.normal(size=(6, 2, *SHAPE)).astype(np.float32)
    settings = AugmentationSettings(rotation_deg=(-40, 40), scale=(0.7, 1.4))
    parameters = draw_parameters(6, settings, torch.Generator().manual_seed(3))
    assert len(torch.unique(parameters.flip, dim=0)) > 2
    found = augment(torch.from_numpy(patches), parameters, SPACING_MM).numpy()
    for row in range(6):
        for channel in range(2):
            expected = _by_scipy(patches[row, channel].astype(np.float64), row, parameters)
            np.testing.assert_allclose(found[row, channel], expected, atol=1e-4)


def test_nothing_drawn_nothing_changed(rng):
    patches = torch.from_numpy(rng.normal(size=(2, 2, *SHAPE)).astype(np.float32))
    torch.testing.assert_close(augment(patches, _parameters(2), SPACING_MM), patches, atol=1e-5, rtol=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flip_mirrors_its_axis(axis, rng):
    patches = torch.from_numpy(rng.normal(size=(1, 2, *SHAPE)).astype(np.float32))
    flip = [1, 1, 1]
    flip[axis] = -1
    found = augment(patches, _parameters(1, flip=flip), SPACING_MM)
    torch.testing.assert_close(found, patches.flip(2 + axis), atol=1e-5, rtol=0)


def test_a_rotation_is_one_in_millimetres():
    patches = torch.zeros(1, 1, 9, 9, 9)
    patches[0, 0, 4, 8, 4] = 1  # 4 voxels of 0.75 mm along j
    found = augment(patches, _parameters(1, rotation_deg=(90, 0, 0)), (0.75, 0.75, 3.0))
    assert np.unravel_index(int(found.argmax()), (9, 9, 9)) == (4, 4, 5)  # 3 mm along k: one voxel


def test_a_scale_above_one_lets_the_lesion_grow():
    patches = torch.zeros(1, 1, 16, 16, 16)
    patches[0, 0, 4:12, 4:12, 4:12] = 1
    grown = augment(patches, _parameters(1, scale=1.25), SPACING_MM)
    assert float(grown.sum()) == pytest.approx(512 * 1.25**3, rel=1e-3)


def test_blur_of_each_sample_is_its_own():
    matrices = blur_matrices(torch.tensor([0.0, 0.5, 2.0]), 5)
    assert torch.equal(matrices[0], torch.eye(5))
    line = np.zeros(5)
    line[2] = 1
    for row, sd in ((1, 0.5), (2, 2.0)):  # a radius of 8 is longer than the line
        expected = ndimage.gaussian_filter1d(line, sd, mode="constant", truncate=4)
        np.testing.assert_allclose(matrices[row] @ torch.tensor(line).float(), expected, atol=1e-6)


def test_draws_keep_to_their_ranges_and_flip_one_axis_at_most():
    settings = AugmentationSettings()
    drawn = draw_parameters(2000, settings, torch.Generator().manual_seed(0))
    mirrored = (drawn.flip < 0).sum(dim=1)
    assert mirrored.max() == 1
    assert float((mirrored == 1).float().mean()) == pytest.approx(0.5, abs=0.04)
    assert ((drawn.flip < 0).float().mean(dim=0) - 1 / 6).abs().max() < 0.03
    for values, (low, high) in (
        (drawn.scale, settings.scale),
        (torch.rad2deg(drawn.rotation_rad), settings.rotation_deg),
        (drawn.blur_sd_vox[:, :2], settings.blur_in_plane_vox),
        (drawn.blur_sd_vox[:, 2], settings.blur_through_plane_vox),
    ):
        assert low - 1e-4 <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high + 1e-4


def test_the_generator_decides():
    one, again, other = (
        draw_parameters(3, AugmentationSettings(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one.rotation_rad, again.rotation_rad)
    assert not torch.equal(one.rotation_rad, other.rotation_rad)


def test_a_small_lesion_is_moved_as_in_its_whole_patch(rng):
    """Content of growing size, each moved in another window."""
    patches = np.zeros((12, 2, 32, 32, 16), dtype=np.float32)
    for row in range(12):
        half_i, half_k = 1 + row, 1 + row // 2
        box = (
            slice(16 - half_i, 16 + half_i),
            slice(15 - half_i, 17 + half_i),
            slice(8 - half_k, 8 + half_k),
        )
        patches[(row, slice(None), *box)] = rng.normal(size=patches[(row, slice(None), *box)].shape)
    tensor = torch.from_numpy(patches)
    parameters = draw_parameters(12, AugmentationSettings(), torch.Generator().manual_seed(0))
    windows = augmentation._smallest_windows(tensor, parameters, (0.75, 0.75, 3.0))
    assert len(torch.unique(windows)) >= 3
    whole = augmentation._augment_whole(tensor, parameters, (0.75, 0.75, 3.0))
    torch.testing.assert_close(augment(tensor, parameters, (0.75, 0.75, 3.0)), whole, atol=1e-5, rtol=0)


def test_gains_and_zero_leave_the_background_alone():
    patches = torch.zeros(2, 2, 3, 3, 3)
    patches[:, 0, 1, 1, 1] = torch.tensor([40.0, -10.0])
    patches[:, 1, 1, 1, 1] = 2.5
    settings = AugmentationSettings(qsm_gain=(0.5, 0.5), qsm_offset_ppb=(7, 7), flair_gain=(2, 2))
    parameters = draw_parameters(2, settings, torch.Generator().manual_seed(0))
    changed = change_intensities(patches, parameters)
    assert changed[:, 0, 1, 1, 1].tolist() == [27.0, 2.0]
    assert changed[:, 1].equal(2 * patches[:, 1])
    assert int((changed != 0).sum()) == 4
    neutral = draw_parameters(2, AugmentationSettings(), torch.Generator().manual_seed(0))
    assert change_intensities(patches, neutral).equal(patches)
