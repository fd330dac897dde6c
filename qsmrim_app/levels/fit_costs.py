"""What the fits of a call will cost in time and memory, measured before the first of them begins.

The workers that are to make the fits make a few steps of one of each method: side by side, as they will work.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.evaluation.folds import folds_of_rows
from qsmrim_app.learning.memory import peak_memory_gb
from qsmrim_app.learning.progress import duration
from qsmrim_app.levels.fitting import FitTask, training_samples
from qsmrim_app.settings import ResourceSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitCost:
    """What one fit takes: seconds, the peak memory of its process, and the number of its training rows."""

    method: str
    seconds: float
    memory_gb: float
    n_rows: int


@dataclass(frozen=True)
class MethodCosts:
    """The fits of a method that are to be made: how many, and the seconds of all of them together."""

    method: str
    n_fits: int
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """Costs by method, seconds until all is done with ``n_workers`` at once, and memory of a process."""

    methods: tuple[MethodCosts, ...]
    n_workers: int
    seconds: float
    memory_gb: float

    def __str__(self) -> str:
        parts = ", ".join(
            f"{one.method} {one.n_fits} x {duration(one.seconds / one.n_fits)}" for one in self.methods
        )
        return (
            f"expected: {parts}; {self.n_workers} at once, so about {duration(self.seconds)} in all; "
            f"{self.memory_gb:.1f} GB a process, {self.n_workers * self.memory_gb:.1f} GB in all"
        )


class CostQuestion:
    """What will all fits of a call cost? It is asked once, of the workers that are to make them.

    Parameters
    ----------
    tasks
        Fits that are to be made, of any methods.
    subjects
        Of the rows that they learn from, shape (n,).
    resources
        Processes and memory.
    """

    def __init__(
        self, tasks: Sequence[FitTask], subjects: NDArray[np.str_], resources: ResourceSettings
    ) -> None:
        self.by_method: dict[str, list[FitTask]] = {}
        for task in tasks:
            self.by_method.setdefault(task.detector.method, []).append(task)
        self.subjects, self.resources = subjects, resources
        self.n_workers = min(resources.nprocs, len(tasks))
        self.was_asked = False

    def trials(self) -> list[FitTask]:
        """One fit of each method to be measured, as many at once as there will be; none the second time."""
        if self.was_asked or not self.by_method:
            return []
        self.was_asked = True
        n_copies = math.ceil(self.n_workers / len(self.by_method))
        return [own[0] for own in self.by_method.values() for _ in range(n_copies)]

    def answer(self, measured: Sequence[FitCost]) -> Forecast:
        """Say what the fits will cost; a warning where they need more memory than there is."""
        found = self._forecast(measured)
        logger.info("%s", found)
        if found.n_workers * found.memory_gb > self.resources.memory_gb:
            logger.warning(
                "%d fits at once need about %.1f GB and may use %.1f; give fewer --nprocs or more --mem",
                found.n_workers, found.n_workers * found.memory_gb, self.resources.memory_gb,
            )  # fmt: skip
        return found

    def _forecast(self, measured: Sequence[FitCost]) -> Forecast:
        methods = tuple(
            self._all_fits(name, [cost for cost in measured if cost.method == name])
            for name in self.by_method
        )
        total = sum(method.seconds for method in methods)
        longest = max(method.seconds / method.n_fits for method in methods)
        memory = max(cost.memory_gb for cost in measured)
        return Forecast(methods, self.n_workers, max(total / self.n_workers, longest), memory)

    def _all_fits(self, method: str, measured: Sequence[FitCost]) -> MethodCosts:
        tasks = self.by_method[method]
        per_row = float(np.mean([cost.seconds / cost.n_rows for cost in measured]))
        return MethodCosts(method, len(tasks), per_row * sum(self._n_rows(task) for task in tasks))

    def _n_rows(self, task: FitTask) -> int:
        folds = folds_of_rows(self.subjects, task.fold_of)
        return int((~np.isin(folds, task.name.held_out)).sum())


def measure_cost(task: FitTask) -> FitCost:
    """What a fit will take, from a small part of it; nothing is kept. It runs in a worker."""
    begin = time.perf_counter()
    samples = training_samples(task)
    loading = time.perf_counter() - begin
    seconds = new_detector(task.detector).expected_seconds(samples, task.device)
    return FitCost(task.detector.method, loading + seconds, peak_memory_gb(), len(samples))
