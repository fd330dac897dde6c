"""How much memory a training takes, and what to do when a device has too little."""

from __future__ import annotations

import gc
import logging
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import torch

from qsmrim_app.errors import ModelError

_LOG = logging.getLogger(__name__)
_STATUS = Path("/proc/self/status")
# What stands in other errors than `torch.OutOfMemoryError`: where other programs fill a GPU, the driver finds
# no memory for a context, or cuBLAS and cuDNN none for their workspace.
_FULL = (
    "out of memory",
    "can't allocate memory",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "STATUS_NOT_INITIALIZED",
)

Result = TypeVar("Result")


def look_in_batches(
    look: Callable[[slice, str], None], n_rows: int, batch_size: int, device: str, fallback: str = "cpu"
) -> None:
    """Call ``look(rows, device)`` on all rows, in batches that fit into the memory of the device.

    Where the memory is too small even for one row, which a user is told, the rest goes to ``fallback``.

    Raises
    ------
    ModelError
        If one row is too much there too.
    """
    start, size = 0, batch_size
    while start < n_rows:
        try:
            look(slice(start, start + size), device)
            start += size
            continue
        except RuntimeError as error:  # it holds on to what filled the memory: what follows is outside
            if not is_full_memory(error):
                raise
        if size == 1 and device != fallback:
            _LOG.warning("device '%s' has too little memory for one lesion; '%s' goes on", device, fallback)
            device, size = fallback, batch_size
        else:
            size = smaller_batch(size, 1, device)


def is_full_memory(error: RuntimeError) -> bool:
    """Whether an error says that the memory of a device is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL)


def smaller_batch(batch_size: int, smallest: int, device: str) -> int:
    """Half of a batch size that the memory of a device is too small for; the device forgets what it can.

    Call it outside of the ``except`` that caught the error: that holds on to what filled the memory.

    Raises
    ------
    ModelError
        If the half is below ``smallest``.
    """
    half = batch_size // 2
    if half < smallest:
        way_out = (
            "--device cpu, a smaller --width or another GPU, or wait until other programs have left this one"
            if device.startswith("cuda")
            else "fewer --nprocs, a smaller --width or a machine with more memory"
        )
        raise ModelError(
            f"the memory of device '{device}' is too small even for a batch of {batch_size} lesion(s); use "
            f"{way_out}"
        )
    gc.collect()
    if device.startswith("cuda"):
        with suppress(RuntimeError):  # of a driver that has no memory for this either
            torch.cuda.empty_cache()
    _LOG.warning("device '%s' has too little memory for batches of %d; trying %d", device, batch_size, half)
    return half


def with_smaller_batches(
    action: Callable[[int], Result], batch_size: int, smallest: int, device: str
) -> tuple[Result, int]:
    """What ``action(size)`` gives at the largest size of batch_size, batch_size / 2 ... that fits; that size.

    Raises
    ------
    ModelError
        If none fits.
    """
    while True:
        try:
            return action(batch_size), batch_size
        except RuntimeError as error:
            if not is_full_memory(error):
                raise
        batch_size = smaller_batch(batch_size, smallest, device)


def peak_memory_gb() -> float:
    """The most memory that this process has had, in 1e9 bytes."""
    if _STATUS.exists():  # getrusage also counts what the parent had when it started this process
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
