from pathlib import Path

import pytest

from qsmrim_app.errors import CheckpointError, UsageError
from qsmrim_app.levels.classifying import Classifier
from qsmrim_app.settings import ParticipantSettings, PreprocessingSettings

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


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        Classifier.load(ParticipantSettings(Path("in"), Path("out"), model=tmp_path))
