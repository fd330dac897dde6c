"""Cut out just as much of the image around a lesion as its wavelet coefficients depend on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.vectorised.voxels import LesionVoxels
from qsmrim_app.records import Volume

# coif1 has six taps: coefficient n of the stationary transform reads voxels n - 2 to n + 3.
REACH_BEFORE = 2
REACH_AFTER = 3


@dataclass(frozen=True, eq=False)
class LesionCrop:
    """A lesion and its surroundings.

    Parameters
    ----------
    image
        Shape (i, j, k), float32, not masked, every side even. Not always in one piece: at the border of the
        volume the wavelet reads on at the opposite side, and that part is cut out with it.
    mask
        Shape of the lesion's box, bool: this lesion alone, not its neighbours.
    start
        Where the box begins in ``image``.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    start: tuple[int, int, int]

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The lesion's box as an index into ``image``."""
        (i, j, k), (n_i, n_j, n_k) = self.start, self.mask.shape
        return slice(i, i + n_i), slice(j, j + n_j), slice(k, k + n_k)


def crop_lesion(image: Volume, voxels: LesionVoxels, number: int) -> LesionCrop:
    """The part of the image on which a lesion's features depend.

    Within the lesion's box the wavelet transform of the crop is that of the whole volume.

    Parameters
    ----------
    image
        Shape (i, j, k).
    voxels
        Of lesions on the same grid.
    number
        Which of these lesions.
    """
    box = list(zip(voxels.start[number].tolist(), voxels.sides[number].tolist(), image.shape, strict=True))
    axes = [_voxels_read(start, start + side, size) for start, side, size in box]
    kept = [read % size for read, size in zip(axes, image.shape, strict=True)]
    i, j, k = (int(np.searchsorted(read, start)) for read, (start, _, _) in zip(axes, box, strict=True))
    mask = np.zeros(voxels.sides[number], dtype=np.bool_)
    mask[tuple(voxels.place[:, voxels.lesion == number])] = True
    return LesionCrop(
        image=image.data[np.ix_(*kept)].astype(np.float32, copy=False), mask=mask, start=(i, j, k)
    )


def _voxels_read(start: int, stop: int, size: int) -> NDArray[np.intp]:
    """Voxels along one axis, ascending, that the wavelet reads for the range ``start:stop``.

    pyradiomics appends voxel 0 to an axis of odd size, and the transform takes the evened axis as periodic.
    A range that reaches over an end is therefore two pieces, one at either end. They stay where they are, in
    ascending order: the transform of the crop, periodic itself, then joins them in the very sums that it
    forms in the whole volume, so that results agree to the last bit. Voxel ``size`` is the appended one.
    """
    period = size + size % 2
    voxels = np.unique(np.arange(start - REACH_BEFORE, stop + REACH_AFTER) % period)
    if (
        len(voxels) % 2
    ):  # the transform wants an even number; the period is even, so one more voxel is to be had
        voxels = np.unique(np.append(voxels, (stop + REACH_AFTER) % period))
    return voxels
