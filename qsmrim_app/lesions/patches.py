"""Cut out each lesion as the two-channel patch that the networks see (METHOD: patches and augmentation)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Case, Lesion, Volume
from qsmrim_app.settings import PatchSettings, Shape3


def extract_patches(case: Case, lesions: Sequence[Lesion], settings: PatchSettings) -> NDArray[np.float32]:
    """Patches of the given lesions: cropped, masked to the lesion itself, centred on its centre of mass.

    The centre of mass is moved to the geometric centre of the patch by one trilinear interpolation; everything outside
    the target lesion, neighbours included, is 0. A lesion larger than the patch is cropped about its centre.

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
        patches[row, 0] = _centred(case.qsm, case.lesions, lesion, settings.shape_vox)
        patches[row, 1] = _centred(case.flair, case.lesions, lesion, settings.shape_vox)
    return patches


def is_cropped(lesion: Lesion, settings: PatchSettings) -> bool:
    """Whether part of the lesion falls outside its patch once its centre of mass is centred."""
    return any(
        start < center - (size - 1) / 2 - 0.5 or stop - 1 > center + (size - 1) / 2 + 0.5
        for (start, stop), center, size in zip(lesion.box, lesion.center_vox, settings.shape_vox, strict=True)
    )


def _centred(image: Volume, labels: Volume, lesion: Lesion, shape: Shape3) -> NDArray[np.float32]:
    inside = labels.data[lesion.slices] == lesion.index
    lesion_only = np.where(inside, image.data[lesion.slices], np.float32(0))
    box_start = np.array([start for start, _ in lesion.box])
    # patch voxel p shows image voxel p + shift, so that the patch centre shows the centre of mass
    shift = np.array(lesion.center_vox) - (np.array(shape) - 1) / 2
    return ndimage.affine_transform(  # type: ignore[no-any-return]
        lesion_only, np.ones(3), shift - box_start, output_shape=shape, order=1, mode="grid-constant", cval=0.0
    ).astype(np.float32)
