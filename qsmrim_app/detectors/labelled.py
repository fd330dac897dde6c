"""What training takes from samples: the lesions that an expert rated, and their story."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qsmrim_app.errors import ModelError
from qsmrim_app.tables.lesion_samples import LesionSamples


def labelled_rows(samples: LesionSamples) -> LesionSamples:
    """Rows with an expert status, sorted by key: a model does not depend on the order of the files.

    Raises
    ------
    ModelError
        If one of the two classes is missing.
    """
    rows = [row for row in range(len(samples)) if not np.isnan(samples.rim[row])]
    known = samples.take(np.array(sorted(rows, key=lambda row: samples.keys[row]), dtype=np.intp))
    n_rim = int(known.rim.sum())
    if not 0 < n_rim < len(known):
        raise ModelError(f"training needs rated rim+ and rim- lesions, found {n_rim} of {len(known)} rim+")
    return known


def describe_training(
    samples: LesionSamples, known: LesionSamples, seeds: Sequence[int]
) -> dict[str, object]:
    """Counts for ``info.training``; ``known`` are the `labelled_rows` of ``samples``."""
    return {
        "n_subjects": len(np.unique(known.subjects)),
        "n_lesions": len(known),
        "n_rim": int(known.rim.sum()),
        "n_without_expert_status": len(samples) - len(known),
        "n_undefined_features": int((~np.isfinite(known.features)).sum()),
        "seeds": [int(seed) for seed in seeds],
    }
