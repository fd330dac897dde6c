"""Fit one network: the one optimisation loop of the project."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from qsmrim_app.errors import ModelError
from qsmrim_app.learning.batches import LAYOUT, TrainingRows, prepare_batch, shuffled_batches
from qsmrim_app.learning.checkpoints import load_checkpoint, save_checkpoint
from qsmrim_app.learning.devices import mixed_precision
from qsmrim_app.learning.memory import is_full_memory
from qsmrim_app.learning.progress import EpochReport, Progress
from qsmrim_app.settings import DetectorSettings

_LOG = logging.getLogger(__name__)
_MIN_RIM_FOR_SYNTHESIS = 2
_TIMED_STEPS = 3


@dataclass(frozen=True)
class TrainingRun:
    """Where and how one member is trained.

    ``checkpoint`` is written after every epoch and resumed from if it carries the same ``fingerprint``, which
    names settings and data; None: none is kept.
    """

    settings: DetectorSettings
    seed: int
    device: str = "cpu"
    checkpoint: Path | None = None
    fingerprint: str = ""


def train(
    build: Callable[[], nn.Module], rows: TrainingRows, run: TrainingRun, progress: Progress | None = None
) -> nn.Module:
    """A trained network, on the CPU, in evaluation mode, with the weights of the last epoch.

    All draws of an epoch follow from the seed and the epoch's number, so a resumed run ends in the same
    weights as one that was never interrupted. The caller's random state is left as it was.

    Parameters
    ----------
    build
        Makes the untrained network: ``network(patches, features, labels, generator)`` is (logits, labels).
    rows
        At least two.
    run
        Settings, seed, device and checkpoint.
    progress
        Called after every epoch.

    Raises
    ------
    ModelError
        If there are fewer than two rows, or the loss is no longer finite.
    """
    _require_two(rows)
    n_epochs = run.settings.training.epochs
    with torch.random.fork_rng(devices=_gpus(run.device)):
        state = start_state(build, run)
        rows, begin = _on_device(rows, run.device), time.perf_counter()
        for epoch in range(state.finished + 1, n_epochs + 1):
            learned = _train_epoch(state, rows, run, epoch)
            _save(state, run, epoch)
            if progress is not None:
                per_epoch = (time.perf_counter() - begin) / (epoch - state.finished)
                progress(learned._replace(seconds_left=per_epoch * (n_epochs - epoch)))
    state.network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return state.network.eval()


def seconds_per_lesion(build: Callable[[], nn.Module], rows: TrainingRows, run: TrainingRun) -> float:
    """How long such a training looks at one lesion, here and now: the median of a few real steps.

    Nothing is kept of them. Parameters and errors as in `train`.
    """
    _require_two(rows)
    run, seconds = replace(run, checkpoint=None), []
    with torch.random.fork_rng(devices=_gpus(run.device)):
        state, rows, generator = start_state(build, run), _on_device(rows, run.device), _seed_all(run.seed, 1)
        batches = list(shuffled_batches(len(rows.labels), run.settings.training.batch_size, generator))
        whole = [batch for batch in batches if len(batch) == len(batches[0])]
        for batch in islice(cycle(whole), _TIMED_STEPS + 1):
            begin = time.perf_counter()
            optimiser_step(
                state, prepare_batch(rows, batch, run.settings, run.device, generator), run, generator
            )
            seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds[1:])) / len(whole[0])  # the first step also sets things up


# ---- one epoch ---------------------------------------------------------------------------------------------
def _train_epoch(state: TrainingState, rows: TrainingRows, run: TrainingRun, epoch: int) -> EpochReport:
    generator, begin = _seed_all(run.seed, epoch), time.perf_counter()
    settings, rate = run.settings, float(state.optimizer.param_groups[0]["lr"])
    state.network.train()
    losses: list[float] = []
    n_few = 0
    for batch in shuffled_batches(len(rows.labels), settings.training.batch_size, generator):
        n_few += int(rows.labels[batch].sum()) < _MIN_RIM_FOR_SYNTHESIS
        prepared = prepare_batch(rows, batch, settings, run.device, generator)
        losses.append(optimiser_step(state, prepared, run, generator))
    state.schedule.step()
    loss = float(np.mean(losses))
    if not np.isfinite(loss):
        raise ModelError(
            f"seed {run.seed}: the loss of epoch {epoch} is {loss}; try a lower learning rate or "
            "narrower ranges of augmentation"
        )
    n_epochs, seconds = settings.training.epochs, time.perf_counter() - begin
    return EpochReport(run.seed, epoch, n_epochs, loss, len(losses), n_few, rate, seconds, 0.0)


def optimiser_step(
    state: TrainingState, batch: tuple[Tensor, Tensor, Tensor], run: TrainingRun, generator: torch.Generator
) -> float:
    """The one optimiser step; its loss."""
    patches, features, labels = batch
    with mixed_precision(run.device):
        logits, targets = state.network(patches, features, labels, generator)
    loss = binary_cross_entropy_with_logits(logits.float(), targets.float())
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    return float(loss.detach())


def _require_two(rows: TrainingRows) -> None:
    if len(rows.labels) < 2:
        raise ModelError(f"training needs two labelled lesions at least, found {len(rows.labels)} lesions")


# ---- state -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class TrainingState:
    """A training after a number of epochs."""

    network: nn.Module
    optimizer: torch.optim.Adam
    schedule: torch.optim.lr_scheduler.MultiStepLR
    finished: int


def start_state(build: Callable[[], nn.Module], run: TrainingRun) -> TrainingState:
    """The state before the first epoch, or after the last one that the checkpoint holds."""
    _seed_all(run.seed, 0)
    network = build().to(run.device, memory_format=LAYOUT)  # type: ignore[call-overload]
    training = run.settings.training
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, fused=True)
    milestones = [max(1, round(share * training.epochs)) for share in training.milestones]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=training.decay)
    saved = _resumable(run)
    if saved is None:
        return TrainingState(network, optimizer, schedule, 0)
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    _LOG.info("seed %d resumes after epoch %d", run.seed, saved["epoch"])
    return TrainingState(network, optimizer, schedule, int(saved["epoch"]))


def _resumable(run: TrainingRun) -> dict[str, Any] | None:
    if run.checkpoint is None or not run.checkpoint.exists():
        return None
    saved = load_checkpoint(run.checkpoint)
    if (saved.get("seed"), saved.get("fingerprint")) == (run.seed, run.fingerprint):
        return saved
    _LOG.warning("%s belongs to other data or settings; training starts anew", run.checkpoint)
    return None


def _save(state: TrainingState, run: TrainingRun, epoch: int) -> None:
    if run.checkpoint is not None:
        parts = {name: getattr(state, name).state_dict() for name in ("network", "optimizer", "schedule")}
        save_checkpoint(
            run.checkpoint, {**parts, "epoch": epoch, "seed": run.seed, "fingerprint": run.fingerprint}
        )


def _seed_all(seed: int, epoch: int) -> torch.Generator:
    """Seed torch's own stream (initial weights, dropout) and return the generator of all other draws."""
    first, second = np.random.SeedSequence([seed, epoch]).generate_state(2)
    torch.manual_seed(int(first))
    return torch.Generator().manual_seed(int(second))


def _on_device(rows: TrainingRows, device: str) -> TrainingRows:
    """The rows with all patches on the device, where they fit: they cross to it once, not in every epoch."""
    if not device.startswith("cuda"):
        return rows
    try:
        return replace(rows, patches=rows.patches.to(device))
    except RuntimeError as error:
        if not is_full_memory(error):
            raise
        _LOG.warning("the patches do not fit into the memory of '%s'; they go there batch by batch", device)
    return rows


def _gpus(device: str) -> list[int]:
    return [int(device.partition(":")[2] or 0)] if device.startswith("cuda") else []
