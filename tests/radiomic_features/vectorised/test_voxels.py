import numpy as np
import pytest
from scipy import ndimage

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.vectorised.voxels import DIRECTIONS, expand, lesion_voxels, lines_of
from qsmrim_app.records import Volume


@pytest.fixture
def labels(rng):
    field = ndimage.gaussian_filter(rng.normal(size=(23, 19, 11)), 1.2)
    found, _ = ndimage.label(field > 0.8 * field.std(), np.ones((3, 3, 3)))
    return Volume(found.astype(np.int32), np.eye(4))


def test_positions_among_equals():
    owner, position = expand(np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert position.tolist() == [0, 1, 0, 1, 2]


def test_there_are_thirteen_directions_no_two_opposite():
    both = {tuple(step) for step in np.concatenate([DIRECTIONS, -DIRECTIONS]).tolist()}
    assert len(both) == 26
    assert (0, 0, 0) not in both


def test_the_voxels_are_those_of_each_lesion(labels):
    lesions = find_lesions(labels)
    voxels = lesion_voxels(labels, lesions)
    where = voxels.place + voxels.start.T[:, voxels.lesion]
    assert len(voxels.lesion) == np.count_nonzero(labels.data)
    for number, lesion in enumerate(lesions):
        mine = where[:, voxels.lesion == number]
        np.testing.assert_array_equal(mine.T, np.argwhere(labels.data == lesion.index))


def test_some_lesions_are_as_if_found_alone(labels):
    lesions = find_lesions(labels)
    at = np.array([0, 2, 3])
    some, alone = lesion_voxels(labels, lesions).some(at), lesion_voxels(labels, [lesions[n] for n in at])
    for name in ("lesion", "place", "start", "sides", "first", "n"):
        np.testing.assert_array_equal(getattr(some, name), getattr(alone, name), err_msg=name)


def test_neighbours_along_lines_are_all_pairs_of_touching_voxels(labels):
    voxels = lesion_voxels(labels, find_lesions(labels))
    lines = lines_of(voxels)
    where = (voxels.place + voxels.start.T[:, voxels.lesion]).T.tolist()
    number = {tuple(place): n for n, place in enumerate(where)}
    for direction, step in enumerate(DIRECTIONS.tolist()):
        expected = set()
        for place, n in number.items():
            other = number.get(tuple(np.add(place, step).tolist()))
            if other is not None and voxels.lesion[n] == voxels.lesion[other]:
                expected.add((n, other))
        order, linked = lines.order[direction], lines.linked[direction]
        assert set(zip(order[:-1][linked].tolist(), order[1:][linked].tolist(), strict=True)) == expected


def test_a_direction_is_used_if_a_line_holds_two_voxels_even_apart():
    mask = np.zeros((5, 3, 2), dtype=np.int32)
    mask[0, 0, 0] = mask[4, 0, 0] = mask[2, 2, 1] = 1  # two in a row along i, with a gap; a third elsewhere
    labels = Volume(mask, np.eye(4))
    lines = lines_of(lesion_voxels(labels, find_lesions(labels)))
    assert [tuple(step) for step in DIRECTIONS[lines.is_used[:, 0]].tolist()] == [(1, 0, 0)]
    assert not lines.linked.any()
