"""The simulation: draw a cohort, make its anatomy, lesions, field and maps, write it as BIDS."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.simulated_dataset import (
    open_simulated_dataset,
    read_participants,
    write_participants,
    write_simulated_participant,
)
from qsmrim_app.errors import QsmrimError
from qsmrim_app.levels.simulated_samples import has_samples, measure_simulated, write_simulated_samples
from qsmrim_app.levels.workers import run_in_workers
from qsmrim_app.plain_data import to_plain, with_values
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
    give the same files. A participant that the same settings made already is not made again, so that an
    interrupted run goes on.

    Raises
    ------
    OutputError
        If the output folder holds something else, or cannot be written.
    QsmrimError
        If a participant failed: the first reason. The others are complete.
    """
    open_simulated_dataset(output_dir, metadata.version("qsmrim"), settings.flair_masks is not None)
    numbers = range(settings.first_label, settings.first_label + settings.n_participants)
    everyone = {
        SessionKey(f"sim{number:03d}"): SimulationTask(number, settings, output_dir) for number in numbers
    }
    tasks = _unfinished(everyone, settings, output_dir)
    if len(tasks) < len(everyone):
        logger.info("%d participant(s) are there already", len(everyone) - len(tasks))
    failures = []
    for key, outcome in run_in_workers(simulate_one, tasks, settings.nprocs):
        if isinstance(outcome, QsmrimError):
            failures.append(outcome)
            logger.error("%s: %s", key.prefix, outcome)
        else:
            write_participants(output_dir, [outcome])
            logger.info("%s: %d lesions, %d rim+", key.prefix, outcome["n_lesions"], outcome["n_rim_truth"])
    if failures:
        raise failures[0]


def recipe(settings: SimulationSettings) -> str:
    """A digest of what makes a participant: the settings, but for how many and where, and the version.

    The engines of the features agree, so a cohort may go on with the other one.
    """
    where = {"n_participants", "first_label", "nprocs", "samples_dir"}
    same = with_values(settings, {"detector.radiomics.engine": "pyradiomics"})
    plain = {name: value for name, value in to_plain(same).items() if name not in where}
    text = json.dumps([plain, metadata.version("qsmrim")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _unfinished(
    tasks: Mapping[SessionKey, SimulationTask], settings: SimulationSettings, output_dir: Path
) -> dict[SessionKey, SimulationTask]:
    """The participants that these settings have not made yet; a row is written when the files are there."""
    rows, wanted = read_participants(output_dir), recipe(settings)
    return {
        key: task
        for key, task in tasks.items()
        if rows.get(f"sub-{key.subject}", {}).get("recipe") != wanted
        or (settings.samples_dir is not None and not has_samples(settings.samples_dir, key))
    }


def simulate_one(task: SimulationTask) -> dict[str, Any]:
    """Simulate and write one participant; gives back its row of ``participants.tsv``."""
    plan = draw_participant(task.settings, task.number)
    participant = simulate_participant(plan, task.settings)
    if task.settings.samples_dir is not None:
        measured = measure_simulated(participant, task.settings.detector)
        write_simulated_samples(task.settings.samples_dir, SessionKey(plan.label), measured)
    row = write_simulated_participant(task.output_dir, participant, task.settings)
    return {**row, "recipe": recipe(task.settings)}
