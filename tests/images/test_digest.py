"""One map has one name, whichever file it came from; two maps have two."""

import nibabel as nib
import numpy as np
import pytest

from qsmrim_app.images import load_image, map_digest, to_ppb, to_ppm
from qsmrim_app.records import Volume


@pytest.fixture
def qsm(rng) -> Volume:
    """An oblique map in ppb; no voxel is a round number, and some are -0."""
    data = rng.normal(0, 40, (30, 31, 12)).astype(np.float32)
    data[:5] = -0.0
    turn = np.linalg.qr(rng.normal(0, 0.1, (3, 3)) + np.eye(3))[0]
    turn = turn * np.sign(np.diag(turn))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.75, 0.75, 3.0])
    affine[:3, 3] = (-11.3, 7.1, 3.0)
    return Volume(data, affine)


def _through_a_file(volume: Volume, path, axes: str = "RAS") -> Volume:
    image = nib.Nifti1Image(volume.data, volume.affine)
    ornt = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(volume.affine), nib.orientations.axcodes2ornt(axes)
    )
    nib.save(image.as_reoriented(ornt), path)
    return load_image(path).volume


def test_the_file_does_not_matter(qsm, tmp_path):
    expected = map_digest(qsm)
    assert len(expected) == 32
    assert map_digest(_through_a_file(qsm, tmp_path / "ppb.nii.gz")) == expected
    in_ppm = _through_a_file(to_ppm(qsm), tmp_path / "ppm.nii", "LPS")
    assert map_digest(to_ppb(in_ppm, "ppm")) == expected
    again = to_ppb(to_ppm(to_ppb(in_ppm, "ppm")), "ppm")  # what a run wrote, analysed once more
    assert map_digest(again) == expected


def test_another_voxel_grid_or_shape_is_another_map(qsm):
    one = qsm.data.copy()
    one[-1, -1, -1] += 0.01
    moved = qsm.affine.copy()
    moved[0, 3] += 0.01
    others = [Volume(one, qsm.affine), Volume(qsm.data, moved), Volume(qsm.data[:-1], qsm.affine)]
    others.append(Volume(qsm.data.reshape(31, 30, 12), qsm.affine))
    assert len({map_digest(volume) for volume in (qsm, *others)}) == 5
