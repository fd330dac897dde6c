"""Lesions that are unlike those the model was trained on: a distance and a flag in the table, a warning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.tables.columns import UNLIKE_TRAINING
from qsmrim_app.tables.lesion_samples import LesionSamples
from qsmrim_app.tables.lesion_table import LesionTable

# Of simulated lesions of participants that the scaler had not seen, 0.8 % lie further (decision 0042).
FAR = 3.0
MANY = 0.1  # share of the classified lesions from which on it is the session that is unlike, not a lesion
FEWEST = 2


def add_training_distance(
    table: LesionTable, samples: LesionSamples, distance: NDArray[np.float64] | None
) -> LesionTable:
    """The table with ``training_distance``, and the flag of the lesions that lie far out.

    Parameters
    ----------
    table
        Rows of the samples, and others.
    samples
        n lesions.
    distance
        Shape (n,), as from `RimDetector.training_distance`; None where the model cannot say: then the column
        stays n/a.
    """
    if distance is None:
        return table
    flags = dict(zip(table.keys(), table.frame["flags"], strict=True))
    values: dict[str, dict[tuple[str, str, int], Any]] = {
        "training_distance": dict(zip(samples.keys, distance.tolist(), strict=True)),
        "flags": {
            key: ",".join(filter(None, (flags[key], UNLIKE_TRAINING)))
            for key, far in zip(samples.keys, distance > FAR, strict=True)
            if far
        },
    }
    return table.with_columns(values)


def unlike_training_warnings(table: LesionTable) -> tuple[str, ...]:
    """What to say of a session many of whose classified lesions are unlike the training; else nothing."""
    distance = table.frame["training_distance"].dropna()
    n_far = int((distance > FAR).sum())
    if n_far < FEWEST or n_far <= MANY * len(distance):
        return ()
    return (
        f"{n_far} of {len(distance)} classified lesions are unlike those that the model was trained on "
        f"(training_distance above {FAR:g}): their probabilities are not to be relied on; look for a wrong "
        "input (sign or unit of the QSM, lesion map), and if there is none, train on data like yours",
    )
