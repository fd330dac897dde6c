"""The simulation: draw a cohort, make its anatomy, lesions, field and maps, write it as BIDS."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.simulated_dataset import (
    open_simulated_dataset,
    write_participants,
    write_simulated_participant,
)
from qsmrim_app.errors import QsmrimError
from qsmrim_app.levels.simulated_samples import measure_simulated, write_simulated_samples
from qsmrim_app.levels.workers import run_in_workers
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.cohort import simulate_participant
from qsmrim_app.simulation.drawing import draw_participant

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulationTask:
    """One participant to simulate; crosses to a worker process."""

    number: int
    settings: SimulationSettings
    output_dir: Path


def run_simulation(settings: SimulationSettings, output_dir: Path) -> None:
    """Simulate a cohort and write it as a BIDS dataset with derivatives.

    Participant ``k`` depends on the settings and ``k``, not on how many there are; the same settings always
    give the same files.

    Raises
    ------
    OutputError
        If the output folder holds something else, or cannot be written.
    QsmrimError
        If a participant failed: the first reason. The others are complete.
    """
    open_simulated_dataset(output_dir, metadata.version("qsmrim"), settings.flair_masks)
    numbers = range(settings.first_label, settings.first_label + settings.n_participants)
    tasks = {
        SessionKey(f"sim{number:03d}"): SimulationTask(number, settings, output_dir) for number in numbers
    }
    rows, failures = [], []
    for key, outcome in run_in_workers(simulate_one, tasks, settings.nprocs):
        if isinstance(outcome, QsmrimError):
            failures.append(outcome)
            logger.error("%s: %s", key.prefix, outcome)
        else:
            rows.append(outcome)
            logger.info("%s: %d lesions, %d rim+", key.prefix, outcome["n_lesions"], outcome["n_rim_truth"])
    write_participants(output_dir, rows)
    if failures:
        raise failures[0]


def simulate_one(task: SimulationTask) -> dict[str, Any]:
    """Simulate and write one participant; gives back its row of ``participants.tsv``."""
    plan = draw_participant(task.settings, task.number)
    participant = simulate_participant(plan, task.settings)
    if task.settings.samples_dir is not None:
        measured = measure_simulated(participant, task.settings.detector)
        write_simulated_samples(task.settings.samples_dir, SessionKey(plan.label), measured)
    return write_simulated_participant(task.output_dir, participant, task.settings)
