import dataclasses

import numpy as np
import pytest

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.errors import CheckpointError, FeatureMismatchError, UsageError
from tests.phantom_samples import tiny_settings


def _with_points(detector):
    points = {"f1": 0.4, "high-sensitivity": 0.1}
    detector.info = dataclasses.replace(detector.info, operating_points=points)
    return detector


@pytest.mark.parametrize(
    ("text", "expected"), [("f1", 0.4), ("high-sensitivity", 0.1), ("0.37", 0.37), ("0", 0.0), ("1", 1.0)]
)
def test_operating_points(detector, text, expected):
    assert _with_points(detector).threshold(text) == expected


@pytest.mark.parametrize("text", ["F1", "high", "1.01", "-0.1", "nan", ""])
def test_other_operating_points_are_refused(detector, text):
    with pytest.raises(UsageError, match="has f1, high-sensitivity"):
        _with_points(detector).threshold(text)


def test_a_model_without_points_takes_numbers_only(detector):
    assert detector.threshold("0.5") == 0.5
    with pytest.raises(UsageError, match="has none"):
        detector.threshold("f1")


def test_temperature_and_shift_calibrate_the_logits(detector, samples):
    logits = detector.predict_logits(samples)
    detector.info = dataclasses.replace(detector.info, temperature=2.5, log_odds_shift=-0.7)
    np.testing.assert_allclose(detector.predict_members(samples), 1 / (1 + np.exp(0.7 - logits / 2.5)))


def _renamed(samples):
    return {"feature_names": ("feature-0", "other", *samples.feature_names[2:])}


def _swapped(samples):
    return {"feature_names": (*samples.feature_names[1::-1], *samples.feature_names[2:])}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_renamed, "feature 1 is 'other', the model expects 'feature-1'"),
        (_swapped, "feature 0 is 'feature-1'"),
        (
            lambda s: {"features": s.features[:, :5], "feature_names": s.feature_names[:5]},
            "5 features were given, the model expects 6",
        ),
        (lambda _: {"margin_mm": 0.0}, "looks 2.0 mm around a lesion and calls the 'brain-median'"),
        (lambda _: {"qsm_zero": "as-stored"}, "the samples were made with 2.0 mm and 'as-stored'"),
        (lambda _: {"bin_width_ppb": 5.0}, "features in bins of 25 ppb, those of the samples .* with 5 ppb"),
        (lambda _: {"engine": "phantom-2"}, "trained on features by phantom-1, these are by phantom-2"),
        (lambda _: {"spacing_mm": (1.0, 1.0, 3.0)}, "looks at voxels of"),
        (lambda s: {"patches": s.patches[..., :4]}, "looks at patches of"),
    ],
)
def test_samples_of_another_kind_are_refused(detector, samples, change, reason):
    other = dataclasses.replace(samples, **change(samples))
    with pytest.raises(FeatureMismatchError, match=reason):
        detector.check_samples(other)
    with pytest.raises(FeatureMismatchError, match=reason):
        detector.predict_members(other)


def test_samples_by_an_engine_that_agrees_are_accepted(detector, samples):
    detector.info = dataclasses.replace(detector.info, engine="pyradiomics-3.0.1")
    expected = detector.predict_members(dataclasses.replace(samples, engine="pyradiomics-3.0.1"))
    found = detector.predict_members(dataclasses.replace(samples, engine="vectorised-1"))
    np.testing.assert_array_equal(found, expected)


def test_an_untrained_detector_neither_predicts_nor_saves(samples, tmp_path):
    untrained = new_detector(tiny_settings())
    with pytest.raises(CheckpointError, match="has not been trained"):
        untrained.predict_members(samples)
    with pytest.raises(CheckpointError, match="has not been trained"):
        untrained.save(tmp_path / "model")
