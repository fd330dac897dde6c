"""What must be said wherever a result is shown."""

from __future__ import annotations

RESEARCH_ONLY = "For research, not for diagnosis."
SIMULATED_TRAINING = "Trained on simulated lesions; for research, not for diagnosis."
SIMULATED_IMAGES = "Simulated images: what is shown here is not a patient's."


def model_notice(trained_on_simulation: bool) -> str:
    """The sentence that goes with every result of a model."""
    return SIMULATED_TRAINING if trained_on_simulation else RESEARCH_ONLY
