"""Grey-level co-occurrence features of all lesions, images and directions at once.

Definitions: pyradiomics 3.0.1, ``radiomics.glcm`` (Haralick et al., IEEE Trans. SMC 1973), symmetrical, at
distance 1. Sums run over the levels in pyradiomics' order: where the exact value of the second measure of
correlation or of the maximal correlation is 0, the last bits decide whether pyradiomics drops the direction.
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
from qsmrim_app.radiomic_features.vectorised.maximal_correlation import maximal_correlation
from qsmrim_app.radiomic_features.vectorised.voxels import Ints, Lines, expand, starts_of, sum_by


def n_cells(levels: GreyLevels) -> int:
    """Cells of all co-occurrence matrices, which sets the memory that they take."""
    return N_DIRECTIONS * int((levels.n_levels**2).sum())


def cooccurrence(levels: GreyLevels, rows: Rows, lines: Lines) -> dict[str, Floats]:
    """Feature -> mean over the directions that have neighbours, shape (G,).

    Parameters
    ----------
    levels, rows
        Of the groups.
    lines
        Of the lesions.
    """
    cells = starts_of(rows.n**2)
    row_i, j = expand(rows.n[rows.matrix])
    matrix = rows.matrix[row_i]
    row_j = rows.first[matrix] + j
    counts = _counts(levels, lines, len(matrix))
    counts = counts + counts[cells[matrix] + j * rows.n[matrix] + row_i - rows.first[matrix]]
    n_matrices = len(rows.n)
    n_pairs = sum_by(matrix, counts, n_matrices)
    with np.errstate(invalid="ignore"):
        p = counts / n_pairs[matrix]
    p_row = sum_by(row_i, p, len(rows.level))
    product = p_row[row_i] * p_row[row_j]
    log_product = np.log2(product + EPS)
    hxy2 = -sum_by(matrix, product * log_product, n_matrices)
    met = counts > 0
    features = _joint(
        p[met], matrix[met], rows.level[row_i[met]], rows.level[row_j[met]], log_product[met], levels
    )
    features |= _marginal(p_row, rows)
    hxy, hxy1, hx = features["JointEntropy"], features.pop("hxy1"), features.pop("hx")
    with np.errstate(invalid="ignore", divide="ignore"):
        features["Imc1"] = np.where(hx == 0, 0, (hxy - hxy1) / hx)
        features["Imc2"] = np.where(hxy2 == hxy, 0, (1 - np.e ** (-2 * (hxy2 - hxy))) ** 0.5)
        variance = features["SumSquares"]
        # 4 (i - u)(j - u) = (i + j - 2 u)^2 - (i - j)^2
        covariance = (features["ClusterTendency"] - features["Contrast"]) / 4
        features["Correlation"] = np.where(variance == 0, 1, covariance / (variance + EPS))
    features["MCC"] = maximal_correlation(p, p_row, cells, rows, n_pairs > 0)
    means = mean_over_directions(features, n_pairs > 0)
    means["MCC"][levels.n_levels == 1] = 1
    return means


def _counts(levels: GreyLevels, lines: Lines, n_cells: int) -> Ints:
    """How often a voxel of level i is followed by one of level j, in the cells of all matrices."""
    direction, at = np.nonzero(lines.linked)
    one, other = lines.order[direction, at], lines.order[direction, at + 1]
    groups = levels.group[levels.slot]
    squares = levels.n_levels**2
    rank = levels.slot - levels.first[groups]
    start = (N_DIRECTIONS * starts_of(squares))[groups] + rank * levels.n_levels[groups]
    cell = start[:, one] + rank[:, other]
    cell += squares[groups][:, one] * direction
    return np.bincount(cell.ravel(), minlength=n_cells)


def _joint(
    p: Floats, matrix: Ints, i: Floats, j: Floats, log_product: Floats, levels: GreyLevels
) -> dict[str, Floats]:
    """Features of p(i, j) and of its sums along the diagonals, by matrix: all cells that are not 0."""
    n_matrices = N_DIRECTIONS * len(levels.first)
    highest = np.repeat(levels.highest, N_DIRECTIONS)

    def total(values: Floats, of: Ints = matrix) -> Floats:
        return sum_by(of, values, n_matrices)

    mean = total(p * i)
    difference = np.abs(i - j)
    maximum = np.zeros(n_matrices)
    np.maximum.at(maximum, matrix, p)
    centred = i + j - 2 * mean[matrix]
    centred2 = centred**2
    average = total(p * difference)
    with np.errstate(divide="ignore"):
        inverse = np.where(difference > 0, p / difference**2, 0)
    of_sum, p_sum = _diagonals(matrix, (i + j).astype(np.intp), 2 * highest + 1, p)
    of_difference, p_difference = _diagonals(matrix, difference.astype(np.intp), highest, p)
    return {
        "Autocorrelation": total(p * i * j),
        "ClusterProminence": total(p * centred2**2),
        "ClusterShade": total(p * centred2 * centred),
        "ClusterTendency": total(p * centred2),
        "Contrast": total(p * difference**2),
        "DifferenceAverage": average,
        "DifferenceEntropy": -total(p_difference * np.log2(p_difference + EPS), of_difference),
        "DifferenceVariance": total(p * (difference - average[matrix]) ** 2),
        "Id": total(p / (1 + difference)),
        "Idm": total(p / (1 + difference**2)),
        "Idmn": total(p / (1 + (difference / highest[matrix]) ** 2)),
        "Idn": total(p / (1 + difference / highest[matrix])),
        "InverseVariance": total(inverse),
        "JointAverage": mean,
        "JointEnergy": total(p**2),
        "JointEntropy": -total(p * np.log2(p + EPS)),
        "MaximumProbability": maximum,
        "SumEntropy": -total(p_sum * np.log2(p_sum + EPS), of_sum),
        "hxy1": -total(p * log_product),
    }


def _marginal(p_row: Floats, rows: Rows) -> dict[str, Floats]:
    """Variance and entropy of the levels, by matrix."""
    n_matrices = len(rows.n)
    mean = sum_by(rows.matrix, p_row * rows.level, n_matrices)
    return {
        "SumSquares": sum_by(rows.matrix, p_row * (rows.level - mean[rows.matrix]) ** 2, n_matrices),
        "hx": -sum_by(rows.matrix, p_row * np.log2(p_row + EPS), n_matrices),
    }


def _diagonals(matrix: Ints, k: Ints, lengths: Ints, p: Floats) -> tuple[Ints, Floats]:
    """Sums of p over the cells with the same k: the matrix of every sum, and the sums."""
    owner, _ = expand(lengths)
    return owner, sum_by(starts_of(lengths)[matrix] + k, p, len(owner))
