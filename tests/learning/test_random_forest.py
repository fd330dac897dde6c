import logging

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from qsmrim_app.errors import UsageError
from qsmrim_app.learning.random_forest import add_synthetic_rim, fit_forest
from qsmrim_app.settings import ForestSettings


def _rows(n, n_rim, rng, n_features=4):
    labels = (np.arange(n) < n_rim).astype(np.int64)
    features = rng.normal(0, 1, (n, n_features)).astype(np.float32) + labels[:, None].astype(np.float32)
    return features, labels


# ---- SMOTE ----
@pytest.mark.parametrize(("n", "n_rim"), [(94, 4), (94, 2), (60, 30), (12, 9)])
def test_rim_rows_become_their_number_over_the_prevalence(rng, n, n_rim):
    features, labels = _rows(n, n_rim, rng)
    more, more_labels = add_synthetic_rim(features, labels, 5, seed=0)
    assert int(more_labels.sum()) == round(n_rim * (1 / (n_rim / n))) == n  # 4 x 94 / 4
    assert len(more) == len(more_labels) == n + (n - n_rim)
    assert more.dtype == np.float32


def test_the_given_rows_stay_as_they_are_and_synthetic_ones_follow(rng):
    features, labels = _rows(94, 4, rng)
    more, more_labels = add_synthetic_rim(features, labels, 5, seed=0)
    np.testing.assert_array_equal(more[:94], features)
    np.testing.assert_array_equal(more_labels[:94], labels)
    assert (more_labels[94:] == 1).all()


def test_a_synthetic_row_lies_between_two_neighbouring_rim_rows():
    features = np.array([[0, 0], [1, 0], [50, 0], [51, 0], [0, 7], [1, 7], [50, 7]], dtype=np.float32)
    labels = np.array([1, 1, 1, 1, 0, 0, 0])
    synthetic = add_synthetic_rim(features, labels, 1, seed=3)[0][7:]
    assert len(synthetic) == 3
    assert (synthetic[:, 1] == 0).all()
    near = synthetic[:, 0]
    assert (((near >= 0) & (near <= 1)) | ((near >= 50) & (near <= 51))).all()


def test_two_rim_rows_have_one_neighbour_each():
    features = np.array([[0, 0], [1, 1], [5, 0], [6, 0], [7, 0], [8, 0]], dtype=np.float32)
    synthetic = add_synthetic_rim(features, np.array([1, 1, 0, 0, 0, 0]), 5, seed=0)[0][6:]
    np.testing.assert_allclose(synthetic[:, 0], synthetic[:, 1])
    assert ((synthetic >= 0) & (synthetic <= 1)).all()


def test_one_rim_row_gets_no_company_and_a_warning(rng, caplog):
    features, labels = _rows(30, 1, rng)
    with caplog.at_level(logging.WARNING):
        more, more_labels = add_synthetic_rim(features, labels, 5, seed=0)
    assert more is features
    assert more_labels is labels
    assert "1 rim+ lesion of 30 trains: SMOTE needs 2" in caplog.text
    assert fit_forest(features, labels, ForestSettings(n_trees=3), 0).predict(features).shape == (30,)


# ---- the forest ----
def _both(features, labels, settings, seed=0):
    """Our forest and scikit-learn's own, grown on the same rows with the same seed."""
    smote_seed, forest_seed = (int(state) for state in np.random.SeedSequence(seed).generate_state(2))
    if settings.smote:
        rows, targets = add_synthetic_rim(features, labels, settings.smote_neighbours, smote_seed)
    else:
        rows, targets = features, labels
    theirs = RandomForestClassifier(
        settings.n_trees,
        min_samples_leaf=settings.min_rows_per_leaf,
        max_depth=settings.max_depth,
        max_features="sqrt" if settings.features_per_split is None else settings.features_per_split,
        random_state=forest_seed,
    )
    return fit_forest(features, labels, settings, seed), theirs.fit(rows, targets)


@pytest.mark.parametrize(
    "settings",
    [
        ForestSettings(n_trees=60),
        ForestSettings(n_trees=60, smote=False),
        ForestSettings(n_trees=40, smote=False, min_rows_per_leaf=7, features_per_split=3),
        ForestSettings(n_trees=7, max_depth=2),
        ForestSettings(n_trees=1),
    ],
    ids=["default", "without SMOTE", "large leaves", "stumps", "one tree"],
)
def test_says_what_scikit_learn_says(rng, settings):
    features, labels = _rows(300, 40, rng, n_features=6)
    labels = rng.permutation(labels)
    features[:, 0] = np.round(features[:, 0])  # ties
    ours, theirs = _both(features, labels, settings)
    unseen = rng.normal(0, 3, (500, 6)).astype(np.float32)
    for rows in (features, unseen):
        expected = theirs.predict_proba(rows)[:, 1]
        np.testing.assert_allclose(ours.predict(rows), expected, rtol=0, atol=1e-12)


def test_agrees_with_scikit_learn_at_the_thresholds_and_beside_them(rng):
    features, labels = _rows(200, 60, rng, n_features=1)
    features = (1e4 + np.round(features * 100) / 1024).astype(np.float32)  # neighbours among the float32
    ours, theirs = _both(features, rng.permutation(labels), ForestSettings(n_trees=20, smote=False))
    thresholds = np.concatenate([tree.tree_.threshold for tree in theirs.estimators_])
    near = np.unique(thresholds.astype(np.float32))
    near = np.concatenate([near, np.nextafter(near, np.float32(1e9)), np.nextafter(near, np.float32(-1e9))])
    expected = theirs.predict_proba(near[:, None])[:, 1]
    np.testing.assert_allclose(ours.predict(near[:, None]), expected, rtol=0, atol=1e-12)


def test_impure_leaves_are_kept_exactly(rng):
    features, labels = np.zeros((30, 2), dtype=np.float32), np.arange(30) % 3 // 2
    ours, theirs = _both(features, labels, ForestSettings(n_trees=9, smote=False))
    assert len(ours.feature) == 9  # nothing can be split
    np.testing.assert_allclose(ours.predict(features), theirs.predict_proba(features)[:, 1], atol=1e-15)


def test_the_margin_keeps_the_ranking(rng):
    features, labels = _rows(200, 20, rng)
    labels = rng.permutation(labels)
    for settings in (ForestSettings(n_trees=1), ForestSettings(n_trees=50, min_rows_per_leaf=9, smote=False)):
        ours = fit_forest(features, labels, settings, 0)
        p_rim = ours.predict(rng.normal(0, 2, (2000, 4)).astype(np.float32))
        clipped = np.clip(p_rim, ours.margin, 1 - ours.margin)
        np.testing.assert_array_equal(np.argsort(clipped, kind="stable"), np.argsort(p_rim, kind="stable"))
        assert len(np.unique(clipped)) == len(np.unique(p_rim)) > 1


def test_the_same_seed_gives_the_same_forest(rng):
    features, labels = _rows(80, 8, rng)
    one, again, other = (fit_forest(features, labels, ForestSettings(n_trees=5), seed) for seed in (1, 1, 2))
    for name in ("tree_sizes", "feature", "threshold", "right", "p_rim"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.predict(features), other.predict(features))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_trees", 0),
        ("min_rows_per_leaf", 0),
        ("max_depth", 0),
        ("features_per_split", 0),
        ("smote_neighbours", 0),
    ],
)
def test_a_setting_out_of_range_is_refused(name, value):
    with pytest.raises(UsageError, match=f"{name} is 0; expected"):
        ForestSettings(**{"n_trees": 2, name: value})
