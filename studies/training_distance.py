"""How many lesions count as unlike the training, right and wrong ones: a table in the terminal.

``python studies/training_distance.py COHORT --samples FOLDER [--participants N] [--data FOLDER]``. Of all
samples of a cohort the distance from a scaler that was fitted on the other four fifths of the participants;
of some participants that to the scaler of the default model, as they are and with a fault of the QSM.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.images import grid_with_spacing, relative_to_median
from qsmrim_app.learning.scaling import FeatureScaler, fit_feature_scaler
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.levels.unlike_training import FAR, FEWEST, MANY
from qsmrim_app.preprocessing.brain_mask import mask_from_support
from qsmrim_app.preprocessing.resampling import resample_image, resample_labels
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import DetectorSettings, LesionSettings
from qsmrim_app.tables.lesion_samples import LesionSamples, concatenate_samples, read_samples
from studies.cohort_files import Participant, find_cohort, find_semireal, read_lesions, read_qsm
from studies.gathering import spread_over_reconstructions

_FOLDS = 5
_FACTORS = {"as it is": 1, "wrong sign": -1, "half as large": 0.5, "twice as large": 2, "ten times": 10}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--samples", type=Path, required=True, help="one kind of masks in a --samples-dir")
    parser.add_argument("--participants", type=int, default=12)
    parser.add_argument("--data", type=Path, help="folder of the semi-real participants")
    options = parser.parse_args()
    print("case | lesions | far | participants | warned | median\n---|--:|--:|--:|--:|--:")
    files = sorted(options.samples.rglob("*.safetensors"))
    distances = out_of_fold(concatenate_samples([read_samples(path) for path in files]))
    print(row("simulated, out of fold", distances), flush=True)
    detector = load_detector(DEFAULT_MODEL)
    assert detector.scaler is not None
    people = spread_over_reconstructions(find_cohort(options.cohort).participants, options.participants)
    groups = {"simulated": people, "semi-real": find_semireal(options.data) if options.data else ()}
    for name, group in groups.items():
        found: dict[str, list[np.ndarray]] = {}
        for person in group:
            for case, distance in with_faults(person, detector.scaler, detector.settings):
                found.setdefault(case, []).append(distance)
        for case, distances in found.items():
            print(row(f"{name}, {case}", distances), flush=True)


def row(case: str, distances: list[np.ndarray]) -> str:
    """One line: lesions and participants, and of how many the App would say something."""
    far = [int((one > FAR).sum()) for one in distances]
    warned = sum(n >= FEWEST and n > MANY * len(one) for n, one in zip(far, distances, strict=True))
    every = np.concatenate(distances)
    return (
        f"{case} | {every.size} | {sum(far)} ({(every > FAR).mean():.1%}) | {len(distances)} | {warned} | "
        f"{np.median(every):.2f}"
    )


def out_of_fold(samples: LesionSamples) -> list[np.ndarray]:
    """The distances of each participant's lesions to the scaler of participants in other folds."""
    subjects = np.unique(samples.subjects)
    distances = []
    for fold in range(_FOLDS):
        held_out = subjects[fold::_FOLDS]
        inside = np.isin(samples.subjects, held_out)
        scaler = fit_feature_scaler(samples.features[~inside], DetectorSettings().training.feature_clip)
        distances += [scaler.distance(samples.features[samples.subjects == subject]) for subject in held_out]
    return distances


def with_faults(
    person: Participant, scaler: FeatureScaler, settings: DetectorSettings
) -> Iterator[tuple[str, np.ndarray]]:
    """Distances of a participant's lesions, with the QSM as it is and with each fault."""
    qsm, lesions = read_qsm(person), read_lesions(person)
    grid = grid_with_spacing(qsm, settings.spacing_mm)
    labels = resample_labels(lesions, grid)
    brain = mask_from_support(qsm)
    inside = resample_image(brain.with_data(brain.data.astype(np.float32)), grid)
    placed = relative_to_median(resample_image(qsm, grid), inside.with_data(inside.data > 0.5))
    for case, factor in _FACTORS.items():
        yield case, _distances(placed.with_data(placed.data * np.float32(factor)), labels, scaler, settings)


def _distances(qsm: Volume, labels: Volume, scaler: FeatureScaler, settings: DetectorSettings) -> np.ndarray:
    lesions = [lesion for lesion in find_lesions(labels) if lesion.n_voxels >= LesionSettings().min_voxels]
    features = extract_features(qsm, labels, lesions, settings.radiomics)
    kept = [row for row, lesion in enumerate(lesions) if lesion.index not in features.failures]
    return scaler.distance(features.values[kept])


if __name__ == "__main__":
    main()
