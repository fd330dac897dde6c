"""Gradient-echo protocols: the paper's, and others that a varied cohort mixes with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qsmrim_app.settings import SimulationSettings, Vector3


@dataclass(frozen=True)
class Protocol:
    """How the gradient-echo scan is taken.

    ``phase_resolution`` is the share of k-space along j that is acquired; the rest is filled with zeros.
    """

    name: str
    spacing_mm: Vector3
    first_echo_s: float
    echo_spacing_s: float
    n_echoes: int
    repetition_time_s: float
    field_strength_t: float
    phase_resolution: float

    @property
    def echo_times_s(self) -> tuple[float, ...]:
        """Time of each echo."""
        return tuple(self.first_echo_s + self.echo_spacing_s * echo for echo in range(self.n_echoes))


PAPER = Protocol("paper", (0.75, 0.75, 3.0), 0.0063, 0.0041, 10, 0.048, 3.0, 0.75 / 0.93)
OTHERS: tuple[tuple[Protocol, float], ...] = (  # with the share of a varied cohort that has it
    (PAPER, 0.55),
    (Protocol("isotropic", (1.0, 1.0, 1.0), 0.0055, 0.0050, 6, 0.040, 3.0, 1.0), 0.13),
    (Protocol("two-millimetre", (0.85, 0.85, 2.0), 0.0050, 0.0045, 7, 0.042, 3.0, 0.85), 0.14),
    (Protocol("low-field", (0.9, 0.9, 2.5), 0.0070, 0.0065, 6, 0.055, 1.5, 0.8), 0.08),
    (Protocol("high-field", (0.75, 0.75, 1.5), 0.0040, 0.0040, 6, 0.032, 7.0, 0.9), 0.10),
)


def draw_protocol(rng: np.random.Generator, settings: SimulationSettings) -> Protocol:
    """The protocol of one participant; the draw is made whether or not it is used."""
    shares = np.array([share for _, share in OTHERS])
    drawn = OTHERS[int(rng.choice(len(OTHERS), p=shares / shares.sum()))][0]
    if settings.protocol == "varied":
        return drawn
    return replace(PAPER, spacing_mm=settings.spacing_mm, field_strength_t=settings.field_strength_t)
