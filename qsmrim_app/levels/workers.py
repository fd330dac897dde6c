"""Tasks in worker processes, by key: what fails, fails for its key alone."""

from __future__ import annotations

import logging
import multiprocessing
import traceback
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from qsmrim_app.errors import QsmrimError, WorkerKilledError

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)  # a session, a fit; its text stands in messages
Task = TypeVar("Task")
Result = TypeVar("Result")


def run_in_workers(
    function: Callable[[Task], Result], tasks: Mapping[Key, Task], n_workers: int
) -> Iterator[tuple[Key, Result | QsmrimError]]:
    """Call ``function`` on every task in worker processes.

    The function and its task are pickled, so the function stands at the top of a module. Heavy work always
    runs in a child, even with one worker: when memory runs out, the kernel ends the child and this process
    can say so.

    Yields
    ------
    tuple
        The key, and the result or why there is none, in the order of the tasks but for those whose worker
        was killed: they are tried once more, each alone, at the end. An exception that is no `QsmrimError`
        becomes one, with its traceback in the log.
    """
    keys = list(tasks)
    killed: list[Key] = []
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


def _alone(function: Callable[[Task], Result], key: Hashable, task: Task) -> Result | QsmrimError:
    with _pool(1) as pool:
        future: Future[Result | QsmrimError] = pool.submit(_attempt, function, key, task)
        try:
            return future.result()
        except BrokenProcessPool:
            return WorkerKilledError(
                f"{key}: its worker process was killed, probably for lack of memory; "
                "run again with fewer --nprocs or more memory"
            )


def _attempt(function: Callable[[Task], Result], key: Hashable, task: Task) -> Result | QsmrimError:
    """Run in the worker: errors come back as values, so that one task cannot end the others."""
    try:
        return function(task)
    except QsmrimError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the one place around one task
        logger.debug(traceback.format_exc())
        return QsmrimError(f"{key}: internal error, {type(error).__name__}: {error}")


def _pool(n_workers: int) -> ProcessPoolExecutor:
    # spawn: a fork would share CUDA and thread state with the parent
    context = multiprocessing.get_context("spawn")
    level = logging.getLogger("qsmrim_app").getEffectiveLevel()
    return ProcessPoolExecutor(n_workers, context, _log_to_terminal, (level,))


def _log_to_terminal(level: int) -> None:
    """A spawned process knows nothing of its parent's log."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("qsmrim_app").setLevel(level)
