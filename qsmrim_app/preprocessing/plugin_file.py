"""A user's nipype plugin file: which plugin hands out the nodes, and how it is set."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from nipype.pipeline import plugins
from nipype.pipeline.plugins.base import GraphPluginBase

from qsmrim_app.errors import UsageError

_SUBMITS = {
    "SLURM": "sbatch",
    "SGE": "qsub",
    "PBS": "qsub",
    "LSF": "bsub",
    "OAR": "oarsub",
    "Condor": "condor_qsub",
}


@dataclass(frozen=True)
class PluginFile:
    """What a plugin file says: the name of a plugin of nipype, and its arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_batch_system(self) -> bool:
        """Whether nodes become jobs of a cluster, which is asked for their state again and again."""
        return self.name in _SUBMITS


def read_plugin_file(path: Path) -> PluginFile:
    """Read a plugin file and make sure that its plugin can work here.

    Raises
    ------
    UsageError
        If the file cannot be read or names no plugin, nipype has none of this name, it returns before its
        jobs have ended, or the program that submits its jobs is missing.
    """
    found = _parse(path)
    kind = getattr(plugins, f"{found.name}Plugin", None)
    if kind is None:
        known = sorted(name.removesuffix("Plugin") for name in vars(plugins) if name.endswith("Plugin"))
        raise UsageError(f"{path}: nipype has no plugin '{found.name}'; it has {', '.join(known)}")
    if found.name == "Debug":
        raise UsageError(f"{path}: nipype's plugin 'Debug' runs no node; name another, such as Linear")
    if issubclass(kind, GraphPluginBase):
        raise UsageError(
            f"{path}: nipype's plugin '{found.name}' returns before its jobs have ended, so nothing could go "
            "on with their results; name one that waits, such as SLURM"
        )
    program = _SUBMITS.get(found.name)
    if program is not None and shutil.which(program) is None:
        raise UsageError(
            f"{path}: nipype's plugin '{found.name}' submits jobs by '{program}', which is not here; run "
            "qsmrim on a machine of the cluster, outside of the container, or submit the container as a job"
        )
    return found


def _parse(path: Path) -> PluginFile:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: not a readable nipype plugin file ({error})") from error
    if not isinstance(content, dict) or not isinstance(content.get("plugin"), str):
        raise UsageError(f"{path}: a nipype plugin file names a 'plugin' and may give 'plugin_args'")
    arguments = content.get("plugin_args") or {}
    if not isinstance(arguments, dict):
        raise UsageError(
            f"{path}: 'plugin_args' in a nipype plugin file are names and values, not {arguments!r}"
        )
    _check_arguments(arguments, path)
    return PluginFile(content["plugin"], arguments)


def _check_arguments(arguments: dict[str, Any], path: Path) -> None:
    for name, kinds, expected in (
        ("n_procs", int, "a whole number from 1"),
        ("memory_gb", int | float, "a number of gigabytes above 0"),
    ):
        value = arguments.get(name, 1)
        if not isinstance(value, kinds) or isinstance(value, bool) or not value > 0:
            raise UsageError(f"{path}: '{name}' in 'plugin_args' is {value!r}; expected {expected}")
