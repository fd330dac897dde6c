"""Choose where a network computes."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext

import torch

from qsmrim_app.errors import UsageError

_PATTERN = re.compile(r"auto|cpu|cuda(:\d+)?")


def choose_device(wanted: str) -> tuple[str, tuple[str, ...]]:
    """The device to use, and what the user should know of the choice.

    Parameters
    ----------
    wanted
        ``auto`` (a GPU if one works, else the CPU with a warning), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    UsageError
        If ``wanted`` is none of these, or asks for a GPU that is not there or does not work.
    """
    if not _PATTERN.fullmatch(wanted):
        raise UsageError(f"unknown device '{wanted}'; use auto, cpu, cuda or cuda:N")
    if wanted == "cpu":
        return "cpu", ()
    problem = _gpu_problem("cuda" if wanted == "auto" else wanted)
    if wanted == "auto":
        return ("cuda", ()) if problem is None else ("cpu", (f"{problem}; the networks run on the CPU",))
    if problem is not None:
        raise UsageError(f"device '{wanted}' was asked for, but {problem}; use --device cpu or auto")
    return wanted, ()


def mixed_precision(device: str) -> AbstractContextManager[object]:
    """The context of a network's forward pass in training: bfloat16 where a GPU has it, else nothing."""
    if device.startswith("cuda") and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def _gpu_problem(device: str) -> str | None:
    """Why the GPU cannot be used, found by using it; None if it works."""
    if not torch.cuda.is_available():
        return "no usable GPU was found"
    index = int(device.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        return f"GPU {index} does not exist ({torch.cuda.device_count()} found)"
    try:
        worked = float((torch.ones(2, device=device) * 2).sum()) == 4.0
    except (RuntimeError, AssertionError) as error:  # a GPU too old for this build is found, then fails
        return f"the GPU failed a first computation ({str(error).splitlines()[0]})"
    return None if worked else "the GPU failed a first computation"
