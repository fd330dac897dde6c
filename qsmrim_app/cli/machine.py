"""What this job may use: cores by affinity, cgroup and Slurm, memory by cgroup and Slurm."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import joblib
import psutil

from qsmrim_app.cli.scratch import PREFIX
from qsmrim_app.errors import UsageError
from qsmrim_app.worker_process import NIPYPE_ALONE

_SHARED_MEMORY = "/dev/shm"
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


def available_cores(environment: Mapping[str, str] = os.environ) -> int:
    """Cores that this job may use, at least 1."""
    slurm = environment.get("SLURM_CPUS_PER_TASK", "")
    cores = int(joblib.cpu_count())
    return max(1, min(cores, int(slurm)) if slurm.isdecimal() else cores)


def available_memory_gb(
    environment: Mapping[str, str] = os.environ, limits: tuple[str, ...] = _CGROUP_LIMITS
) -> float:
    """Memory that this job may use, in 1e9 bytes."""
    sizes = [float(psutil.virtual_memory().total)]
    for name in limits:
        text = Path(name).read_text().strip() if Path(name).is_file() else ""
        if text.isdecimal():
            sizes.append(float(text))
    per_node = environment.get("SLURM_MEM_PER_NODE", "")  # MiB
    if per_node.isdecimal() and int(per_node):
        sizes.append(int(per_node) * 2.0**20)
    return min(sizes) / 1e9


def set_threads(n_threads: int) -> None:
    """Hold the native libraries of this process and its children to some threads; before they are loaded."""
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(n_threads)


def require_current_folder() -> None:
    """Pass silently if the current folder is there; what processes of this one import is never in it.

    Python looks for modules in the current folder first, and that may be a dataset of somebody else.

    Raises
    ------
    UsageError
        If it was removed.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder was removed; change into one that exists") from error


def use_private_caches() -> Path:
    """Give libraries a temporary folder for their caches: HOME may be missing or read-only.

    Returns
    -------
    Path
        The folder; it is removed at the end of the program.

    Raises
    ------
    UsageError
        If no folder for temporary files can be written.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_temporary_root()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("NIPYPE_CONFIG_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"):
        os.environ[name] = str(folder / name.lower())
        (folder / name.lower()).mkdir()
    os.environ[NIPYPE_ALONE] = os.environ["NIPYPE_CONFIG_DIR"]
    os.environ["NO_ET"] = "1"  # nipype asks its server for a newer version otherwise
    return folder


def _temporary_root() -> str:
    """Where temporary files go, for this process and its children; a read-only container may have no /tmp."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        if not os.access(_SHARED_MEMORY, os.W_OK):
            raise UsageError(
                "no folder for temporary files can be written (TMPDIR, /tmp, /var/tmp); "
                "mount one, such as with --tmpfs /tmp, or name one in TMPDIR"
            ) from error
    os.environ["TMPDIR"] = tempfile.tempdir = _SHARED_MEMORY
    return _SHARED_MEMORY
