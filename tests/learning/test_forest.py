import dataclasses

import numpy as np
import pytest

from qsmrim_app.errors import FeatureMismatchError, ModelError
from qsmrim_app.learning import forest as forests
from qsmrim_app.learning.forest import Forest

# the first tree: feature 1 at most 0.5 -> 0.25, else feature 0 at most -1 -> 0, else 1; the second is a leaf
ARRAYS = {
    "tree_sizes": np.array([5, 1], dtype=np.int32),
    "feature": np.array([1, -1, 0, -1, -1, -1], dtype=np.int16),
    "threshold": np.array([0.5, -1.0], dtype=np.float32),
    "right": np.array([2, 4], dtype=np.int32),
    "p_rim": np.array([0.25, 0.0, 1.0, 0.5]),
}


def _forest(**changes):
    return Forest(2, **{**ARRAYS, **changes})


def _rows(*rows):
    return np.array(rows, dtype=np.float32)


def test_the_mean_of_the_leaves_that_a_lesion_ends_in():
    rows = _rows((9.0, 0.5), (-1.0, 0.6), (-0.9, 0.6))  # a value at the threshold goes left
    np.testing.assert_array_equal(_forest().predict(rows), [0.375, 0.25, 0.75])


def test_no_lesions_no_rows():
    assert _forest().predict(np.zeros((0, 2), dtype=np.float32)).shape == (0,)


def test_many_lesions_are_looked_at_in_parts(monkeypatch, rng):
    rows = rng.normal(0, 1, (300, 2)).astype(np.float32)
    expected = _forest().predict(rows)
    monkeypatch.setattr(forests, "_MAX_WALKS", 14)
    np.testing.assert_array_equal(_forest().predict(rows), expected)


def test_another_number_of_features_is_refused():
    with pytest.raises(FeatureMismatchError, match=r"takes 2 features a lesion, not \(4, 3\)"):
        _forest().predict(np.zeros((4, 3), dtype=np.float32))


def test_the_margin_is_below_half_of_the_smallest_step():
    assert _forest().margin == 0.25 / 6  # two trees, smallest leaf 0.25
    pure = _forest(p_rim=np.array([0.0, 0.0, 1.0, 1.0]))
    assert pure.margin == 1 / 6
    assert _forest(p_rim=np.array([1e-300, 0.0, 1.0, 1.0])).margin == 1e-12


def _set(name, place, value):
    changed = ARRAYS[name].copy()
    changed[place] = value
    return {name: changed}


HOSTILE = {
    "child beyond the tree": (_set("right", 1, 5), "outside its tree"),
    "child far beyond": (_set("right", 0, 2**31 - 1), "outside its tree"),
    "child is the parent": (_set("right", 0, 0), "does not come after the left"),
    "child is before the parent": (_set("right", 1, -2), "does not come after the left"),
    "child is the left child": (_set("right", 0, 1), "does not come after the left"),
    "two parents, an orphan": (_set("right", 0, 4), "not one parent"),
    "last node is none": ({"feature": np.array([1, -1, 0, -1, -1, 0], dtype=np.int16)}, "not one threshold"),
    "root without children": (
        {
            "feature": np.array([1, -1, 0, -1, -1, 0], dtype=np.int16),
            "threshold": np.zeros(3, dtype=np.float32),
            "right": np.array([2, 4, 2], dtype=np.int32),
            "p_rim": np.zeros(3),
        },
        "outside its tree",
    ),
    "feature too large": (_set("feature", 0, 2), "a feature beyond the 2"),
    "feature too small": (_set("feature", 0, -2), "a feature beyond the 2"),
    "threshold missing": ({"threshold": ARRAYS["threshold"][:1]}, "not one threshold"),
    "right missing": ({"right": ARRAYS["right"][:1]}, "not one right child"),
    "leaf missing": ({"p_rim": ARRAYS["p_rim"][:3]}, "not one probability a leaf"),
    "threshold NaN": (_set("threshold", 0, np.nan), "threshold is not finite"),
    "probability NaN": (_set("p_rim", 0, np.nan), "not between 0 and 1"),
    "probability 1.1": (_set("p_rim", 0, 1.1), "not between 0 and 1"),
    "probability negative": (_set("p_rim", 0, -0.1), "not between 0 and 1"),
    "empty tree": ({"tree_sizes": np.array([5, 0, 1], dtype=np.int32)}, "a tree without nodes"),
    "negative tree": ({"tree_sizes": np.array([-1, 7], dtype=np.int32)}, "a tree without nodes"),
    "sizes too large": ({"tree_sizes": np.array([5, 2], dtype=np.int32)}, "do not have the nodes"),
    "sizes wrap around": ({"tree_sizes": np.full(2, 2**31 - 1, dtype=np.int32)}, "do not have the nodes"),
    "no trees": ({"tree_sizes": np.zeros(0, dtype=np.int32)}, "0 trees"),
    "too many trees": ({"tree_sizes": np.ones(10_001, dtype=np.int32)}, "10001 trees, not 1 to 10000"),
    "wrong kind": ({"right": ARRAYS["right"].astype(np.float32)}, "'right' is no row of int32"),
    "wrong shape": ({"p_rim": ARRAYS["p_rim"].reshape(2, 2)}, "'p_rim' is no row of float64"),
    "a scalar": ({"p_rim": np.array(0.5)}, "'p_rim' is no row of float64"),
}


@pytest.mark.parametrize(("changes", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_arrays_that_are_no_forest_are_refused(changes, reason):
    with pytest.raises(ModelError, match=f"no random forest: .*{reason}"):
        _forest(**changes)


def _chain(depth):
    """A tree in which every left child asks again."""
    return {
        "tree_sizes": np.array([2 * depth + 1], dtype=np.int32),
        "feature": np.array([0] * depth + [-1] * (depth + 1), dtype=np.int16),
        "threshold": np.zeros(depth, dtype=np.float32),
        "right": np.arange(2 * depth, depth, -1, dtype=np.int32),
        "p_rim": np.linspace(0, 1, depth + 1),
    }


def test_a_walk_has_an_end():
    deepest = _forest(**_chain(forests.MAX_DEPTH))
    np.testing.assert_array_equal(deepest.predict(_rows((-1, 0), (1, 0))), [0, 1])
    with pytest.raises(ModelError, match="deeper than 1000"):
        _forest(**_chain(forests.MAX_DEPTH + 1))


def test_a_forest_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(forests, "MAX_NODES", 5)
    with pytest.raises(ModelError, match="6 nodes, more than 5"):
        _forest()


def test_any_damage_is_refused_or_harmless(rng):
    rows = rng.normal(0, 1, (20, 2)).astype(np.float32)
    refused = 0
    for _ in range(300):
        changes = {}
        for name in rng.choice(list(ARRAYS), 2, replace=False):
            values = ARRAYS[name].copy()
            values[rng.integers(len(values))] = rng.integers(-3, 8)
            changes[name] = values
        try:
            p_rim = _forest(**changes).predict(rows)
        except ModelError:
            refused += 1
        else:
            assert ((p_rim >= 0) & (p_rim <= 1)).all()
    assert 100 < refused < 300


def test_a_forest_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _forest().n_features = 3
