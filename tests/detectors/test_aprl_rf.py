import copy
import dataclasses
import hashlib
import json
import logging
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qsmrim_app.detectors.aprl_rf import FIRST_ORDER, AprlRandomForest
from qsmrim_app.detectors.registry import load_detector, new_detector
from qsmrim_app.errors import CheckpointError, FeatureMismatchError, ModelError, UsageError
from tests.phantom_samples import first_order_samples, tiny_settings

MEDIAN = "original_firstorder_Median"


def _settings(**changes):
    return tiny_settings(**{"method": "aprl-rf", "forest__n_trees": 20, **changes})


def _fitted(samples, seed=0, **changes):
    detector = new_detector(_settings(**changes))
    detector.fit(samples, (seed,))
    return detector


@pytest.fixture(scope="module")
def samples():
    return first_order_samples(40, 6, np.random.default_rng(20260102))


@pytest.fixture(scope="module")
def _trained(samples):
    return _fitted(samples)


@pytest.fixture
def forest(_trained):
    """Twenty trees, trained on ``samples``; a copy for every test."""
    return copy.deepcopy(_trained)


def _with_features(samples, change):
    features = samples.features.copy()
    change(features)
    return dataclasses.replace(samples, features=features)


# ---- what it is ----
def test_the_method_is_registered_and_has_one_member(forest):
    assert isinstance(forest, AprlRandomForest)
    assert AprlRandomForest.one_member


def test_it_looks_at_the_18_first_order_features_of_the_original_image():
    assert len(FIRST_ORDER) == 18
    assert {"original_firstorder_Energy", "original_firstorder_10Percentile", MEDIAN} < set(FIRST_ORDER)


def test_other_features_make_no_difference(forest, samples):
    expected = forest.predict_members(samples)
    others = [column for column, name in enumerate(samples.feature_names) if name not in FIRST_ORDER]

    def drown(features):
        features[:, others] = 1e6

    drowned = _with_features(samples, drown)
    np.testing.assert_array_equal(forest.predict_members(drowned), expected)
    np.testing.assert_array_equal(_fitted(drowned).predict_members(drowned), expected)


def test_features_are_found_by_name(samples):
    order = np.random.default_rng(0).permutation(len(samples.feature_names))
    shuffled = dataclasses.replace(
        samples,
        features=samples.features[:, order],
        feature_names=tuple(samples.feature_names[column] for column in order),
    )
    expected = _fitted(samples).predict_members(samples)
    np.testing.assert_array_equal(_fitted(shuffled).predict_members(shuffled), expected)


def test_a_missing_feature_is_named(samples):
    column = samples.feature_names.index(MEDIAN)
    fewer = dataclasses.replace(
        samples,
        features=np.delete(samples.features, column, axis=1),
        feature_names=tuple(name for name in samples.feature_names if name != MEDIAN),
    )
    with pytest.raises(FeatureMismatchError, match=f"1 of the 18 first-order features are missing.*{MEDIAN}"):
        _fitted(fewer)


# ---- training ----
def test_learns_an_easy_problem():
    rng = np.random.default_rng(7)
    train, held_out = first_order_samples(200, 20, rng), first_order_samples(60, 20, rng)
    for smote in (True, False):
        p_rim = _fitted(train, forest__n_trees=200, forest__smote=smote).predict_members(held_out)[:, 0]
        assert np.mean(p_rim[:20, None] > p_rim[None, 20:]) > 0.95  # ROC AUC
        assert np.median(p_rim[:20]) > 0.5 > 0.1 > np.median(p_rim[20:])


def test_synthetic_rows_make_it_more_sensitive(samples):
    held_out = first_order_samples(60, 20, np.random.default_rng(7))
    with_smote, without = (
        _fitted(samples, forest__n_trees=100, forest__smote=smote).predict_members(held_out)[:20].mean()
        for smote in (True, False)
    )
    assert with_smote > without


def test_the_order_of_the_training_rows_does_not_matter(forest, samples):
    backwards = _fitted(samples.take(range(40)[::-1]))
    np.testing.assert_array_equal(backwards.predict_members(samples), forest.predict_members(samples))


def test_lesions_without_expert_status_do_not_train_and_are_counted(samples):
    rim = samples.rim.copy()
    rim[[0, 20]] = np.nan
    unrated = _with_features(dataclasses.replace(samples, rim=rim), lambda values: np.put(values, [0], 1e9))
    expected = _fitted(samples.take([row for row in range(40) if row not in (0, 20)]))
    found = _fitted(unrated)
    np.testing.assert_array_equal(found.predict_members(samples), expected.predict_members(samples))
    assert found.info.training == {
        "n_subjects": 20,
        "n_lesions": 38,
        "n_rim": 5,
        "n_without_expert_status": 2,
        "n_undefined_features": 0,
        "seeds": [0],
    }


def test_an_undefined_value_takes_the_training_median_and_is_counted(samples):
    column = samples.feature_names.index(MEDIAN)

    def undefine(features):
        features[3, column] = np.nan
        features[3, 0] = np.nan  # a shape feature: not looked at

    holes = _with_features(samples, undefine)
    detector = _fitted(holes)
    assert detector.info.training["n_undefined_features"] == 1
    filled = _with_features(holes, lambda features: np.put(features, [3 * 527 + column], np.nan))
    filled.features[3, column] = np.median(np.delete(samples.features[:, column], 3))
    np.testing.assert_array_equal(detector.predict_members(holes), detector.predict_members(filled))


@pytest.mark.parametrize("status", [0.0, 1.0, np.nan])
def test_both_classes_are_needed(samples, status):
    with pytest.raises(ModelError, match=r"rated rim\+ and rim- lesions"):
        _fitted(dataclasses.replace(samples, rim=np.full(40, status)))


def test_one_rim_lesion_trains_without_synthetic_rows(samples, caplog):
    rim = (np.arange(40) == 0).astype(np.float64)
    with caplog.at_level(logging.WARNING):
        found = _fitted(dataclasses.replace(samples, rim=rim)).predict_members(samples)
    assert "no synthetic rows" in caplog.text
    assert found[:, 0].argmax() == 0


@pytest.mark.parametrize("seeds", [(), (0, 1, 2)])
def test_one_member_takes_one_seed(samples, seeds):
    with pytest.raises(UsageError, match="'aprl-rf' has one member, so it takes one seed"):
        new_detector(_settings()).fit(samples, seeds)


def test_settings_out_of_range_are_refused(samples):
    with pytest.raises(UsageError, match="n_trees is 0; expected 1 to 10000"):
        _fitted(samples, forest__n_trees=0)


# ---- looking ----
def test_one_column_one_row_a_lesion(forest, samples):
    p_rim = forest.predict_members(samples)
    assert p_rim.shape == (40, 1)
    assert p_rim.dtype == np.float64
    assert forest.predict_members(samples.take([])).shape == (0, 1)


def test_the_calibrated_probability_is_the_forests_own_at_temperature_1(forest, samples):
    columns = [samples.feature_names.index(name) for name in FIRST_ORDER]
    said = forest.forest.predict(forest.scaler.transform(samples.features)[:, columns])
    assert {0.0, 1.0} & set(said)
    logits = forest.predict_logits(samples)[:, 0]
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(np.argsort(logits, kind="stable"), np.argsort(said, kind="stable"))
    inside = (said > 0) & (said < 1)
    np.testing.assert_allclose(forest.predict_members(samples)[inside, 0], said[inside])
    forest.info = dataclasses.replace(forest.info, temperature=2.0)
    np.testing.assert_allclose(forest.predict_members(samples)[:, 0], 1 / (1 + np.exp(-logits / 2)))


def test_samples_of_another_kind_are_refused(forest, samples):
    with pytest.raises(FeatureMismatchError, match="trained on features by phantom-1"):
        forest.predict_members(dataclasses.replace(samples, engine="phantom-2"))


def test_an_untrained_forest_neither_predicts_nor_saves(samples, tmp_path):
    untrained = new_detector(_settings())
    with pytest.raises(CheckpointError, match="has not been trained"):
        untrained.predict_members(samples)
    with pytest.raises(CheckpointError, match="has not been trained"):
        untrained.save(tmp_path / "model")


def test_a_model_is_applied_without_the_library_that_grew_it():
    check = (
        "import sys; import qsmrim_app.detectors.registry; "
        "print([name for name in ('sklearn', 'imblearn') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# ---- the bundle ----
@pytest.fixture
def folder(forest, tmp_path):
    forest.save(tmp_path / "model")
    return tmp_path / "model"


def test_a_loaded_model_gives_identical_scores_and_bytes(forest, folder, samples, tmp_path):
    loaded = load_detector(folder)
    np.testing.assert_array_equal(loaded.predict_members(samples), forest.predict_members(samples))
    assert loaded.info == forest.info
    loaded.save(tmp_path / "again")
    assert _content(tmp_path / "again") == _content(folder)


def test_the_same_seed_gives_the_same_bytes(folder, samples, tmp_path):
    for name, seed in (("same", 0), ("other", 1)):
        _fitted(samples, seed).save(tmp_path / name)
    assert _content(tmp_path / "same") == _content(folder)
    assert _content(tmp_path / "other") != _content(folder)


def _content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _edit(folder, change):
    plain = json.loads((folder / "model.json").read_text())
    change(plain)
    (folder / "model.json").write_text(json.dumps(plain))


def _rewrite(folder, change):
    """Change the arrays of the forest and let ``model.json`` agree."""
    path = folder / "member-0.safetensors"
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path)
    raw = path.read_bytes()
    entry = {"file": path.name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    _edit(folder, lambda plain: plain.update(members=[entry]))


def _put(name, place, value):
    def change(arrays):
        arrays[name][place] = value

    return change


HOSTILE = {
    "endless loop": (_put("right", 0, 0), "does not come after the left"),
    "child out of range": (_put("right", 0, 10**9), "outside its tree"),
    "feature out of range": (_put("feature", 0, 18), "a feature beyond the 18"),
    "probability": (_put("p_rim", 0, 2.0), "not between 0 and 1"),
    "infinite": (_put("threshold", 0, torch.inf), "NaN or infinite"),
    "array missing": (lambda arrays: arrays.pop("right"), "a random forest is"),
    "array too many": (lambda arrays: arrays.update(other=torch.zeros(2)), "a random forest is"),
    "array too short": (
        lambda arrays: arrays.update(p_rim=arrays["p_rim"][1:].clone()),
        "not one probability a leaf",
    ),
    "kind": (lambda arrays: arrays.update(right=arrays["right"].float()), "'right' is no row of int32"),
    "kind unknown to numpy": (
        lambda arrays: arrays.update(threshold=arrays["threshold"].bfloat16()),
        "cannot be read",
    ),
}


@pytest.mark.parametrize(("change", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_arrays_that_are_no_forest_are_refused(folder, change, reason):
    _rewrite(folder, change)
    with pytest.raises(CheckpointError, match=reason):
        load_detector(folder)


DESCRIPTIONS = {
    "another number of trees": (
        lambda plain: plain["settings"]["forest"].update(n_trees=21),
        "20 trees, its settings say 21",
    ),
    "several members": (lambda plain: plain.update(members=plain["members"] * 3), "it has 3 members"),
    "features without names": (
        lambda plain: plain["info"].update(feature_names=[f"other-{n}" for n in range(527)]),
        "18 of the 18 first-order features are missing",
    ),
    "no scaler": (lambda plain: plain["scaler"].pop("median"), "feature scaler is damaged"),
    "another method": (lambda plain: plain["settings"].update(method="qsmrim-net"), "names 527 features"),
}


@pytest.mark.parametrize(("change", "reason"), DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def test_an_altered_description_is_refused(folder, change, reason):
    _edit(folder, change)
    with pytest.raises(CheckpointError, match=reason):
        load_detector(folder)
