"""Records refuse to be born wrong."""

from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.errors import GridMismatchError, InputError
from qsmrim_app.records import Case, Lesion, SessionKey, Volume
from tests import phantoms


def test_session_key_names_files_and_folders():
    assert SessionKey("01").prefix == "sub-01"
    assert SessionKey("01").folder == Path("sub-01")
    assert SessionKey("01", "02").prefix == "sub-01_ses-02"
    assert SessionKey("01", "02").folder == Path("sub-01/ses-02")


def test_volume_reads_its_geometry_from_an_oblique_affine():
    affine = phantoms.centred_affine((4, 5, 6), (0.5, 0.75, 3.0), (20.0, -10.0, 5.0))
    volume = Volume(np.zeros((4, 5, 6), dtype=np.float32), affine)
    assert volume.shape == (4, 5, 6)
    assert volume.spacing_mm == pytest.approx((0.5, 0.75, 3.0))
    assert volume.voxel_volume_mm3 == pytest.approx(0.5 * 0.75 * 3.0)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4, 1)])
def test_volume_has_three_dimensions(shape):
    with pytest.raises(InputError, match="3 dimensions"):
        Volume(np.zeros(shape), np.eye(4))


@pytest.mark.parametrize(
    "affine",
    [np.eye(3), np.diag([1.0, 1, 0, 1]), np.full((4, 4), np.nan)],
    ids=["3x3", "singular", "nan"],
)
def test_volume_needs_a_usable_affine(affine):
    with pytest.raises(InputError, match="affine"):
        Volume(np.zeros((2, 2, 2)), affine)


def test_with_data_keeps_the_grid():
    volume = Volume(np.zeros((2, 3, 4)), np.diag([2.0, 2, 2, 1]))
    assert volume.with_data(np.ones((2, 3, 4))).affine is not None
    np.testing.assert_array_equal(volume.with_data(np.ones((2, 3, 4))).affine, volume.affine)
    with pytest.raises(GridMismatchError):
        volume.with_data(np.ones((2, 4, 3)))


def _case(**changes) -> Case:
    grid = Volume(np.zeros((3, 3, 3), dtype=np.float32), np.eye(4))
    images = {
        "qsm": grid,
        "flair": grid,
        "lesions": grid.with_data(np.zeros((3, 3, 3), dtype=np.int32)),
        "brain_mask": grid.with_data(np.ones((3, 3, 3), dtype=bool)),
    }
    return Case(key=SessionKey("07", "1"), **{**images, **changes})


def test_case_names_the_session_and_the_image_off_the_grid():
    moved = Volume(np.zeros((3, 3, 3), dtype=np.float32), np.diag([1.0, 1, 1.01, 1]))
    with pytest.raises(GridMismatchError, match=r"sub-07_ses-1: flair"):
        _case(flair=moved)


def test_case_refuses_labels_that_could_wrap():
    with pytest.raises(InputError, match="int8"):
        _case(lesions=Volume(np.zeros((3, 3, 3), dtype=np.int8), np.eye(4)))


def test_lesion_box_as_slices():
    lesion = Lesion(1, 8, 8.0, (1.5, 2.5, 3.5), (0.0, 0.0, 0.0), ((1, 3), (2, 4), (3, 5)))
    data = np.zeros((6, 6, 6))
    data[lesion.slices] = 1
    assert data.sum() == 8
    assert data[1, 2, 3] == data[2, 3, 4] == 1
