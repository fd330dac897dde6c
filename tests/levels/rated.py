"""Rated lesions by subject, for tests of what is decided before any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from qsmrim_app.levels.rated_lesions import RatedLesions, VariantCounts
from qsmrim_app.levels.sources import MAIN
from tests.phantom_samples import lesion_samples

EXTRA = "extra"


def rated_of(rims: Mapping[str, Sequence[int]], without_lesions: Sequence[str] = ()) -> RatedLesions:
    """Lesions with the given rim status; subjects called ``extra:...`` only train."""
    keys = tuple((subject, "", row + 1) for subject, status in rims.items() for row in range(len(status)))
    rim = np.array([value for status in rims.values() for value in status], dtype=np.float64)
    samples = replace(lesion_samples(len(rim), np.random.default_rng(0)), keys=keys, rim=rim)
    variants = np.array([EXTRA if key[0].startswith(f"{EXTRA}:") else MAIN for key in keys])
    counts = {
        name: VariantCounts(0, int((variants == name).sum()), int(rim[variants == name].sum()), 0, 0, 0)
        for name in dict.fromkeys(variants.tolist())
    }
    own = {subject for subject in rims if not subject.startswith(f"{EXTRA}:")}
    return RatedLesions(
        samples,
        variants,
        counts,
        frozenset(),
        frozenset(counts) - {MAIN},
        frozenset(own | set(without_lesions)),
    )
