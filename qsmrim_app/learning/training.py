"""Fit one network: the one optimisation loop of the project."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from qsmrim_app.errors import ModelError
from qsmrim_app.learning.augmentation import (
    AugmentationParameters,
    augment,
    change_intensities,
    draw_parameters,
)
from qsmrim_app.learning.batches import shuffled_batches
from qsmrim_app.learning.checkpoints import load_checkpoint, save_checkpoint
from qsmrim_app.learning.scaling import scale_patches
from qsmrim_app.settings import DetectorSettings

_LOG = logging.getLogger(__name__)
_MIN_RIM_FOR_SYNTHESIS = 2
_LAYOUT = torch.channels_last_3d  # a training step on the CPU is a tenth to a sixth faster in it


class EpochReport(NamedTuple):
    """What one epoch of one member was like. Epochs count from 1; the loss is the mean over the batches."""

    seed: int
    epoch: int
    n_epochs: int
    loss: float
    n_batches: int
    n_batches_few_rim: int  # batches with fewer than two rim+, from which DeepSMOTE makes no row

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, epoch {self.epoch} of {self.n_epochs}: loss {self.loss:.4f}; "
            f"{self.n_batches_few_rim} of {self.n_batches} batches held fewer than two rim+ lesions"
        )


Progress = Callable[[EpochReport], None]


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """What a network learns from, on the CPU.

    Parameters
    ----------
    patches
        Shape (n, 2, i, j, k), float32, as in `LesionSamples`: neither scaled nor augmented.
    features
        Shape (n, f), float32, standardised.
    labels
        Shape (n,), float32: 1 rim+, 0 rim-.
    """

    patches: Tensor
    features: Tensor
    labels: Tensor


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
        If there are fewer than two rows or two rows a batch, or the loss is no longer finite.
    """
    schedule = run.settings.training
    if min(len(rows.labels), schedule.batch_size) < 2:
        raise ModelError(
            f"training needs two labelled lesions and batches of two at least, found {len(rows.labels)} "
            f"lesions and a batch size of {schedule.batch_size}"
        )
    with torch.random.fork_rng(devices=_gpus(run.device)):
        _seed_all(run.seed, 0)
        network = build().to(run.device, memory_format=_LAYOUT)  # type: ignore[call-overload]
        state = _start(network, run)
        for epoch in range(state.finished + 1, schedule.epochs + 1):
            report = _train_epoch(state, rows, run, epoch)
            _save(state, run, epoch)
            _LOG.debug("%s", report)
            if progress is not None:
                progress(report)
    state.network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return state.network.eval()


# ---- one epoch ---------------------------------------------------------------------------------------------
def _train_epoch(state: _State, rows: TrainingRows, run: TrainingRun, epoch: int) -> EpochReport:
    generator = _seed_all(run.seed, epoch)
    state.network.train()
    losses: list[float] = []
    n_few = 0
    for batch in shuffled_batches(len(rows.labels), run.settings.training.batch_size, generator):
        n_few += int(rows.labels[batch].sum()) < _MIN_RIM_FOR_SYNTHESIS
        losses.append(_step(state, _prepare(rows, batch, run, generator), generator))
    state.schedule.step()
    loss = float(np.mean(losses))
    if not np.isfinite(loss):
        raise ModelError(f"seed {run.seed}: the loss of epoch {epoch} is {loss}; lower the learning rate")
    return EpochReport(run.seed, epoch, run.settings.training.epochs, loss, len(losses), n_few)


def _prepare(
    rows: TrainingRows, batch: Tensor, run: TrainingRun, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Patches, features and labels of a batch on the device, patches scaled and augmented."""
    settings = run.settings
    patches, features = rows.patches[batch].to(run.device), rows.features[batch]
    parameters = None
    if settings.training.augment:
        parameters = draw_parameters(len(batch), settings.augmentation, generator)
        noise = torch.randn(features.shape, generator=generator)
        features = features + settings.augmentation.feature_noise_sd * noise
    if settings.network.fusion != "no-image":  # most of the time of a training goes into this
        patches = _seen(patches, parameters, settings).contiguous(memory_format=_LAYOUT)
    return patches, features.to(run.device), rows.labels[batch].to(run.device)


def _seen(patches: Tensor, parameters: AugmentationParameters | None, settings: DetectorSettings) -> Tensor:
    """Patches scaled, and augmented where there are parameters; shape (n, 2, i, j, k) in and out."""
    if parameters is None:
        return scale_patches(patches, settings.patch)
    scaled = scale_patches(change_intensities(patches, parameters), settings.patch)
    return augment(scaled, parameters, settings.spacing_mm)


def _step(state: _State, batch: tuple[Tensor, Tensor, Tensor], generator: torch.Generator) -> float:
    """The one optimiser step; its loss."""
    patches, features, labels = batch
    logits, targets = state.network(patches, features, labels, generator)
    loss = binary_cross_entropy_with_logits(logits, targets)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    return float(loss.detach())


# ---- state -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class _State:
    network: nn.Module
    optimizer: torch.optim.Adam
    schedule: torch.optim.lr_scheduler.MultiStepLR
    finished: int


def _start(network: nn.Module, run: TrainingRun) -> _State:
    """The state before the first epoch, or after the last one that the checkpoint holds."""
    training = run.settings.training
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate, fused=True)
    milestones = [max(1, round(share * training.epochs)) for share in training.milestones]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=training.decay)
    saved = _resumable(run)
    if saved is None:
        return _State(network, optimizer, schedule, 0)
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    _LOG.info("seed %d resumes after epoch %d", run.seed, saved["epoch"])
    return _State(network, optimizer, schedule, int(saved["epoch"]))


def _resumable(run: TrainingRun) -> dict[str, Any] | None:
    if run.checkpoint is None or not run.checkpoint.exists():
        return None
    saved = load_checkpoint(run.checkpoint)
    if (saved.get("seed"), saved.get("fingerprint")) == (run.seed, run.fingerprint):
        return saved
    _LOG.warning("%s belongs to other data or settings; training starts anew", run.checkpoint)
    return None


def _save(state: _State, run: TrainingRun, epoch: int) -> None:
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


def _gpus(device: str) -> list[int]:
    return [int(device.partition(":")[2] or 0)] if device.startswith("cuda") else []
