"""A small trained model that looks at samples of the real size; its probabilities mean nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.levels.measuring import load_session, measure_session
from qsmrim_app.settings import (
    DetectorSettings,
    LesionSettings,
    NetworkSettings,
    TrainingSettings,
)
from qsmrim_app.tables.lesion_samples import concatenate_samples
from tests import phantoms
from tests.levels.prepared import prepare_phantom

TINY = DetectorSettings(
    network=NetworkSettings(width=4, radiomic_hidden=16, embedding=16, classifier_hidden=8),
    training=TrainingSettings(epochs=8, batch_size=8, learning_rate=1e-2),
)


def write_tiny_model(folder: Path, scratch: Path) -> Path:
    """Train on phantoms and write the bundle; its folder."""
    truth = phantoms.rim_truth()
    parts = []
    for subject in ("11", "12", "13"):
        place = scratch / subject
        place.mkdir(parents=True)
        case = phantoms.phantom_case(subject=subject, seed=int(subject))
        samples = measure_session(
            load_session(prepare_phantom(case, place)), {}, None, LesionSettings(), TINY
        ).samples
        parts.append(replace(samples, rim=np.array([float(truth[key[2]]) for key in samples.keys])))
    detector = new_detector(TINY)
    detector.fit(concatenate_samples(parts), (0, 1, 2))
    detector.info = replace(
        detector.info, name="tiny", operating_points={"f1": 0.5, "high-sensitivity": 0.1},
        trained_on_simulation=True, statement="Trained on shapes.",
    )  # fmt: skip
    detector.save(folder)
    return folder
