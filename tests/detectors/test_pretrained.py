from dataclasses import replace

import numpy as np
import pytest
import torch

from qsmrim_app.detectors.registry import load_detector, new_detector
from qsmrim_app.errors import FeatureMismatchError, ModelError
from tests.phantom_samples import tiny_settings

STILL = {"training.learning_rate": 1e-12}  # a training that changes nothing that can be seen


def _started(settings, source, samples, seeds=(0,)):
    model = new_detector(settings)
    model.start_from(source)
    model.fit(samples, seeds)
    return model


def _weights(detector, member=0):
    return dict(detector.members[member].named_parameters())


def test_a_member_starts_from_that_of_its_seed_counted_around(detector, samples):
    model = _started(tiny_settings(**STILL), detector, samples, seeds=(1, 2, 3))
    for member, origin in enumerate((1, 2, 0)):
        found, expected = _weights(model, member), _weights(detector, origin)
        for name, weight in expected.items():
            torch.testing.assert_close(found[name], weight, msg=name)


def test_another_method_gives_the_parts_that_fit_but_never_its_classifier(samples, fit, method):
    source = new_detector(tiny_settings(method="ablation-image"))
    source.fit(samples, (0,))
    found = _weights(_started(tiny_settings(method=method, **STILL), source, samples))
    nothing = _weights(fit(samples, **STILL))
    for name, weight in _weights(source).items():
        expected = weight if name.startswith("image_branch.") else nothing[name]
        torch.testing.assert_close(found[name], expected, msg=name)
    for name in set(nothing) - set(_weights(source)):
        torch.testing.assert_close(found[name], nothing[name], msg=name)


def test_the_training_goes_on_from_there_and_says_so(detector, samples, fit, tmp_path):
    model = _started(tiny_settings(), detector, samples)
    assert not np.allclose(model.predict_members(samples), fit(samples).predict_members(samples), atol=1e-4)
    model.save(tmp_path / "model")
    told = load_detector(tmp_path / "model").info.training["started_from"]
    assert (told["name"], told["trained_on_simulation"]) == ("qsmrim-net", False)
    assert told["parts"] == ["classifier", "deep_smote", "image_branch", "radiomic_branch"]


def test_an_interrupted_training_is_resumed_only_with_the_same_start(detector, samples, tmp_path):
    def trained(start, folder):
        model = new_detector(tiny_settings())
        if start is not None:
            model.start_from(start)
        model.fit(samples, (0,), checkpoint_dir=folder)
        return model.predict_logits(samples)

    folder = tmp_path / "checkpoints"
    from_nothing = trained(None, folder)
    np.testing.assert_array_equal(trained(None, folder), from_nothing)
    np.testing.assert_array_equal(trained(detector, folder), trained(detector, tmp_path / "other"))


def test_running_statistics_are_taken_too(detector):
    model = new_detector(tiny_settings())
    model.start_from(detector)
    expected = {name: tensor.half().float() for name, tensor in detector.members[1].state_dict().items()}
    found = model._untrained(1).state_dict()
    assert any(name.endswith("running_var") for name in found)
    for name, tensor in detector.members[1].state_dict().items():
        exact = tensor if "running" in name or "batches" in name else expected[name]
        torch.testing.assert_close(found[name], exact, msg=name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network.width": 8}, r"network.width is 8 here and 2 there \(give --width 2\)"),
        ({"network.radiomic_hidden": 24}, "network.radiomic_hidden is 24 here and 12 there"),
        ({"patch.qsm_scale_ppb": 50.0}, "patch.qsm_scale_ppb is 50 here and 100 there"),
        ({"training.feature_clip": 5.0}, "training.feature_clip is 5 here and 10 there"),
    ],
)
@pytest.mark.parametrize("name", ["qsmrim-net", "ablation-no-smote"])
def test_a_model_of_other_sizes_or_scales_is_refused(detector, change, said, name):
    with pytest.raises(ModelError, match=f"'{name}' cannot start from model 'qsmrim-net'.*{said}"):
        new_detector(tiny_settings(method=name, **change)).start_from(detector)


def test_methods_without_a_branch_in_common(detector):
    with pytest.raises(ModelError, match="they have no branch in common"):
        new_detector(tiny_settings(method="rimnet")).start_from(detector)
    with pytest.raises(ModelError, match=r"in common$"):  # whatever its width
        new_detector(tiny_settings(method="rimnet", **{"network.width": 8})).start_from(detector)


def test_a_forest_starts_from_nothing(detector):
    with pytest.raises(ModelError, match="'aprl-rf' cannot start"):
        new_detector(tiny_settings(method="aprl-rf")).start_from(detector)


def test_samples_of_another_kind_than_the_start_saw_are_refused(detector, samples):
    model = new_detector(tiny_settings())
    model.start_from(detector)
    names = tuple(reversed(samples.feature_names))
    with pytest.raises(FeatureMismatchError, match="the model expects"):
        model.fit(replace(samples, feature_names=names), (0,))
