"""The parts of the suite, in the order in which they run and stand on the page."""

from __future__ import annotations

from benchmarks import (
    bias_correction,
    inference,
    participant,
    query,
    radiomics,
    registration,
    startup,
    training,
)
from benchmarks.parts import Part

PARTS: dict[str, Part] = {
    module.PART.name: module.PART
    for module in (radiomics, query, participant, registration, bias_correction, training, inference, startup)
}
