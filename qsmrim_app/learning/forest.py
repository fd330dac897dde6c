"""A random forest as plain arrays: checked at birth, evaluated here without the library that grew it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import FeatureMismatchError, ModelError
from qsmrim_app.limits import MAX_TREES

LEAF = -1  # instead of a feature
MAX_NODES = 2**24  # of all trees; 4100 lesions and 500 trees need 6e5
MAX_DEPTH = 1000  # 4100 lesions need 60
_MAX_WALKS = 2**20  # lesions times trees at once
_DTYPES = {
    "tree_sizes": np.int32,
    "feature": np.int16,
    "threshold": np.float32,
    "right": np.int32,
    "p_rim": np.float64,
}
FOREST_ARRAYS = tuple(_DTYPES)
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees that ask one feature after another and end in a probability of a rim.

    The nodes of a tree stand in depth-first order, tree after tree, so that the left child of a node is the
    next node; only the right one is written down. Arrays that are no forest are refused, whoever wrote them:
    every walk from a root ends in a leaf after `MAX_DEPTH` steps at most.

    Parameters
    ----------
    n_features
        How many features a lesion has.
    tree_sizes
        Nodes of each tree, shape (trees,), int32.
    feature
        Feature that a node asks, `LEAF` at a leaf; shape (nodes,), int16.
    threshold
        Of each inner node, in order; at most this goes left. Shape (inner nodes,), float32.
    right
        Place of the right child of each inner node, from the root of its tree; shape (inner nodes,), int32.
    p_rim
        Of each leaf, in order; shape (leaves,), float64, from 0 to 1.

    Raises
    ------
    ModelError
        If the arrays are no such trees.
    """

    n_features: int
    tree_sizes: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    right: NDArray[np.int32]
    p_rim: NDArray[np.float64]

    def __post_init__(self) -> None:
        for problems in (self._problems_of_sizes, self._problems_of_values, self._problems_of_links):
            for problem, found in problems():
                if found:
                    raise ModelError(f"these arrays are no random forest: {problem}")

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of a rim, the mean of the trees.

        Parameters
        ----------
        features
            Shape (n, f), float32, finite; n may be 0.

        Returns
        -------
        ndarray
            Shape (n,), float64.

        Raises
        ------
        FeatureMismatchError
            If the number of features is another one.
        """
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise FeatureMismatchError(
                f"the forest takes {self.n_features} features a lesion, not {features.shape}"
            )
        n_rows = max(1, _MAX_WALKS // len(self.tree_sizes))
        starts = range(0, len(features), n_rows)
        parts = [self._predict(features[start : start + n_rows]) for start in starts]
        return np.concatenate([np.zeros(0), *parts])

    @cached_property
    def margin(self) -> float:
        """How far probabilities can be kept away from 0 and 1 without a change of their ranking.

        Beside 0, the least that a forest can say is its smallest leaf over the number of trees, and likewise
        below 1; this is a little less than half of it. 0.001 for 500 trees whose leaves are pure.
        """
        ends = np.concatenate([self.p_rim, 1 - self.p_rim])
        return max(float(ends[ends > 0].min()) / (2 * len(self.tree_sizes) + 2), 1e-12)

    # ---- walking -----------------------------------------------------------------------------------------
    def _predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        n_trees = len(self.tree_sizes)
        row = np.repeat(np.arange(len(features)), n_trees)  # (n x trees,)
        node = np.tile(self._roots, len(features))  # (n x trees,)
        walking = np.arange(len(node))
        while len(walking):
            here = node[walking]
            inner = self._inner[here]
            walking, here = walking[inner], here[inner]
            asked = features[row[walking], self.feature[here]]
            is_left = asked <= self.threshold[self._number[here]]
            node[walking] = np.where(is_left, here + 1, self._right[here])
        leaves: NDArray[np.float64] = self.p_rim[self._number[node]].reshape(len(features), n_trees)
        return np.asarray(leaves.mean(axis=1), dtype=np.float64)

    @cached_property
    def _inner(self) -> NDArray[np.bool_]:
        return np.asarray(self.feature != LEAF)  # (nodes,)

    @cached_property
    def _number(self) -> Rows:
        """Of a node among the inner nodes, or among the leaves; shape (nodes,)."""
        inner = self._inner
        return np.where(inner, np.cumsum(inner), np.cumsum(~inner)) - 1

    @cached_property
    def _roots(self) -> Rows:
        return np.cumsum(self.tree_sizes, dtype=np.intp) - self.tree_sizes  # (trees,)

    @cached_property
    def _right(self) -> Rows:
        """Right child of each inner node among all nodes, 0 at a leaf; shape (nodes,)."""
        inner = self._inner
        right = np.zeros(len(inner), dtype=np.intp)
        right[inner] = self.right + np.repeat(self._roots, self.tree_sizes)[inner]
        return right

    # ---- what makes a forest: each check relies on those before ---------------------------------------
    def _problems_of_sizes(self) -> Iterator[tuple[str, bool]]:
        for name, dtype in _DTYPES.items():
            array = getattr(self, name)
            yield f"'{name}' is no row of {np.dtype(dtype)}", array.dtype != dtype or array.ndim != 1
        n_nodes, n_trees = len(self.feature), len(self.tree_sizes)
        yield f"{n_trees} trees, not 1 to {MAX_TREES}", not 1 <= n_trees <= MAX_TREES
        yield f"{n_nodes} nodes, more than {MAX_NODES}", n_nodes > MAX_NODES
        yield "a tree without nodes", bool((self.tree_sizes < 1).any())
        yield "the trees do not have the nodes", int(self.tree_sizes.sum(dtype=np.int64)) != n_nodes

    def _problems_of_values(self) -> Iterator[tuple[str, bool]]:
        known = (self.feature >= LEAF) & (self.feature < self.n_features)
        yield f"a node asks a feature beyond the {self.n_features}", not known.all()
        n_inner = int(self._inner.sum())
        yield "not one threshold an inner node", len(self.threshold) != n_inner
        yield "not one right child an inner node", len(self.right) != n_inner
        yield "not one probability a leaf", len(self.p_rim) != len(self.feature) - n_inner
        yield "a threshold is not finite", not np.isfinite(self.threshold).all()
        yield "a probability is not between 0 and 1", not ((self.p_rim >= 0) & (self.p_rim <= 1)).all()

    def _problems_of_links(self) -> Iterator[tuple[str, bool]]:
        place = np.arange(len(self.feature)) - np.repeat(self._roots, self.tree_sizes)
        size = np.repeat(self.tree_sizes, self.tree_sizes)
        yield "a right child does not come after the left", bool((self.right <= place[self._inner] + 1).any())
        yield "a child lies outside its tree", bool((self.right >= size[self._inner]).any())
        children = np.concatenate([np.flatnonzero(self._inner) + 1, self._right[self._inner]])
        n_parents = np.bincount(children, minlength=len(self.feature))
        n_parents[self._roots] += 1
        yield "a node has not one parent", bool((n_parents != 1).any())
        yield f"a tree is deeper than {MAX_DEPTH}; limit its depth", self._is_too_deep()

    def _is_too_deep(self) -> bool:
        level = self._roots
        for _ in range(MAX_DEPTH + 1):
            inner = level[self._inner[level]]
            level = np.concatenate([inner + 1, self._right[inner]])
        return len(level) > 0
