from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.detectors.registry import DETECTORS, new_detector
from qsmrim_app.errors import CheckpointError, UsageError
from qsmrim_app.levels.classifying import Classifier
from qsmrim_app.settings import ParticipantSettings, PreprocessingSettings
from qsmrim_app.tables.lesion_table import lesion_table
from tests.phantom_samples import complete_samples, tiny_settings

SETTINGS = ParticipantSettings(Path("in"), Path("out"))


def with_spacing(spacing_mm, **changes):
    steps = PreprocessingSettings(analysis_spacing_mm=spacing_mm)
    return ParticipantSettings(Path("in"), Path("out"), preprocessing=steps, **changes)


def test_the_default_model_comes_with_its_threshold():
    classifier = Classifier.load(SETTINGS)
    summary = classifier.summary()
    assert summary is not None
    assert summary.trained_on_simulation
    assert summary.n_members == 3
    assert summary.threshold == classifier.detector.threshold("f1")


def test_a_voxel_size_that_the_model_does_not_know_is_refused_before_anything_runs():
    with pytest.raises(UsageError, match="--model none"):
        Classifier.load(with_spacing((1.0, 1.0, 1.0)))
    measured_only = Classifier.load(with_spacing((1.0, 1.0, 1.0), model=Path("none")))
    assert measured_only.settings.spacing_mm == (1.0, 1.0, 1.0)
    assert measured_only.summary() is None


@pytest.mark.parametrize("model", [None, Path("none")])
def test_the_engine_of_the_features_is_chosen_for_the_run(model):
    """Whatever the model was trained with."""
    assert Classifier.load(replace(SETTINGS, model=model)).settings.radiomics.engine == "vectorised"
    asked = replace(SETTINGS, model=model, radiomics_engine="pyradiomics")
    assert Classifier.load(asked).settings.radiomics.engine == "pyradiomics"


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        Classifier.load(ParticipantSettings(Path("in"), Path("out"), model=tmp_path))


@pytest.mark.parametrize("method", DETECTORS)
def test_a_model_of_every_method_classifies(method, rng, tmp_path):
    samples = complete_samples(8, rng)
    detector = new_detector(tiny_settings(method=method, network__n_features=527, forest__n_trees=20))
    detector.fit(samples, (0,))
    detector.save(tmp_path)
    asked = ParticipantSettings(Path("in"), Path("out"), model=tmp_path, operating_point="0.5")
    classifier = Classifier.load(asked)
    rows = [{"subject": key[0], "session": key[1], "index": key[2], "name": "lesion"} for key in samples.keys]
    assert classifier.summary().method == method
    classified = classifier.classify(lesion_table(rows), samples).frame
    assert classified["p_rim"].between(0, 1).all()
    assert ((classified["p_rim"] >= 0.5) == classified["rim_predicted"]).all()
    spread = np.sqrt(np.square(classified["training_distance"]).mean())
    assert spread == pytest.approx(1, rel=1e-5)  # of the lesions that it was trained on
