"""Cut out each lesion as the two-channel patch that the networks see (METHOD: patches and augmentation)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.records import Case, Lesion, Volume
from qsmrim_app.settings import PatchSettings, Shape3


def extract_patches(case: Case, lesions: Sequence[Lesion], settings: PatchSettings) -> NDArray[np.float32]:
    """Patches of the given lesions: cropped, masked to the lesion itself, centred on its centre of mass.

    The crop starts at a whole voxel, so the centre of mass lies within half a voxel of the geometric centre
    of the patch and every value is one of the image: a rim one voxel thin is not blurred before the network
    sees it. Everything outside the target lesion, neighbours included, is 0. A lesion larger than the patch
    is cropped about its centre.

    Parameters
    ----------
    case
        Images on the analysis grid.
    lesions
        Lesions of ``case.lesions``.
    settings
        Patch shape.

    Returns
    -------
    ndarray
        Shape (n, 2, i, j, k), float32: QSM in ppb, FLAIR as z-score.
    """
    patches = np.zeros((len(lesions), 2, *settings.shape_vox), dtype=np.float32)
    for row, lesion in enumerate(lesions):
        patches[row, 0] = _cut(case.qsm, case.lesions, lesion, settings.shape_vox)
        patches[row, 1] = _cut(case.flair, case.lesions, lesion, settings.shape_vox)
    return patches


def is_cropped(lesion: Lesion, settings: PatchSettings) -> bool:
    """Whether part of the lesion falls outside its patch."""
    first = _first_voxel(lesion, settings.shape_vox)
    starts, stops = np.array(lesion.box).T
    return bool((starts < first).any() or (stops > first + settings.shape_vox).any())


def _first_voxel(lesion: Lesion, shape: Shape3) -> NDArray[np.intp]:
    """Image voxel that becomes voxel (0, 0, 0) of the patch; halves always round up, unlike `np.rint`.

    Otherwise a lesion moved by one voxel would lie at another place in its patch.
    """
    return np.floor(np.array(lesion.center_vox) - (np.array(shape) - 1) / 2 + 0.5).astype(np.intp)


def _cut(image: Volume, labels: Volume, lesion: Lesion, shape: Shape3) -> NDArray[np.float32]:
    patch = np.zeros(shape, dtype=np.float32)
    first = _first_voxel(lesion, shape)
    starts, stops = np.array(lesion.box).T
    starts, stops = np.maximum(starts, first), np.minimum(stops, first + shape)
    source = tuple(slice(a, b) for a, b in zip(starts, stops, strict=True))
    target = tuple(slice(a, b) for a, b in zip(starts - first, stops - first, strict=True))
    patch[target] = np.where(labels.data[source] == lesion.index, image.data[source], np.float32(0))
    return patch
