"""Keep the state of a training run, so that a killed run loses at most one epoch."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from qsmrim_app.errors import CheckpointError, OutputError
from qsmrim_app.whole_files import write_whole


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain data; the file is complete or absent, never half written.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    content = io.BytesIO()
    torch.save(state, content)
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise OutputError.of(path, error) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state that `save_checkpoint` wrote, on the CPU.

    Raises
    ------
    CheckpointError
        If the file is damaged or holds anything but tensors and plain data.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path} is no training checkpoint ({reason}); delete it to start anew"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is no training checkpoint; delete it to start anew")
    return state
