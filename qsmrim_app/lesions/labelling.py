"""From a mask to numbered lesions, and from numbers to where each lesion lies."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from qsmrim_app.records import Lesion, Volume

_CORNERS_TOUCH = np.ones((3, 3, 3), dtype=bool)  # 26-connected


def label_lesions(mask: Volume) -> Volume:
    """Number the lesions of a binary mask.

    Voxels that touch by a face, an edge or a corner belong to one lesion (26-connected). Numbers start at 1
    and follow the array order of each lesion's first voxel.

    Parameters
    ----------
    mask
        Non-zero inside lesions, shape (i, j, k).

    Returns
    -------
    Volume
        int32 labels on the same grid.
    """
    labels, _ = ndimage.label(mask.data != 0, structure=_CORNERS_TOUCH)
    return mask.with_data(labels.astype(np.int32))


def find_lesions(labels: Volume) -> list[Lesion]:
    """Every lesion of a label map, in ascending order of its label; labels may have gaps.

    Parameters
    ----------
    labels
        int32, 0 is background.
    """
    inside = labels.data != 0  # few voxels, so that nothing is sorted that need not be
    present, inverse = np.unique(labels.data[inside], return_inverse=True)
    compact = np.zeros(labels.shape, dtype=np.int32)
    compact[inside] = inverse + 1  # 1 .. n, so that a label of 2e9 costs no memory
    boxes = ndimage.find_objects(compact)
    return [
        _lesion(labels, int(label), tuple(box)) for label, box in zip(present.tolist(), boxes, strict=True)
    ]


def present_labels(labels: Volume) -> tuple[int, ...]:
    """The labels of a map, ascending, without background."""
    return tuple(np.unique(labels.data[labels.data != 0]).tolist())


def _lesion(labels: Volume, index: int, box: tuple[slice, ...]) -> Lesion:
    voxels = np.argwhere(labels.data[box] == index) + [part.start for part in box]
    center = voxels.mean(axis=0)
    world = labels.affine[:3, :3] @ center + labels.affine[:3, 3]
    i, j, k = ((int(part.start), int(part.stop)) for part in box)
    return Lesion(
        index=index,
        n_voxels=len(voxels),
        volume_mm3=len(voxels) * labels.voxel_volume_mm3,
        center_vox=(float(center[0]), float(center[1]), float(center[2])),
        center_mm=(float(world[0]), float(world[1]), float(world[2])),
        box=(i, j, k),
    )
