"""Grow a random forest: the one home of scikit-learn and imbalanced-learn, needed for training alone."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from qsmrim_app.errors import UsageError
from qsmrim_app.learning.forest import LEAF, Forest
from qsmrim_app.settings import ForestSettings

_LOG = logging.getLogger(__name__)
_MIN_RIM_FOR_SMOTE = 2

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


def fit_forest(features: Features, labels: Labels, settings: ForestSettings, seed: int) -> Forest:
    """A forest that tells rim+ from rim-; the same rows, settings and seed give the same forest.

    Parameters
    ----------
    features
        Of the training rows and of no others, shape (n, f), float32, finite, standardised (SMOTE measures
        distances).
    labels
        1 rim+, 0 rim-, both present; shape (n,).
    settings
        Of forest and SMOTE.
    seed
        Not negative.

    Raises
    ------
    UsageError
        If a setting is out of its range.
    ModelError
        If the forest is larger or deeper than `Forest` allows.
    """
    smote_seed, forest_seed = (int(state) for state in np.random.SeedSequence(seed).generate_state(2))
    grower = RandomForestClassifier(
        n_estimators=settings.n_trees,
        min_samples_leaf=settings.min_rows_per_leaf,
        max_depth=settings.max_depth,
        max_features="sqrt" if settings.features_per_split is None else settings.features_per_split,
        random_state=forest_seed,
        n_jobs=1,
    )
    try:
        if settings.smote:
            features, labels = add_synthetic_rim(features, labels, settings.smote_neighbours, smote_seed)
        grower.fit(features, labels)
    except ValueError as error:
        raise UsageError(f"settings of the random forest do not fit: {error}") from error
    return _as_forest([member.tree_ for member in grower.estimators_], features.shape[1])


def add_synthetic_rim(
    features: Features, labels: Labels, n_neighbours: int, seed: int
) -> tuple[Features, Labels]:
    """The rows, followed by synthetic rim+ rows between neighbouring rim+ rows.

    SMOTE (Chawla et al., J Artif Intell Res 2002). The rim+ rows become n_rim x (1 / prevalence), and as the
    prevalence is n_rim / n that is n: as many as there are rows. One rim+ row has no neighbour, so nothing is
    added, with a warning.

    Parameters
    ----------
    features
        Shape (n, f), float32.
    labels
        1 rim+, 0 rim-, both present; shape (n,).
    n_neighbours
        Each synthetic row lies between a rim+ row and one of its so many nearest rim+ rows; where there are
        fewer others, between it and one of these.
    seed
        From 0 to 2**32 - 1.

    Returns
    -------
    tuple of ndarray
        Shapes (n + m, f) and (n + m,): the given n rows first.
    """
    n, n_rim = len(labels), int(labels.sum())
    if n_rim < _MIN_RIM_FOR_SMOTE:
        _LOG.warning(
            "%d rim+ lesion of %d trains: SMOTE needs %d, no synthetic rows", n_rim, n, _MIN_RIM_FOR_SMOTE
        )
        return features, labels
    smote = SMOTE(sampling_strategy={1: n}, k_neighbors=min(n_neighbours, n_rim - 1), random_state=seed)
    more, more_labels = smote.fit_resample(features, labels)
    return np.asarray(more, dtype=np.float32), np.asarray(more_labels, dtype=np.int64)


def _as_forest(trees: list[Any], n_features: int) -> Forest:
    """scikit-learn's trees as arrays; it builds them depth first, the left child right after its parent."""
    left, right, asked, threshold = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("children_left", "children_right", "feature", "threshold")
    )
    place = np.concatenate([np.arange(tree.node_count) for tree in trees])
    inner = left >= 0
    assert (left[inner] == place[inner] + 1).all()
    p_rim = np.concatenate([tree.value[:, 0, 1] for tree in trees])  # share of rim+ rows, (nodes,)
    return Forest(
        n_features=n_features,
        tree_sizes=np.array([tree.node_count for tree in trees], dtype=np.int32),
        feature=np.where(inner, asked, LEAF).astype(np.int16),
        threshold=_rounded_down(threshold[inner]),
        right=right[inner].astype(np.int32),
        p_rim=p_rim[~inner].astype(np.float64),
    )


def _rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not larger: every float32 lies on the same side of it as of the value."""
    rounded = values.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded > values, below, rounded)
