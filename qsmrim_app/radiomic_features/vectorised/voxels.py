"""The voxels of all lesions in one flat list, and the straight lines that run through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import UnknownLesionError
from qsmrim_app.records import Lesion, Volume

Ints = NDArray[np.intp]

# One of each pair of opposite directions to the 26 neighbours; the first step that is not 0 goes forward.
DIRECTIONS = np.array(
    [(i, j, k) for i in (0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) > (0, 0, 0)],
    dtype=np.intp,
)


@dataclass(frozen=True, eq=False)
class LesionVoxels:
    """The voxels of L lesions, N in all, lesion after lesion.

    Parameters
    ----------
    lesion
        Shape (N,): to which lesion a voxel belongs, 0 to L - 1, ascending.
    place
        Shape (3, N): i, j, k within the lesion's box.
    start, sides
        Shape (L, 3): where the box begins in the volume, and its size.
    first
        Shape (L,): the first voxel of each lesion.
    """

    lesion: Ints
    place: Ints
    start: Ints
    sides: Ints
    first: Ints

    @property
    def n(self) -> Ints:
        """Voxels of each lesion, shape (L,)."""
        return np.diff(self.first, append=len(self.lesion))

    def sum_within(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the voxels of each lesion: shape (..., N) to (..., L)."""
        return np.asarray(np.add.reduceat(values, self.first, axis=-1))

    def some(self, lesions: Ints) -> LesionVoxels:
        """Only these lesions, in ascending order."""
        at, position = expand(self.n[lesions])
        voxels = self.first[lesions][at] + position
        return _flat(at, self.place[:, voxels], self.start[lesions], self.sides[lesions])


@dataclass(frozen=True, eq=False)
class Lines:
    """Along each of the 13 directions, the voxels of every lesion line by line.

    Parameters
    ----------
    order
        Shape (13, N): the voxels, line after line, each line in the sense of its direction.
    linked
        Shape (13, N - 1), bool: the voxel in ``order`` and its successor are neighbours.
    is_used
        Shape (13, L), bool: some line of the direction holds two voxels of the lesion, gaps or not. Runs of
        single voxels count only in such directions (pyradiomics).
    """

    order: Ints
    linked: NDArray[np.bool_]
    is_used: NDArray[np.bool_]


def expand(counts: Ints) -> tuple[Ints, Ints]:
    """For a list that holds ``counts[n]`` entries of each n: every entry's n, and its position among them."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - starts_of(counts)[owner]


def starts_of(counts: Ints) -> Ints:
    """Where the entries of each n begin in such a list."""
    return np.cumsum(counts) - counts


def expand_boxes(sides: Ints) -> tuple[Ints, Ints]:
    """Every voxel of boxes of ``sides`` (L, 3), the last axis fastest: its box (M,), its place (3, M)."""
    owner, position = expand(sides.prod(axis=1))
    rest, k = np.divmod(position, sides[owner, 2])
    i, j = np.divmod(rest, sides[owner, 1])
    return owner, np.stack([i, j, k])


def sum_by(group: Ints, values: NDArray[Any], n_groups: int) -> NDArray[np.float64]:
    """Sums of the values of each group, in the order in which they stand: shape (n_groups,)."""
    return np.asarray(np.bincount(group, values, n_groups), dtype=np.float64)


def flat_index(first: Ints, sides: Ints, owner: Ints, place: Ints) -> Ints:
    """Where a place (3, M) of the box ``owner`` (M,) lies in a flat list of boxes that begin at ``first``."""
    return np.asarray(first[owner] + (place[0] * sides[owner, 1] + place[1]) * sides[owner, 2] + place[2])


def lesion_voxels(labels: Volume, lesions: Sequence[Lesion]) -> LesionVoxels:
    """The voxels of the given lesions of a label map.

    Raises
    ------
    UnknownLesionError
        If a lesion does not lie in ``labels`` as it is described, voxels and tight box.
    """
    boxes = np.array([lesion.box for lesion in lesions], dtype=np.intp).reshape(-1, 3, 2)
    start, sides = boxes[:, :, 0], boxes[:, :, 1] - boxes[:, :, 0]
    index = np.array([lesion.index for lesion in lesions], dtype=np.int64)
    owner, place = expand_boxes(sides)
    inside = labels.data[tuple(place + start.T[:, owner])] == index[owner]
    found = np.bincount(owner[inside], minlength=len(lesions))
    expected = np.array([lesion.n_voxels for lesion in lesions], dtype=np.intp)
    for wrong in np.flatnonzero(found != expected)[:1]:
        raise UnknownLesionError(
            f"lesion {index[wrong]} should have {expected[wrong]} voxels in its box, the label map has "
            f"{found[wrong]}; find the lesions in the very map that is measured"
        )
    voxels = _flat(owner[inside], place[:, inside], start, sides)
    extent = np.zeros((3, len(lesions)), dtype=np.intp)
    if len(lesions):
        low, high = (
            np.array(end.reduceat(voxels.place, voxels.first, axis=1)) for end in (np.minimum, np.maximum)
        )
        extent = high - low + 1
    for wrong in np.flatnonzero((sides != extent.T).any(axis=1))[:1]:
        raise UnknownLesionError(
            f"the box of lesion {index[wrong]} is {tuple(sides[wrong].tolist())} voxels, the lesion "
            f"{tuple(extent[:, wrong].tolist())}; a box must be tight"
        )
    return voxels


def lines_of(voxels: LesionVoxels) -> Lines:
    """Sort the voxels into lines.

    A voxel less its step along the direction is the same for all voxels of a line; with the lesion it names
    the line. Line and step make one key, so that neighbours are keys that differ by 1.
    """
    longest = int(voxels.sides.max())
    axis = np.argmax(DIRECTIONS != 0, axis=1)
    step = voxels.place[axis]  # (13, N)
    key = np.broadcast_to(voxels.lesion, step.shape)
    for along in range(3):
        key = key * (3 * longest) + voxels.place[along] - step * DIRECTIONS[:, along, None] + longest
    key = key * (longest + 1) + step
    order = np.argsort(key, axis=1)
    key = np.take_along_axis(key, order, axis=1)
    same_line = np.diff(key // (longest + 1), axis=1) == 0
    is_used = np.zeros((len(DIRECTIONS), len(voxels.first)), dtype=np.bool_)
    direction, at = np.nonzero(same_line)
    is_used[direction, voxels.lesion[order[direction, at]]] = True
    return Lines(order, np.diff(key, axis=1) == 1, is_used)


def _flat(lesion: Ints, place: Ints, start: Ints, sides: Ints) -> LesionVoxels:
    first = np.searchsorted(lesion, np.arange(len(start)))
    return LesionVoxels(lesion, place, start, sides, first)
