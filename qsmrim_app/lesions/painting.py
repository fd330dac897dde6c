"""Paint one value per lesion back into voxel space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qsmrim_app.errors import UnknownLesionError
from qsmrim_app.records import Volume


def paint_lesions(
    labels: Volume, values: Mapping[int, float], dtype: type[np.generic] = np.float32, background: float = 0
) -> Volume:
    """Give every voxel of a lesion that lesion's value.

    Parameters
    ----------
    labels
        Integer labels, shape (i, j, k); 0 is background.
    values
        Label -> value. Must name every label present.
    dtype
        Of the result.
    background
        Value outside lesions.

    Returns
    -------
    Volume
        Same grid.

    Raises
    ------
    UnknownLesionError
        If the map holds a label that ``values`` does not name.
    """
    inside = labels.data != 0  # few voxels, so that nothing is sorted that need not be
    present, inverse = np.unique(labels.data[inside], return_inverse=True)
    missing = [int(label) for label in present if int(label) not in values]
    if missing:
        raise UnknownLesionError(
            f"no value for lesion(s) {missing[:10]}; values were given for {len(values)} lesions"
        )
    painted = np.full(labels.shape, background, dtype=dtype)
    painted[inside] = np.array([values[int(label)] for label in present], dtype=dtype)[inverse]
    return labels.with_data(painted)
