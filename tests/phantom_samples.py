"""Small lesion samples for a tiny detector: a rim+ lesion is brighter and has a higher first feature."""

from __future__ import annotations

import dataclasses

import numpy as np

from qsmrim_app.plain_data import with_values
from qsmrim_app.radiomic_features.parameters import feature_names
from qsmrim_app.settings import DetectorSettings, PatchSettings, RadiomicsSettings
from qsmrim_app.tables.lesion_samples import LesionSamples

SHAPE = (16, 16, 8)
N_FEATURES = 6
SPACING_MM = (0.75, 0.75, 3.0)


def lesion_samples(n: int, rng: np.random.Generator, lesions_a_subject: int = 2) -> LesionSamples:
    """``n`` lesions, every second one rim+."""
    rim = (np.arange(n) % 2).astype(np.float64)
    patches = np.zeros((n, 2, *SHAPE), dtype=np.float32)
    patches[:, :, 4:12, 4:12, 2:6] = rng.normal(0, 30, (n, 2, 8, 8, 4)) + 60 * rim[:, None, None, None, None]
    patches[:, 1] /= 50  # a z-score
    features = rng.normal(0, 1, (n, N_FEATURES))
    features[:, 0] += 3 * rim
    return LesionSamples(
        keys=tuple((f"{row // lesions_a_subject:03d}", "", row + 1) for row in range(n)),
        patches=patches,
        features=features,
        feature_names=tuple(f"feature-{column}" for column in range(N_FEATURES)),
        spacing_mm=SPACING_MM,
        engine="phantom-1",
        rim=rim,
        bin_width_ppb=RadiomicsSettings().bin_width_ppb,
        margin_mm=PatchSettings().margin_mm,
        qsm_zero=PatchSettings().qsm_zero,
    )


def tiny_settings(**changes: object) -> DetectorSettings:
    """A detector that trains in a second; ``changes`` name nested fields with ``__`` for the dot."""
    tiny = {
        "patch.shape_vox": SHAPE,
        "network.width": 2,
        "network.n_features": N_FEATURES,
        "network.radiomic_hidden": 12,
        "network.embedding": 16,
        "network.classifier_hidden": 8,
        "training.epochs": 2,
        "training.batch_size": 4,
    }
    return with_values(DetectorSettings(), {**tiny, **{k.replace("__", "."): v for k, v in changes.items()}})


def first_order_samples(n: int, n_rim: int, rng: np.random.Generator) -> LesionSamples:
    """``n`` lesions with the 527 features; the first ``n_rim`` are rim+, and their median is high."""
    samples = lesion_samples(n, rng)
    names = feature_names()
    rim = (np.arange(n) < n_rim).astype(np.float64)
    features = rng.normal(0, 1, (n, len(names)))
    features[:, names.index("original_firstorder_Median")] += 4 * rim
    return dataclasses.replace(samples, features=features, feature_names=names, rim=rim)


def complete_samples(n: int, rng: np.random.Generator) -> LesionSamples:
    """``n`` lesions that every method can look at: the image and a first-order feature show the rim."""
    samples = lesion_samples(n, rng)
    names = feature_names()
    features = rng.normal(0, 1, (n, len(names)))
    features[:, names.index("original_firstorder_Median")] += 6 * samples.rim
    return dataclasses.replace(samples, features=features, feature_names=names)
