"""The maximal correlation coefficient of many co-occurrence matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.radiomic_features.vectorised.grey_levels import EPS, N_DIRECTIONS, Floats, Rows
from qsmrim_app.radiomic_features.vectorised.voxels import Ints

_CELLS_AT_ONCE = 2**20
_SURELY_POSITIVE = 1e-10  # eigenvalues below this may have come out as 0 or less


def maximal_correlation(
    p: Floats, p_row: Floats, cells: Ints, rows: Rows, is_used: NDArray[np.bool_]
) -> Floats:
    """Root of the second largest eigenvalue of Q(i, j) = sum over k of p(i, k) p(j, k) / (p(i) p(k)).

    pyradiomics 3.0.1, ``RadiomicsGLCM.getMCCFeatureValue``. As p is symmetrical, Q has the eigenvalues of
    S S with S(i, j) = p(i, j) / sqrt(p(i) p(j)), of which the largest is 1. Only where the second one is 0
    this is not enough: pyradiomics may find it just below 0. Its root is then NaN and the direction does not
    count, unless another direction of the lesion has complex eigenvalues. So there, and so here: such lesions
    are computed in pyradiomics' way.

    Parameters
    ----------
    p, p_row
        Cells and row sums of all matrices.
    cells, rows
        Where the cells and rows of each matrix lie.
    is_used
        Shape (13 G,): which matrices hold anything; the others get NaN.
    """
    second = np.full(len(rows.n), np.nan)
    for part, matrices, sums in _by_size(p, p_row, cells, rows, is_used):
        root = np.sqrt(np.where(sums > 0, sums, 1))
        s = np.linalg.eigvalsh(matrices / (root[:, :, None] * root[:, None, :]))
        second[part] = np.maximum(s[:, -2] ** 2, s[:, 0] ** 2)
    with np.errstate(invalid="ignore"):
        found = np.sqrt(second)
        is_small = _in_any_direction(second < _SURELY_POSITIVE) & is_used
    found[is_small] = _as_pyradiomics(p, p_row, cells, rows, is_small)[is_small]
    return np.asarray(found)


def _as_pyradiomics(
    p: Floats, p_row: Floats, cells: Ints, rows: Rows, is_wanted: NDArray[np.bool_]
) -> Floats:
    second = np.full(len(rows.n), np.nan, dtype=np.complex128)
    is_complex = np.zeros(len(rows.n), dtype=np.bool_)
    for part, matrices, sums in _by_size(p, p_row, cells, rows, is_wanted):
        q = np.zeros_like(matrices)
        for k in range(q.shape[1]):  # in this order, as the last bits count
            joint = matrices[:, :, None, k] * matrices[:, None, :, k]
            q += joint / (sums[:, :, None] * sums[:, None, k, None] + EPS)
        eigenvalues = np.sort(np.linalg.eigvals(q).astype(np.complex128), axis=1)
        second[part] = eigenvalues[:, -2]
        is_complex[part] = (eigenvalues.imag != 0).any(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(_in_any_direction(is_complex), np.sqrt(second).real, np.sqrt(second.real))


def _by_size(
    p: Floats, p_row: Floats, cells: Ints, rows: Rows, is_wanted: NDArray[np.bool_]
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """The wanted matrices of two rows or more, by size: numbers (m,), matrices (m, n, n), row sums (m, n)."""
    for n in np.unique(rows.n[is_wanted & (rows.n > 1)]):
        same = np.flatnonzero(is_wanted & (rows.n == n))
        for part in np.array_split(same, 1 + len(same) * n * n // _CELLS_AT_ONCE):
            matrices = p[cells[part, None] + np.arange(n * n)].reshape(-1, n, n)
            yield part, matrices, p_row[rows.first[part, None] + np.arange(n)]


def _in_any_direction(is_so: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether it is so in any of the 13 matrices of a group: for each of them."""
    return np.repeat(is_so.reshape(-1, N_DIRECTIONS).any(axis=1), N_DIRECTIONS)
