"""One task a session in worker processes: what fails, fails for that session alone."""

from __future__ import annotations

import logging
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from qsmrim_app.errors import QsmrimError, WorkerKilledError
from qsmrim_app.records import SessionKey

logger = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in_workers(
    function: Callable[[Task], Result], tasks: Mapping[SessionKey, Task], n_workers: int
) -> Iterator[tuple[SessionKey, Result | QsmrimError]]:
    """Call ``function`` on every task in worker processes.

    The function and its task are pickled, so the function stands at the top of a module. Heavy work always
    runs in a child, even with one worker: when memory runs out, the kernel ends the child and this process
    can say so.

    Yields
    ------
    tuple
        The session, and the result or why there is none, in the order of the tasks but for those whose worker
        was killed: they are tried once more, each alone, at the end. An exception that is no `QsmrimError`
        becomes one, with its traceback in the log.
    """
    keys = list(tasks)
    killed: list[SessionKey] = []
    with _pool(min(n_workers, max(len(keys), 1))) as pool:
        futures = {key: pool.submit(_attempt, function, key, tasks[key]) for key in keys}
        for key in keys:
            try:
                outcome = futures[key].result()
            except BrokenProcessPool:
                killed.append(key)
            else:
                yield key, outcome
    yield from ((key, _alone(function, key, tasks[key])) for key in killed)


def _alone(function: Callable[[Task], Result], key: SessionKey, task: Task) -> Result | QsmrimError:
    with _pool(1) as pool:
        future: Future[Result | QsmrimError] = pool.submit(_attempt, function, key, task)
        try:
            return future.result()
        except BrokenProcessPool:
            return WorkerKilledError(
                f"{key.prefix}: its worker process was killed, probably for lack of memory; "
                "run again with fewer --nprocs or more memory"
            )


def _attempt(function: Callable[[Task], Result], key: SessionKey, task: Task) -> Result | QsmrimError:
    """Run in the worker: errors come back as values, so that one session cannot end the others."""
    try:
        return function(task)
    except QsmrimError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the one place around one session
        logger.debug(traceback.format_exc())
        return QsmrimError(f"{key.prefix}: internal error, {type(error).__name__}: {error}")


def _pool(n_workers: int) -> ProcessPoolExecutor:
    # spawn: a fork would share CUDA and thread state with the parent
    return ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context("spawn"))
