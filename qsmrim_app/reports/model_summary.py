"""The model as pages and texts name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSummary:
    """A model and how it was applied.

    Parameters
    ----------
    name, version
        Of the bundle.
    method
        Its key in the registry of detectors.
    n_members
        Networks (or forests) whose votes are counted.
    operating_point
        "f1", "high-sensitivity", or a probability in words.
    threshold
        Probability at or above which a lesion is rim+.
    trained_on_simulation
        Whether any of the training lesions was simulated.
    trained_on
        A sentence on the training data, or empty.
    """

    name: str
    version: str
    method: str
    n_members: int
    operating_point: str
    threshold: float
    trained_on_simulation: bool
    trained_on: str = ""
