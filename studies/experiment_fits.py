"""The fits of the experiment: which there are, which are made already, and how one is made."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.evaluation.folds import split_rows
from qsmrim_app.levels.cross_validation import seeds_of
from qsmrim_app.levels.division import Division, divide
from qsmrim_app.levels.fitting import FitName, FitPlace, FitTask, code_digest, fit_one, plan_fits
from qsmrim_app.levels.gathering import gather
from qsmrim_app.levels.rated_lesions import RatedLesions, VariantCounts, rated_lesions
from qsmrim_app.levels.sources import MAIN
from qsmrim_app.plain_data import to_plain
from qsmrim_app.settings import GroupSettings
from qsmrim_app.tables.lesion_samples import read_samples
from studies.experiment_tables import FitTable, is_made, write_fit_table
from studies.hardware import hardware


@dataclass(frozen=True)
class ExperimentFit(FitTask):
    """A fit, the table that it leaves, and the facts that stand in the table."""

    table: Path = Path()
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Experiment:
    """What is trained on whom, and who is held out when."""

    settings: GroupSettings
    rated: RatedLesions
    division: Division


def read_experiment(settings: GroupSettings, samples_dir: Path, n_participants: int | None) -> Experiment:
    """The lesions and folds of an experiment.

    Parameters
    ----------
    settings
        Folds, seeds, detector; which patches there are, the samples say.
    samples_dir
        Output folder of the participant level, or of ``qsmrim-simulate --samples-dir``.
    n_participants
        The first so many in the order of their labels; None: all.
    """
    rated = rated_lesions(gather({"": samples_dir}))
    if n_participants is not None:
        rated = _first(rated, n_participants)
    samples, patch = rated.samples, settings.detector.patch
    radiomics = replace(settings.detector.radiomics, bin_width_ppb=samples.bin_width_ppb)
    detector = replace(
        settings.detector,
        spacing_mm=samples.spacing_mm,
        patch=replace(patch, margin_mm=samples.margin_mm, qsm_zero=samples.qsm_zero),
        radiomics=radiomics,
    )
    settings = replace(settings, detector=detector)
    return Experiment(settings, rated, divide(settings, rated))


def _first(rated: RatedLesions, n: int) -> RatedLesions:
    names = sorted(rated.participants)[:n]
    kept = np.isin(rated.samples.subjects, names)
    samples = rated.samples.take(kept)
    counts = VariantCounts(len(set(samples.subjects)), len(samples), int(samples.rim.sum()), 0, 0, 0)
    return replace(
        rated,
        samples=samples,
        variants=rated.variants[kept],
        counts={MAIN: counts},
        participants=frozenset(names),
        raters=None,
    )


def plan_experiment(experiment: Experiment, methods: Sequence[str], tables: Path) -> dict[str, ExperimentFit]:
    """All fits by method, fold and seed, made or not."""
    settings, rated, fold_of = experiment.settings, experiment.rated, experiment.division.fold_of
    work = settings.output_dir
    place = FitPlace(work / "fits", settings.resources.device, settings.resources.nprocs)
    planned = {}
    for method in methods:
        detector = replace(settings.detector, method=method)
        names = [
            FitName(fold, seed) for fold in experiment.division.folds for seed in seeds_of(method, settings)
        ]
        own = replace(place, logs=work / "logs" / method)
        for name, task in plan_fits(names, detector, rated.samples, fold_of, own).items():
            path = tables / method / f"{name}.tsv"
            planned[f"{method} {name}"] = ExperimentFit(
                **{item.name: getattr(task, item.name) for item in fields(task)},
                table=path,
                facts=_facts(task, len(experiment.division.folds)),
            )
    return planned


def to_make(planned: Mapping[str, ExperimentFit]) -> dict[str, ExperimentFit]:
    """The fits whose table is not there, or of other settings, folds or data."""
    return {name: fit for name, fit in planned.items() if not is_made(fit.table, fit.facts["hash"])}


def make_fit(fit: ExperimentFit) -> None:
    """Make a fit and leave its table. It runs in a worker."""
    is_new = not fit.folder.exists() and not fit.folder.with_name(f"{fit.folder.name}.unfinished").exists()
    begin = time.process_time()
    fit_one(fit)
    samples = read_samples(fit.samples)
    train, test = split_rows(samples.subjects, fit.fold_of, fit.name.fold)
    held_out = samples.take(test)
    logits = load_detector(fit.folder).predict_logits(held_out, fit.device)[:, 0]
    seconds = round(time.process_time() - begin, 1) if is_new else None  # of the rest says nothing
    counts = {"n_train": int(np.size(samples.rim[train])), "n_train_rim": int(samples.rim[train].sum())}
    facts = {**fit.facts, **counts, "cpu_seconds": seconds, "hardware": hardware(), "code": code_digest()}
    write_fit_table(fit.table, FitTable(facts, held_out.keys, held_out.rim, logits))


def _facts(task: FitTask, n_folds: int) -> dict[str, Any]:
    detector = task.detector
    identity = [to_plain(detector), sorted(task.fold_of.items()), task.samples.name, str(task.name)]
    return {
        "hash": hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
        "method": detector.method,
        "fold": task.name.fold,
        "seed": task.name.seed,
        "n_folds": n_folds,
        "width": detector.network.width,
        "epochs": detector.training.epochs,
        "learning_rate": detector.training.learning_rate,
        "batch_size": detector.training.batch_size,
    }
