import re

import numpy as np
import pytest

from qsmrim_app.records import Volume
from qsmrim_app.reports.outlines import lesion_outlines, mask_outline
from qsmrim_app.reports.views import AXIAL, CORONAL, view_of_box

SPACING = (0.75, 1.0, 3.0)


def labels_of(shape):
    return Volume(np.zeros(shape, dtype=np.int32), np.diag([*SPACING, 1.0]))


def view(volume, plane=AXIAL, index=0):
    return view_of_box(volume, plane, index, tuple((0, n) for n in volume.shape))


def segments(path):
    """((x0, y0), (x1, y1)) of every piece of a path."""
    found = []
    for x, y, way, to in re.findall(r"M(\S+?) (\S+?)([HV])([^M]+)", path):
        end = (float(to), float(y)) if way == "H" else (float(x), float(to))
        found.append(((float(x), float(y)), end))
    return sorted(found)


def length(path):
    return sum(abs(b[0] - a[0]) + abs(b[1] - a[1]) for a, b in segments(path))


def test_one_voxel_is_a_rectangle_of_its_size():
    labels = labels_of((4, 5, 1))
    labels.data[0, 4, 0] = 7  # patient's left, anterior: the top right voxel
    path, neighbours = lesion_outlines(view(labels), labels.data, 7)
    assert segments(path) == sorted(
        [
            ((2.25, 0.0), (3.0, 0.0)),
            ((2.25, 1.0), (3.0, 1.0)),
            ((2.25, 0.0), (2.25, 1.0)),
            ((3.0, 0.0), (3.0, 1.0)),
        ]
    )
    assert neighbours == ""


def test_a_slice_of_three_millimetres_is_drawn_three_millimetres_high():
    labels = labels_of((4, 1, 2))
    labels.data[1, 0, 0] = 1
    path = lesion_outlines(view(labels, CORONAL), labels.data, 1).lesion
    ys = {point[1] for segment in segments(path) for point in segment}
    assert ys == {3.0, 6.0}


def test_a_shared_border_belongs_to_the_lesion():
    labels = labels_of((2, 1, 1))
    labels.data[:, 0, 0] = (1, 2)
    of_one, of_two = (lesion_outlines(view(labels), labels.data, label) for label in (1, 2))
    assert length(of_one.lesion) == length(of_two.lesion) == pytest.approx(2 * (0.75 + 1))
    assert length(of_one.neighbours) == pytest.approx(2 * 0.75 + 1)
    assert {x for segment in segments(of_one.lesion) for x, _ in segment} == {0.75, 1.5}
    assert {x for segment in segments(of_two.lesion) for x, _ in segment} == {0.0, 0.75}


def test_a_hole_has_a_border_too():
    labels = labels_of((3, 3, 1))
    labels.data[...] = 1
    labels.data[1, 1, 0] = 0
    assert length(lesion_outlines(view(labels), labels.data, 1).lesion) == pytest.approx(
        2 * (2.25 + 3) + 2 * (0.75 + 1)
    )


def test_length_against_counting_voxel_faces(rng):
    labels = labels_of((9, 8, 1))
    labels.data[..., 0] = rng.integers(0, 4, size=(9, 8))
    flat = np.pad(labels.data[..., 0], 1)
    expected = 0.0
    for i in range(10):
        for j in range(10 - 1):
            expected += 1.0 * ((flat[i, j] == 2) != (flat[i + 1, j] == 2))  # a face across i is 1 mm long
    for i in range(10 + 1):
        for j in range(9):
            expected += 0.75 * ((flat[i, j] == 2) != (flat[i, j + 1] == 2))
    assert length(lesion_outlines(view(labels), labels.data, 2).lesion) == pytest.approx(expected)


def test_nothing_has_no_outline():
    labels = labels_of((3, 3, 1))
    assert lesion_outlines(view(labels), labels.data, 1) == ("", "")
    assert mask_outline(view(labels), np.zeros((3, 3), dtype=bool)) == ""


def test_a_mask_has_the_outline_of_a_lesion():
    labels = labels_of((4, 4, 1))
    labels.data[1:3, 2, 0] = 5
    shown = view(labels)
    assert mask_outline(shown, shown.picture(labels.data) == 5) == (
        lesion_outlines(shown, labels.data, 5).lesion
    )
