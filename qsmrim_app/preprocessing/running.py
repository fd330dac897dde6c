"""Run a nipype workflow inside the work folder, quietly, and survive the death of a worker."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nipype import config as nipype_config
from nipype.pipeline.engine import Workflow
from nipype.pipeline.plugins.multiproc import MultiProcPlugin

from qsmrim_app.errors import UsageError
from qsmrim_app.preprocessing.outcomes import CRASH_FOLDER
from qsmrim_app.preprocessing.plugin_file import PluginFile, read_plugin_file
from qsmrim_app.preprocessing.safe_results import read_only_results
from qsmrim_app.settings import ResourceSettings
from qsmrim_app.worker_process import become_worker

logger = logging.getLogger(__name__)

_SILENT = logging.CRITICAL + 1  # nipype calls a full disk critical; the session says it better
_NIPYPE_LOGGERS = ("nipype.workflow", "nipype.utils", "nipype.filemanip", "nipype.interface")


def run_workflow(workflow: Workflow, work_dir: Path, resources: ResourceSettings) -> str:
    """Run a workflow; failures of its nodes stay in crash files and are no error here.

    Parameters
    ----------
    workflow
        With ``base_dir`` set.
    work_dir
        Nothing is written outside it.
    resources
        One process: one node after another in this process. More: as many worker processes. A plugin file
        wins.

    Returns
    -------
    str
        Why the run ended before everything was tried; empty if nothing ended it or the kernel did.

    Raises
    ------
    UsageError
        If the nipype plugin file cannot be used.
    """
    file = read_plugin_file(resources.nipype_plugin) if resources.nipype_plugin else None
    plugin, arguments = _plugin(file, resources)
    settle_nipype(logger.getEffectiveLevel())
    os.environ.setdefault("LOGNAME", "qsmrim")  # nipype names jobs by it; not every shell sets it
    # The queue of a cluster is spared; here, nipype's 2 s would dominate short nodes.
    poll_s = 2.0 if file and file.is_batch_system else 0.01
    workflow.config["execution"] = _execution(work_dir, resources, poll_s)
    workflow.config["logging"] = {"log_to_file": "false", "log_directory": str(work_dir)}
    try:
        workflow.run(plugin=plugin, plugin_args=arguments)
    except BrokenProcessPool:
        logger.warning("a preprocessing worker was killed")
    except Exception as error:  # noqa: BLE001 - any error of any node; each is read from its folder
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        logger.debug("nipype ended with %s", reason)
        if resources.stop_on_first_crash:
            return "the run stopped at the first failure"
        return f"nipype ended with {reason[:300]}"
    return ""


def workers_are_processes(resources: ResourceSettings) -> bool:
    """Whether nodes run in a pool of our own that one killed worker breaks for all."""
    return resources.nipype_plugin is None and resources.nprocs > 1


def settle_nipype(level: int) -> None:
    """No telemetry, no version check, no strange pickles, and no log unless qsmrim is asked for details."""
    os.environ["NO_ET"] = os.environ["NIPYPE_NO_ET"] = "1"
    read_only_results()
    nipype_config.set("execution", "check_version", "false")
    for name in _NIPYPE_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO if level <= logging.DEBUG else _SILENT)


class SteadyMultiProc(MultiProcPlugin):  # type: ignore[misc]
    """nipype's MultiProc, except that a killed worker ends the run instead of making it wait for ever.

    Workers come from a fork server: a plain fork copies threads that ITK or torch may have started.
    """

    def __init__(self, plugin_args: Mapping[str, Any]) -> None:
        super().__init__(plugin_args=dict(plugin_args))
        self.pool = ProcessPoolExecutor(
            max_workers=self.processors,
            mp_context=get_context("forkserver"),
            initializer=_start_worker,
            initargs=(os.getcwd(), logger.getEffectiveLevel()),
        )

    def _async_callback(self, args: Future[dict[str, Any]]) -> None:
        if not args.cancelled() and args.exception() is None:
            super()._async_callback(args)

    def _send_procs_to_workers(self, updatehash: bool = False, graph: Any = None) -> None:
        for task, _ in self.pending_tasks:
            future = self._task_obj[task]
            if future.done() and future.exception() is not None:
                raise future.exception()
        super()._send_procs_to_workers(updatehash=updatehash, graph=graph)


def _start_worker(folder: str, level: int) -> None:
    become_worker()
    os.chdir(folder)
    settle_nipype(level)


def _plugin(file: PluginFile | None, resources: ResourceSettings) -> tuple[Any, dict[str, Any]]:
    if file is not None and file.name == "MultiProc":
        try:
            return SteadyMultiProc(file.arguments), file.arguments
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{resources.nipype_plugin}: nipype's plugin 'MultiProc' refuses its 'plugin_args' ({error})"
            ) from error
    if file is not None:
        return file.name, file.arguments
    if resources.nprocs == 1:
        return "Linear", {}
    arguments = {"n_procs": resources.nprocs, "memory_gb": resources.memory_gb, "raise_insufficient": False}
    return SteadyMultiProc(arguments), arguments


def _execution(work_dir: Path, resources: ResourceSettings, poll_s: float) -> dict[str, str]:
    """What nipype is told; a user's own nipype.cfg must not change results."""
    return {
        "crashdump_dir": str(work_dir / CRASH_FOLDER),
        "crashfile_format": "txt",
        "hash_method": "content",
        "local_hash_check": "true",
        "poll_sleep_duration": str(poll_s),
        "remove_unnecessary_outputs": "false",
        "stop_on_first_crash": str(resources.stop_on_first_crash).lower(),
        "stop_on_first_rerun": "false",
        "create_report": "false",
        "check_version": "false",
        "use_relative_paths": "false",
        "keep_inputs": "false",
    }
