"""What every method must do, whatever it is made of."""

import dataclasses
import json

import numpy as np
import pytest

from qsmrim_app.detectors.registry import DETECTORS, load_detector, new_detector
from qsmrim_app.errors import CheckpointError, FeatureMismatchError
from tests.phantom_samples import complete_samples, tiny_settings

FEATURES = 527
OTHER_PARTS = {
    "deep_smote": lambda value: not value,
    "radiomics": lambda value: not value,
    "fusion": lambda value: "rimnet" if value == "concatenate" else "concatenate",
    "architecture": lambda value: "rimnet" if value == "qsmrim-net" else "qsmrim-net",
}
BLIND_TO = {
    "patches": {"aprl-rf", "aprl-nn"},
    "features": {"rimnet", "ablation-image", "ablation-rimnet-fusion"},
}


@pytest.fixture(scope="module", params=DETECTORS)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def samples():
    return complete_samples(12, np.random.default_rng(20260103))


def _fitted(method, samples, first_seed=0, **changes):
    settings = tiny_settings(method=method, network__n_features=FEATURES, forest__n_trees=20, **changes)
    detector = new_detector(settings)
    n_members = 1 if DETECTORS[method].one_member else 3
    detector.fit(samples, range(first_seed, first_seed + n_members))
    return detector


@pytest.fixture(scope="module")
def trained(method, samples):
    return _fitted(method, samples)


@pytest.fixture
def folder(trained, tmp_path):
    trained.save(tmp_path / "model")
    return tmp_path / "model"


def _content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _edit(folder, change):
    plain = json.loads((folder / "model.json").read_text())
    change(plain["settings"])
    (folder / "model.json").write_text(json.dumps(plain))


def test_it_learns_eight_lesions_by_heart(method):
    samples = complete_samples(8, np.random.default_rng(1))
    detector = _fitted(
        method,
        samples,
        training__epochs=40,
        training__milestones=(),
        training__batch_size=8,
        training__learning_rate=1e-2,
        training__augment=False,
        network__classifier_dropout=0.1,
    )
    assert ((np.median(detector.predict_members(samples), axis=1) > 0.5) == samples.rim).all()


def test_a_batch_of_four_is_four_batches_of_one(trained, samples):
    four = samples.take(range(4))
    alone = trained.predict_members(four, batch_size=1)
    np.testing.assert_allclose(trained.predict_members(four, batch_size=4), alone, atol=1e-5)


def test_a_loaded_model_gives_identical_scores_and_bytes(trained, folder, samples, tmp_path):
    loaded = load_detector(folder)
    np.testing.assert_array_equal(loaded.predict_members(samples), trained.predict_members(samples))
    assert (loaded.settings, loaded.info) == (trained.settings, trained.info)
    loaded.save(tmp_path / "again")
    assert _content(tmp_path / "again") == _content(folder)


def test_the_same_seeds_give_the_same_bytes_and_others_do_not(method, folder, samples, tmp_path):
    for name, seed in (("same", 0), ("other", 3)):
        _fitted(method, samples, seed).save(tmp_path / name)
    assert _content(tmp_path / "same") == _content(folder)
    assert _content(tmp_path / "other") != _content(folder)


def test_the_bundle_holds_the_parts_of_the_network(method, folder):
    stored = json.loads((folder / "model.json").read_text())["settings"]
    assert stored["method"] == method
    assert stored["network"].items() >= DETECTORS[method].network.items()


@pytest.mark.parametrize("other", DETECTORS)
def test_a_bundle_under_the_name_of_another_method_is_refused(method, folder, other):
    if other == method:
        load_detector(folder)
        return
    _edit(folder, lambda settings: settings.update(method=other))
    reason = r"is refused, as its network\.|do not have the shape that its settings say|it has 3 members"
    with pytest.raises(CheckpointError, match=reason):
        load_detector(folder)


def test_a_bundle_with_parts_of_another_method_is_refused(method, folder):
    for part, fixed in DETECTORS[method].network.items():
        value = OTHER_PARTS[part](fixed)
        _edit(folder, lambda settings, part=part, value=value: settings["network"].update({part: value}))
        with pytest.raises(CheckpointError, match=rf"network\.{part} is {value!r}; method '{method}' has"):
            load_detector(folder)
        _edit(folder, lambda settings, part=part, fixed=fixed: settings["network"].update({part: fixed}))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: {"features": s.features[:, :-1], "feature_names": s.feature_names[:-1]},
        lambda s: {"patches": s.patches[..., :-1]},
        lambda _: {"spacing_mm": (1.0, 1.0, 1.0)},
    ],
    ids=["features", "patches", "spacing"],
)
def test_samples_of_another_shape_are_refused(trained, samples, change):
    with pytest.raises(FeatureMismatchError):
        trained.predict_members(dataclasses.replace(samples, **change(samples)))


@pytest.mark.parametrize("what", ["features", "patches"])
def test_it_looks_at_its_own_inputs_and_at_no_others(method, trained, samples, what):
    is_blind = method in BLIND_TO[what]
    other = dataclasses.replace(samples, **{what: getattr(samples, what)[::-1].copy()})
    expected = trained.predict_members(samples)
    assert np.array_equal(trained.predict_members(other), expected) == is_blind
    retrained = _fitted(method, other)
    assert np.array_equal(retrained.predict_members(samples), expected) == is_blind


def test_an_untrained_detector_neither_predicts_nor_saves(method, samples, tmp_path):
    untrained = new_detector(tiny_settings(method=method))
    with pytest.raises(CheckpointError, match="has not been trained"):
        untrained.predict_members(samples)
    with pytest.raises(CheckpointError, match="has not been trained"):
        untrained.save(tmp_path / "model")
