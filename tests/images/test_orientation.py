"""Axis order: flipped and swapped, never interpolated, and back again."""

import numpy as np
import pytest
from nibabel.orientations import aff2axcodes, axcodes2ornt, inv_ornt_aff, ornt_transform

from qsmrim_app.images import in_storage_order, load_image, read_grid, save_volume, to_ras
from qsmrim_app.records import Volume
from tests import phantoms

ORDERS = [
    "RAS",
    "LAS",
    "LPS",
    "RPI",
    "ASR",
    "PIR",
    "SAL",
    "ILP",
]  # the last ones are sagittal and coronal storage


def _stored(axes: str, angles_deg=(0.0, 0.0, 0.0)) -> Volume:
    """A volume whose axes run in the given directions, a different number in every voxel."""
    affine = phantoms.centred_affine((4, 5, 6), (0.75, 1.0, 3.0), angles_deg)
    data = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
    transform = ornt_transform(axcodes2ornt(("R", "A", "S")), axcodes2ornt(tuple(axes)))
    order = np.argsort(transform[:, 0]).astype(int)
    moved = data.transpose(order)
    for axis, source in enumerate(order):
        if transform[source, 1] < 0:
            moved = np.flip(moved, axis)
    return Volume(np.ascontiguousarray(moved), affine @ inv_ornt_aff(transform, data.shape))


def _value_at(volume: Volume, world) -> float:
    index = np.rint(np.linalg.inv(volume.affine) @ [*world, 1])[:3].astype(int)
    return float(volume.data[tuple(index)])


@pytest.mark.parametrize("angles_deg", [(0.0, 0.0, 0.0), phantoms.OBLIQUE_DEG], ids=["straight", "oblique"])
@pytest.mark.parametrize("axes", ORDERS)
def test_every_order_becomes_ras_and_keeps_every_value_in_its_place(axes, angles_deg):
    stored = _stored(axes, angles_deg)
    assert "".join(aff2axcodes(stored.affine)) == axes
    volume = to_ras(stored)
    assert aff2axcodes(volume.affine) == ("R", "A", "S")
    for voxel in [(0, 0, 0), (1, 2, 3), tuple(n - 1 for n in stored.shape)]:
        world = (stored.affine @ [*voxel, 1])[:3]
        assert _value_at(volume, world) == stored.data[voxel]


@pytest.mark.parametrize("axes", ORDERS)
def test_storage_order_is_the_inverse(axes):
    stored = _stored(axes, phantoms.OBLIQUE_DEG)
    back = in_storage_order(to_ras(stored), stored)
    np.testing.assert_array_equal(back.data, stored.data)
    np.testing.assert_allclose(back.affine, stored.affine, atol=1e-12)


@pytest.mark.parametrize("axes", ["LAS", "SAL"])
def test_files_come_in_as_ras_and_can_go_out_as_they_were(tmp_path, axes):
    path = tmp_path / "image.nii.gz"
    stored = _stored(axes, phantoms.OBLIQUE_DEG)
    save_volume(stored, path)
    loaded = load_image(path)
    assert loaded.warnings == ()
    assert aff2axcodes(loaded.volume.affine) == ("R", "A", "S")
    grid = read_grid(path)
    back = in_storage_order(loaded.volume, grid)
    np.testing.assert_array_equal(back.data, stored.data)
    np.testing.assert_allclose(back.affine, stored.affine, atol=1e-5)
