"""The fits of a training, one a fold and seed and one a seed on everything; each leaves its own bundle.

A fit whose bundle is there and whole is not made again, so an interrupted training goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from qsmrim_app import detectors, learning, networks
from qsmrim_app.bids_io.writing import write_bytes
from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import manifest_digest
from qsmrim_app.detectors.registry import load_detector, new_detector
from qsmrim_app.errors import CheckpointError, OutputError
from qsmrim_app.evaluation.folds import split_rows
from qsmrim_app.levels.holds import take_hold
from qsmrim_app.levels.training_log import follow
from qsmrim_app.plain_data import to_plain
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.tables.lesion_samples import LesionSamples, read_samples, samples_to_bytes

logger = logging.getLogger(__name__)

EVERYTHING = -1  # instead of the fold to hold out

Key = TypeVar("Key", bound=Hashable)  # names a fit in a message


@dataclass(frozen=True)
class FitName:
    """Which fit: the fold it holds out (`EVERYTHING`: none), its seed, a second fold that it lacks too."""

    fold: int
    seed: int
    second: int | None = None

    def __str__(self) -> str:
        part = "final" if self.fold == EVERYTHING else f"fold-{self.fold}"
        return f"{part}_seed-{self.seed}" if self.second is None else f"{part}-{self.second}_seed-{self.seed}"

    @property
    def held_out(self) -> tuple[int, ...]:
        """The folds that it does not see."""
        first = () if self.fold == EVERYTHING else (self.fold,)
        return first if self.second is None else (*first, self.second)


@dataclass(frozen=True)
class StartModel:
    """The model that fits start from: its folder, and the digest of what it held when it was chosen."""

    folder: Path
    digest: str

    def load(self) -> RimDetector:
        """The model.

        Raises
        ------
        CheckpointError
            If it is damaged, or another one by now.
        """
        if manifest_digest(self.folder) != self.digest:
            raise CheckpointError(
                f"{self.folder}: another model was written there since this training began to start from it; "
                "keep the model to start from outside the results"
            )
        return load_detector(self.folder)


@dataclass(frozen=True)
class FitTask:
    """One fit, as it crosses to a worker process."""

    name: FitName
    detector: DetectorSettings
    samples: Path
    fold_of: Mapping[str, int]
    device: str
    folder: Path
    log: Path | None = None  # the table of its epochs
    start: StartModel | None = None  # None: it starts from nothing


@dataclass(frozen=True)
class FitPlace:
    """Where fits and the tables of their epochs are kept; on what, how many at once, and from which model."""

    folder: Path
    device: str
    n_workers: int
    logs: Path | None = None
    start: StartModel | None = None


def plan_fits(
    names: Sequence[FitName],
    detector: DetectorSettings,
    samples: LesionSamples,
    fold_of: Mapping[str, int],
    place: FitPlace,
) -> dict[FitName, FitTask]:
    """Fits as tasks by name; the samples are written to where the fits are kept.

    Parameters
    ----------
    names
        The fits to make.
    detector
        The method.
    samples
        Labelled lesions.
    fold_of
        Subject -> fold.
    place
        Where fits run and are kept.
    """
    content = samples_to_bytes(samples)
    data = hashlib.sha256(content).hexdigest()
    origin = place.start.digest if place.start else ""
    file = place.folder / f"samples-{data[:12]}.safetensors"
    if not file.exists():  # it is whole, as its name is its content's; others may be reading it
        write_bytes(file, content)
    return {
        name: FitTask(
            name, detector, file, fold_of, place.device,
            place.folder / _folder(name, detector, fold_of, data + origin),
            place.logs / f"{name}.csv" if place.logs else None,
            place.start,
        )
        for name in names
    }  # fmt: skip


def unfinished(tasks: Mapping[Key, FitTask]) -> dict[Key, FitTask]:
    """The fits whose bundle is not there, or not whole."""
    return {name: task for name, task in tasks.items() if not _is_done(task.folder)}


def load_fits(tasks: Mapping[FitName, FitTask]) -> dict[FitName, RimDetector]:
    """Trained detectors of one member each, by name.

    Raises
    ------
    CheckpointError
        If a fit is not there.
    """
    return {name: load_detector(task.folder) for name, task in tasks.items()}


def fit_one(task: FitTask) -> None:
    """Train one member and leave its bundle, unless a whole one is there.

    Raises
    ------
    BusyError
        If another run is at work on the same fit.
    CheckpointError
        If the model that it starts from is damaged, or another one by now.
    """
    label = f"{task.detector.method}, {task.name}"
    with take_hold(label, task.folder.with_name(f"{task.folder.name}.lock")):
        if _is_done(task.folder):  # another run made it meanwhile
            logger.info("%s: already done", task.name)
            return
        samples, model = training_samples(task), new_detector(task.detector)
        if task.start is not None:
            model.start_from(task.start.load())
        progress = follow(label, task.log)
        model.fit(samples, (task.name.seed,), task.device, progress, _checkpoints(task))
        try:
            model.save(task.folder)
        except OutputError:
            if not _is_done(task.folder):  # else another machine was quicker, with the same fit
                raise
        forget_checkpoints([task])


def forget_checkpoints(tasks: Iterable[FitTask]) -> None:
    """Remove the unfinished states of fits that are done; a run that was killed may have left them."""
    for task in tasks:
        shutil.rmtree(_checkpoints(task), ignore_errors=True)


def training_samples(task: FitTask) -> LesionSamples:
    """What a fit learns from: the lesions of the subjects that it does not hold out."""
    samples = read_samples(task.samples)
    for fold in task.name.held_out:
        samples = samples.take(split_rows(samples.subjects, task.fold_of, fold)[0])
    return samples


def join_members(models: Sequence[RimDetector]) -> RimDetector:
    """One ensemble of detectors that were trained on the same lesions with different seeds."""
    bundles = [model.to_bundle() for model in models]
    members = tuple(member for bundle in bundles for member in bundle.members)
    seeds = [seed for bundle in bundles for seed in bundle.info.training.get("seeds", ())]
    info = replace(bundles[0].info, training={**bundles[0].info.training, "seeds": seeds})
    return type(models[0]).from_bundle(replace(bundles[0], info=info, members=members))


def _checkpoints(task: FitTask) -> Path:
    return task.folder.with_name(f"{task.folder.name}.unfinished")


def _is_done(folder: Path) -> bool:
    try:
        load_detector(folder)
    except CheckpointError:
        return False
    return True


def _folder(name: FitName, detector: DetectorSettings, fold_of: Mapping[str, int], data: str) -> str:
    """Another name for every other setting, sample, division into folds or version of the code."""
    identity = json.dumps([to_plain(detector), sorted(fold_of.items()), data, code_digest()], sort_keys=True)
    return f"{name}_{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


@cache
def code_digest() -> str:
    """A digest of the code that makes a fit."""
    homes = [Path(str(module.__file__)).parent for module in (detectors, learning, networks)]
    files = [file for home in homes for file in sorted(home.glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
