import numpy as np
import pytest

from qsmrim_app.records import Volume
from qsmrim_app.reports.views import AXIAL, CORONAL, PLANES, SAGITTAL, bounding_box, view_around, view_of_box

SHAPE = (5, 7, 3)
BOX = ((0, 5), (0, 7), (0, 3))


@pytest.fixture
def volume():
    """5 x 7 x 3 voxels of 0.75 x 1 x 3 mm, all 0."""
    return Volume(np.zeros(SHAPE, dtype=np.float32), np.diag([0.75, 1.0, 3.0, 1.0]))


@pytest.mark.parametrize(
    ("plane", "voxel", "row", "column"),
    [
        (AXIAL, (0, 6, 1), 0, 4),  # patient's left, anterior: right of the picture, top
        (AXIAL, (4, 0, 1), 6, 0),  # patient's right, posterior: left of the picture, bottom
        (CORONAL, (0, 3, 2), 0, 4),  # left, superior: right, top
        (SAGITTAL, (2, 6, 0), 2, 0),  # anterior, inferior: left, bottom
    ],
)
def test_pictures_follow_the_radiological_convention(volume, plane, voxel, row, column):
    volume.data[voxel] = 1
    picture = view_of_box(volume, plane, voxel[plane.normal], BOX).picture(volume.data)
    assert np.argwhere(picture).tolist() == [[row, column]]


def test_the_letters_name_the_sides():
    assert [(p.left, p.right, p.top, p.bottom) for p in PLANES] == [
        ("R", "L", "A", "P"),
        ("R", "L", "S", "I"),
        ("A", "P", "S", "I"),
    ]


def test_a_frame_has_the_size_of_the_tissue(volume):
    assert view_of_box(volume, AXIAL, 1, BOX).size_mm == (5 * 0.75, 7 * 1.0)
    assert view_of_box(volume, CORONAL, 1, BOX).size_mm == (5 * 0.75, 3 * 3.0)
    assert view_of_box(volume, SAGITTAL, 1, BOX).size_mm == (7 * 1.0, 3 * 3.0)


@pytest.mark.parametrize("plane", PLANES)
def test_the_picture_lies_where_place_says(volume, plane, rng):
    for _ in range(20):
        voxel = tuple(int(rng.integers(n)) for n in SHAPE)
        centre = tuple(int(rng.integers(n)) for n in SHAPE)
        view = view_around(volume, plane, (*centre,), 40.0)
        marked = np.zeros(SHAPE)
        marked[voxel] = 1
        found = np.argwhere(view.picture(marked))
        if voxel[plane.normal] != view.index:
            assert not len(found)
            continue
        (row, column), place = found[0], view.place((voxel[plane.axes[0]], voxel[plane.axes[1]]))
        assert place[0] == pytest.approx(view.x_mm + (column + 0.5) * view.spacing_mm[0])
        assert place[1] == pytest.approx(view.y_mm + (row + 0.5) * view.spacing_mm[1])


def test_the_centre_voxel_is_in_the_middle_of_the_frame(volume):
    assert view_around(volume, AXIAL, (0, 6, 1), 40.0).place((0, 6)) == pytest.approx((20.0, 20.0))


def test_a_view_stops_at_the_border_of_the_image(volume):
    view = view_around(volume, AXIAL, (0, 3, 1), 2.0)  # 1 mm to each side: 1.33 voxels of 0.75, one of 1
    assert (view.start, view.stop) == ((0, 2), (2, 5))
    assert view.x_mm + view.width_mm == pytest.approx(1.0 + 0.375)  # patient's left ends in the frame


def test_bounding_box():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[4, 5:7, 0] = True
    assert bounding_box(mask, margin=2) == ((2, 7), (3, 9), (0, 3))
    assert bounding_box(np.zeros((2, 3, 4), dtype=bool)) == ((0, 2), (0, 3), (0, 4))
