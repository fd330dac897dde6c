"""Tasks in worker processes, by key: what fails, fails for its key alone."""

from __future__ import annotations

import importlib
import logging
import traceback
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.queues import Queue
from typing import Any, Self, TypeVar

from qsmrim_app.errors import QsmrimError, WorkerKilledError, is_out_of_memory
from qsmrim_app.settings import ResourceSettings
from qsmrim_app.worker_process import become_worker

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)  # a session, a fit; its text stands in messages
Task = TypeVar("Task")
Result = TypeVar("Result")


class Workers:
    """Worker processes that serve one set of tasks after the other; a context manager.

    Starting a process costs seconds of imports, so they stay until the end. Heavy work always runs in a
    child, even with one worker: when memory runs out, the kernel ends it and this process can say so.
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        self._open = ExitStack()
        self._pool: ProcessPoolExecutor | None = None
        self._context = _RememberingContext()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def get_ready(self, modules: Sequence[str], n_tasks: int) -> None:
        """Let as many workers as there will be tasks import modules, while this process goes on."""
        with suppress(
            BrokenProcessPool
        ):  # one was killed already: `run` starts others, and says so if need be
            for _ in range(min(self._n_workers, n_tasks)):
                self._processes().submit(_import, modules)

    def run(
        self, function: Callable[[Task], Result], tasks: Mapping[Key, Task]
    ) -> Iterator[tuple[Key, Result | QsmrimError]]:
        """Call ``function`` on every task in the workers.

        The function and its task are pickled, so the function stands at the top of a module.

        Yields
        ------
        tuple
            The key, and the result or why there is none, in the order of the tasks but for those whose
            worker was killed: they are tried once more, each alone, at the end. An exception that is no
            `QsmrimError` becomes one, with its traceback in the log (debug level).
        """
        killed: list[Key] = []
        futures = {key: self._submit(function, key, task) for key, task in tasks.items()}
        try:
            for key, future in futures.items():
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    killed.append(key)
                else:
                    yield key, outcome
        finally:  # whoever stops listening wants no more of it
            for future in futures.values():
                future.cancel()
            if killed:
                self._kill()
        yield from ((key, _alone(function, key, tasks[key])) for key in killed)

    def _submit(
        self, function: Callable[[Task], Result], key: Hashable, task: Task
    ) -> Future[Result | QsmrimError]:
        try:
            return self._processes().submit(_attempt, function, key, task)
        except BrokenProcessPool:  # a worker was killed while it had nothing to do, or by a task of this set
            self._kill()
            return self._processes().submit(_attempt, function, key, task)

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._context = _RememberingContext()
            self._pool = self._open.enter_context(_pool(self._n_workers, self._context))
        return self._pool

    def _kill(self) -> None:
        """End the workers of a broken pool.

        Python does so itself, but for a worker that is started in the very moment in which another one dies:
        nobody tells it, and the pool would wait for it for ever.
        """
        for process in self._context.started:
            if process.pid is not None:
                process.kill()
        self._close()

    def _close(self) -> None:
        """End the workers; tasks that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = None
        self._open.close()


def run_in_workers(
    function: Callable[[Task], Result], tasks: Mapping[Key, Task], n_workers: int
) -> Iterator[tuple[Key, Result | QsmrimError]]:
    """One set of tasks in workers of its own; as `Workers.run`."""
    with Workers(min(n_workers, max(len(tasks), 1))) as workers:
        yield from workers.run(function, tasks)


def workers_within(resources: ResourceSettings) -> int:
    """How many sessions fit into processes and memory at once; at least one."""
    return max(1, int(min(resources.nprocs, resources.memory_gb / resources.session_memory_gb)))


def _alone(function: Callable[[Task], Result], key: Hashable, task: Task) -> Result | QsmrimError:
    with _pool(1, _RememberingContext()) as pool:
        future: Future[Result | QsmrimError] = pool.submit(_attempt, function, key, task)
        try:
            return future.result()
        except BrokenProcessPool:
            return WorkerKilledError(
                f"{key}: its worker process was killed, probably for lack of memory; "
                "run again with fewer --nprocs or more memory"
            )


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)


def _attempt(function: Callable[[Task], Result], key: Hashable, task: Task) -> Result | QsmrimError:
    """Run in the worker: errors come back as values, so that one task cannot end the others."""
    try:
        return function(task)
    except QsmrimError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the one place around one task
        if is_out_of_memory(error):
            return WorkerKilledError(
                f"{key}: its worker process got no more memory; run again with fewer --nprocs or more memory"
            )
        logger.debug("%s: %s", key, traceback.format_exc())
        return QsmrimError(f"{key}: internal error, {type(error).__name__}: {error}")


class _RememberingContext(SpawnContext):
    """Processes by ``spawn``, since a fork would share CUDA and thread state; it knows which it started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """What a pool calls for a new process."""
        self.started.append(SpawnProcess(*args, **kwargs))
        return self.started[-1]


@contextmanager
def _pool(n_workers: int, context: _RememberingContext) -> Iterator[ProcessPoolExecutor]:
    """Worker processes whose log lines arrive in this one."""
    lines = context.Queue()
    listener = QueueListener(lines, _Relay())
    listener.start()
    level = logging.getLogger("qsmrim_app").getEffectiveLevel()
    try:
        with ProcessPoolExecutor(n_workers, context, _start_worker, (lines, level)) as pool:
            yield pool
    finally:
        listener.stop()


class _Relay(logging.Handler):
    """Gives a worker's line to the logger of the same name here."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


def _start_worker(lines: Queue[logging.LogRecord], level: int) -> None:
    """A spawned process knows nothing of its parent, nor of its log."""
    become_worker()
    app = logging.getLogger("qsmrim_app")
    app.addHandler(QueueHandler(lines))
    app.setLevel(level)
    app.propagate = False
