"""Which lesion of one label map is which lesion of another."""

from __future__ import annotations

import numpy as np

from qsmrim_app.records import Volume


def match_by_overlap(labels: Volume, others: Volume) -> dict[int, int]:
    """For each lesion the label of the other map that covers most of it; uncovered lesions are left out.

    Parameters
    ----------
    labels, others
        Integer labels on one grid; 0 is background. Of equal overlaps the smaller label wins.

    Returns
    -------
    dict
        Lesion of ``labels`` -> lesion of ``others``. Several may share one.
    """
    both = (labels.data > 0) & (others.data > 0)
    pairs, counts = np.unique(np.stack([labels.data[both], others.data[both]]), axis=1, return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for (lesion, other), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        if count > best.get(lesion, (0, 0))[1]:
            best[lesion] = (other, count)
    return {lesion: other for lesion, (other, _) in best.items()}
