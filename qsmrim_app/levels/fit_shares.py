"""Make a share of the fits of a call, so that the tasks of a job array make them all."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from qsmrim_app.levels.cross_validation import MethodFits
from qsmrim_app.levels.fit_costs import CostQuestion
from qsmrim_app.levels.fitting import FitTask, unfinished
from qsmrim_app.levels.making_fits import make_fits
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.settings import ResourceSettings

logger = logging.getLogger(__name__)


def all_fits(methods: Sequence[MethodFits]) -> dict[str, FitTask]:
    """The fits of all methods of a call by method and name, in an order that every call has."""
    return {f"{fits.method} {name}": task for fits in methods for name, task in fits.tasks.items()}


def share_of(tasks: Mapping[str, FitTask], share: tuple[int, int]) -> dict[str, FitTask]:
    """The K-th of N shares: every N-th fit from the K-th on, made or not, so that no two shares meet."""
    k, n = share
    return dict(list(tasks.items())[k - 1 :: n])


def make_share(
    methods: Sequence[MethodFits], share: tuple[int, int], rated: RatedLesions, resources: ResourceSettings
) -> str:
    """Make what lacks of one share; the text that says how many fits are there now.

    Parameters
    ----------
    methods
        All fits of the call.
    share
        K and N.
    rated
        What they learn from.
    resources
        Processes and memory.

    Raises
    ------
    QsmrimError
        If a fit failed: the first reason. The others are kept.
    """
    tasks = all_fits(methods)
    mine = share_of(tasks, share)
    to_make = unfinished(mine)
    logger.info("share %d of %d: %d fits, %d to make", *share, len(mine), len(to_make))
    question = CostQuestion(list(to_make.values()), rated.samples.subjects, resources)
    make_fits(to_make, methods[0].place.n_workers, question)
    n_there = len(tasks) - len(unfinished(tasks))
    made, there = len(to_make), len(mine) - len(to_make)
    return (
        f"share {share[0]} of {share[1]}: {made} fit(s) made, {there} already there. "
        f"{_what_next(n_there, len(tasks))}"
    )


def _what_next(n_there: int, n_all: int) -> str:
    command = "the same command without --fit, which makes no fit but gathers them into models and figures"
    if n_there == n_all:
        return f"All {n_all} fits are there: call {command}."
    return f"{n_there} of {n_all} fits are there; when all are, call {command}."
