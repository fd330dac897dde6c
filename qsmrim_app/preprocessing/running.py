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

import yaml  # type: ignore[import-untyped]
from nipype import config as nipype_config
from nipype.pipeline.engine import Workflow
from nipype.pipeline.plugins.multiproc import MultiProcPlugin

from qsmrim_app.errors import UsageError
from qsmrim_app.preprocessing.outcomes import CRASH_FOLDER
from qsmrim_app.preprocessing.safe_results import read_only_results
from qsmrim_app.settings import ResourceSettings
from qsmrim_app.worker_process import become_worker

logger = logging.getLogger(__name__)

_SILENT = logging.CRITICAL + 1  # nipype calls a full disk critical; the session says it better
_NIPYPE_LOGGERS = ("nipype.workflow", "nipype.utils", "nipype.filemanip", "nipype.interface")


def run_workflow(workflow: Workflow, work_dir: Path, resources: ResourceSettings) -> bool:
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
    bool
        Whether everything was tried; False where the run stopped at the first failure, as it was told to.

    Raises
    ------
    UsageError
        If the nipype plugin file cannot be used.
    """
    plugin, arguments = _plugin(resources)
    settle_nipype(logger.getEffectiveLevel())
    workflow.config["execution"] = _execution(work_dir, resources)
    workflow.config["logging"] = {"log_to_file": "false", "log_directory": str(work_dir)}
    try:
        workflow.run(plugin=plugin, plugin_args=arguments)
    except BrokenProcessPool:
        logger.warning("a preprocessing worker was killed")
    except Exception as error:  # noqa: BLE001 - any error of any node; each is read from its folder
        logger.debug("nipype ended with %s: %s", type(error).__name__, error)
        return not resources.stop_on_first_crash
    return True


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


def _plugin(resources: ResourceSettings) -> tuple[Any, dict[str, Any]]:
    if resources.nipype_plugin is not None:
        name, arguments = _plugin_from_file(resources.nipype_plugin)
        return (SteadyMultiProc(arguments), arguments) if name == "MultiProc" else (name, arguments)
    if resources.nprocs == 1:
        return "Linear", {}
    arguments = {"n_procs": resources.nprocs, "memory_gb": resources.memory_gb, "raise_insufficient": False}
    return SteadyMultiProc(arguments), arguments


def _plugin_from_file(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: not a readable nipype plugin file ({error})") from error
    if not isinstance(content, dict) or not isinstance(content.get("plugin"), str):
        raise UsageError(f"{path}: a nipype plugin file names a 'plugin' and may give 'plugin_args'")
    return content["plugin"], dict(content.get("plugin_args") or {})


def _execution(work_dir: Path, resources: ResourceSettings) -> dict[str, str]:
    """What nipype is told; a user's own nipype.cfg must not change results."""
    return {
        "crashdump_dir": str(work_dir / CRASH_FOLDER),
        "crashfile_format": "txt",
        "hash_method": "content",
        "local_hash_check": "true",
        "poll_sleep_duration": "0.01",  # nipype's 2 s dominate short nodes
        "remove_unnecessary_outputs": "false",
        "stop_on_first_crash": str(resources.stop_on_first_crash).lower(),
        "stop_on_first_rerun": "false",
        "create_report": "false",
        "check_version": "false",
        "use_relative_paths": "false",
        "keep_inputs": "false",
    }
