"""Grey-level run-length features of all lesions, images and directions at once.

Definitions: pyradiomics 3.0.1, ``radiomics.glrlm`` (Galloway, CGIP 1975; Chu et al., Pattern Recogn. Lett.
1990; Dasarathy and Holder, Pattern Recogn. Lett. 1991).
"""

from __future__ import annotations

import numpy as np

from qsmrim_app.radiomic_features.vectorised.grey_levels import (
    EPS,
    N_DIRECTIONS,
    Floats,
    GreyLevels,
    Rows,
    mean_over_directions,
)
from qsmrim_app.radiomic_features.vectorised.voxels import Ints, Lines, sum_by


def run_lengths(levels: GreyLevels, rows: Rows, lines: Lines) -> dict[str, Floats]:
    """Feature -> mean over the directions that are used, shape (G,).

    Parameters
    ----------
    levels, rows
        Of the groups.
    lines
        Of the lesions.
    """
    row, length, count = _runs(levels, rows, lines)
    n_matrices = len(rows.n)
    matrix, level = rows.matrix[row], rows.level[row]
    n_runs = sum_by(matrix, count, n_matrices)

    def mean(values: Floats) -> Floats:
        """Over the runs of each matrix."""
        return sum_by(matrix, p * values, n_matrices)

    with np.errstate(invalid="ignore", divide="ignore"):
        p = count / n_runs[matrix]
        of_level = sum_by(row, count, len(rows.level))
        of_length, longest = _by_length(matrix, length, count, n_matrices)
        uneven_levels = sum_by(rows.matrix, of_level**2, n_matrices) / n_runs
        uneven_lengths = (of_length.reshape(n_matrices, longest) ** 2).sum(axis=1) / n_runs
        mean_level, mean_length = mean(level), mean(length)
        features = {
            "GrayLevelNonUniformity": uneven_levels,
            "GrayLevelNonUniformityNormalized": uneven_levels / n_runs,
            "GrayLevelVariance": mean((level - mean_level[matrix]) ** 2),
            "HighGrayLevelRunEmphasis": mean(level**2),
            "LongRunEmphasis": mean(length**2),
            "LongRunHighGrayLevelEmphasis": mean(length**2 * level**2),
            "LongRunLowGrayLevelEmphasis": mean(length**2 / level**2),
            "LowGrayLevelRunEmphasis": mean(1 / level**2),
            "RunEntropy": -mean(np.log2(p + EPS)),
            "RunLengthNonUniformity": uneven_lengths,
            "RunLengthNonUniformityNormalized": uneven_lengths / n_runs,
            "RunPercentage": 1 / mean_length,
            "RunVariance": mean((length - mean_length[matrix]) ** 2),
            "ShortRunEmphasis": mean(1 / length**2),
            "ShortRunHighGrayLevelEmphasis": mean(level**2 / length**2),
            "ShortRunLowGrayLevelEmphasis": mean(1 / (level**2 * length**2)),
        }
    return mean_over_directions(features, n_runs > 0)


def _runs(levels: GreyLevels, rows: Rows, lines: Lines) -> tuple[Ints, Floats, Floats]:
    """The run-length matrices as lists of their cells that are not 0: row, length, count."""
    n_rows = len(rows.level)
    groups = levels.group[levels.slot]
    # Row of a slot in direction d: rows.first[13 g + d] + slot - levels.first[g].
    row = levels.slot + ((N_DIRECTIONS - 1) * levels.first)[groups]
    step = levels.n_levels[groups]
    of_voxel = row[:, lines.order] + np.arange(N_DIRECTIONS)[:, None] * step[:, lines.order]  # (B, 13, N)
    begins = np.ones(of_voxel.shape, dtype=np.bool_)
    np.not_equal(of_voxel[..., 1:], of_voxel[..., :-1], out=begins[..., 1:])
    begins[..., 1:] |= ~lines.linked
    at = np.flatnonzero(begins)
    length = np.diff(at, append=begins.size)
    row = of_voxel.ravel()[at]
    longest = int(length.max(initial=1)) + 1
    cells = np.bincount(row * longest + length, minlength=n_rows * longest)
    used = lines.is_used[:, np.arange(len(levels.first)) % lines.is_used.shape[1]].T.ravel()[rows.matrix]
    cell = np.flatnonzero(cells.reshape(n_rows, longest) * used[:, None])
    row, length = np.divmod(cell, longest)
    return row, length.astype(np.float64), cells[cell].astype(np.float64)


def _by_length(matrix: Ints, length: Floats, count: Floats, n_matrices: int) -> tuple[Floats, int]:
    """Runs of each length, matrix after matrix, and how many lengths there are of each."""
    longest = int(length.max(initial=1)) + 1
    return sum_by(matrix * longest + length.astype(np.intp), count, n_matrices * longest), longest
