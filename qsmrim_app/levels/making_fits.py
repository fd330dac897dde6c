"""Make fits in worker processes, and say how far they are and what they will cost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from qsmrim_app.errors import QsmrimError
from qsmrim_app.learning.progress import duration
from qsmrim_app.levels.fit_costs import CostQuestion, FitCost, measure_cost
from qsmrim_app.levels.fitting import FitTask, fit_one
from qsmrim_app.levels.workers import run_in_workers

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)  # names a fit in a message


@dataclass(frozen=True)
class Job:
    """What a worker does with a fit: make it, or measure what it would cost."""

    action: Callable[[FitTask], FitCost | None]
    task: FitTask


def make_fits(
    tasks: Mapping[Key, FitTask],
    n_workers: int,
    question: CostQuestion | None = None,
    make: Callable[[FitTask], None] = fit_one,
) -> None:
    """Make the fits; before the first of them the question is answered, if it is still open.

    Parameters
    ----------
    tasks
        Fits by name.
    n_workers
        How many at once.
    question
        What the fits of the call cost.
    make
        Makes a fit and leaves what is to be left of it; a function at the top of a module.

    Raises
    ------
    QsmrimError
        If a fit failed: the first reason. The others are kept.
    """
    if not tasks:
        return
    trials = {f"measurement {n}": task for n, task in enumerate(question.trials() if question else ())}
    jobs: dict[Hashable, Job] = {key: Job(measure_cost, task) for key, task in trials.items()}
    jobs.update((key, Job(make, task)) for key, task in tasks.items())
    costs: list[FitCost] = []
    failures: list[QsmrimError] = []
    n_done, begin = 0, time.perf_counter()
    for key, outcome in run_in_workers(perform, jobs, n_workers):
        if key in trials:
            costs += [outcome] if isinstance(outcome, FitCost) else []  # if not, its fit will say why
            if question and len(costs) == len(trials):
                question.answer(costs)
            begin = time.perf_counter()
            continue
        n_done += 1
        failures += [outcome] if isinstance(outcome, QsmrimError) else []
        _say(n_done, len(tasks), time.perf_counter() - begin)
    if failures:
        raise failures[0]


def perform(job: Job) -> FitCost | None:
    """Do a job; the function of a worker."""
    return job.action(job.task)


def _say(n_done: int, n_all: int, seconds: float) -> None:
    left = duration(seconds / n_done * (n_all - n_done))
    logger.info("%d of %d fits done in %s, about %s left", n_done, n_all, duration(seconds), left)
