"""Cut out each lesion as the two-channel patch that the networks see (METHOD: patches and augmentation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import Case, Lesion, Volume
from qsmrim_app.settings import PatchSettings, Shape3

Box = tuple[slice, slice, slice]


def extract_patches(case: Case, lesions: Sequence[Lesion], settings: PatchSettings) -> NDArray[np.float32]:
    """Patches of the given lesions: cropped, masked to lesion and margin, centred on the centre of mass.

    The crop starts at a whole voxel, so the centre of mass lies within half a voxel of the geometric centre
    of the patch and every value is one of the image: a rim one voxel thin is not blurred before the network
    sees it. The susceptibility reaches a margin beyond the lesion, as a rim often lies on or outside an
    outline that was drawn on FLAIR; the FLAIR ends at the lesion and so shows where the outline is. All
    else, neighbours included, is 0. A lesion larger than the patch is cropped about its centre.

    Parameters
    ----------
    case
        Images on the analysis grid.
    lesions
        Lesions of ``case.lesions``.
    settings
        Patch shape and margin.

    Returns
    -------
    ndarray
        Shape (n, 2, i, j, k), float32: QSM in ppb, FLAIR as z-score.
    """
    patches = np.zeros((len(lesions), 2, *settings.shape_vox), dtype=np.float32)
    for row, lesion in enumerate(lesions):
        window = _window(lesion, settings, case.lesions)
        target: NDArray[np.bool_] = case.lesions.data[window.source] == lesion.index
        near = _near(case.lesions, target, window.source, settings.margin_mm)
        for channel, (image, seen) in enumerate(((case.qsm, near), (case.flair, target))):
            cut = np.where(seen, image.data[window.source], np.float32(0))
            patches[(row, channel, *window.target)] = cut
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


class _Window(NamedTuple):
    """The part of the image that enters a patch, and where in the patch it goes."""

    source: Box
    target: Box


def _window(lesion: Lesion, settings: PatchSettings, labels: Volume) -> _Window:
    """The lesion's box, widened by the margin, as far as image and patch reach."""
    first = _first_voxel(lesion, settings.shape_vox)
    margin = np.floor(settings.margin_mm / np.asarray(labels.spacing_mm) + 1e-6).astype(np.intp)
    starts, stops = np.array(lesion.box).T
    starts = np.maximum(np.maximum(starts - margin, first), 0)
    stops = np.minimum(np.minimum(stops + margin, first + settings.shape_vox), labels.shape)
    return _Window(_slices(starts, stops), _slices(starts - first, stops - first))


def _near(labels: Volume, target: NDArray[np.bool_], source: Box, margin_mm: float) -> NDArray[np.bool_]:
    """Which voxels of a window are the lesion's, or lie near it and in no other lesion."""
    if margin_mm <= 0 or not target.any():
        return target
    distance = ndimage.distance_transform_edt(~target, sampling=labels.spacing_mm)
    near: NDArray[np.bool_] = (distance <= margin_mm + 1e-6) & ((labels.data[source] == 0) | target)
    return near


def _slices(starts: NDArray[np.intp], stops: NDArray[np.intp]) -> Box:
    i, j, k = (slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True))
    return i, j, k
