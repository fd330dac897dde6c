"""What the FLAIR shows under a lesion map: how much brighter the lesions are than what surrounds them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qsmrim_app.images import robust_z_score
from qsmrim_app.preprocessing.brain_mask import widen
from qsmrim_app.records import Volume

_SHELL_MM = (1.5, 5.0)  # nearer voxels share the lesion's blur, further ones are other tissue
_FEWEST_MM3 = 50.0  # of lesion and of shell; below it a median says little


class LesionEvidence(NamedTuple):
    """Measures of a lesion map on a FLAIR. The contrast is NaN where there is too little lesion to say.

    ``flair_contrast`` is the median of the FLAIR in the lesions minus that of the shell around them, in
    robust standard deviations of the brain; ``brain_share`` the volume of the lesions over that of the brain;
    ``covered_share`` how much of the brain the FLAIR reaches, which is exactly 0 elsewhere.
    """

    flair_contrast: float
    brain_share: float
    covered_share: float = 1.0


def measure_lesions(flair: Volume, lesions: Volume, brain_mask: Volume) -> LesionEvidence:
    """The measures of a lesion map.

    Parameters
    ----------
    flair
        Intensities, shape (i, j, k), bias-corrected.
    lesions
        Labels, int32, same grid, 0 is background.
    brain_mask
        bool, same grid.
    """
    lesion = lesions.data > 0
    n_brain = max(1, int(brain_mask.data.sum()))
    share = float(lesion.sum() / n_brain)
    covered = float((brain_mask.data & (flair.data != 0)).sum() / n_brain)
    mask = lesions.with_data(lesion)
    near, shell = (widen(mask, millimetres).data for millimetres in _SHELL_MM)
    around = shell & ~near & brain_mask.data
    inside = lesion & brain_mask.data
    if min(int(inside.sum()), int(around.sum())) * lesions.voxel_volume_mm3 < _FEWEST_MM3:
        return LesionEvidence(float("nan"), share, covered)
    score = robust_z_score(flair, brain_mask).data
    return LesionEvidence(float(np.median(score[inside]) - np.median(score[around])), share, covered)
