"""Train a method on all lesions, and learn from held-out subjects where to put its thresholds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from typing import Any

from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import BundleInfo
from qsmrim_app.detectors.registry import DETECTORS, new_detector
from qsmrim_app.errors import FeatureMismatchError
from qsmrim_app.levels.classifying import fingerprints
from qsmrim_app.levels.division import Division, paired_folds
from qsmrim_app.levels.evaluating import Evaluation, evaluate
from qsmrim_app.levels.fit_costs import CostQuestion
from qsmrim_app.levels.fitting import (
    EVERYTHING,
    FitName,
    FitPlace,
    FitTask,
    StartModel,
    forget_checkpoints,
    join_members,
    load_fits,
    plan_fits,
    unfinished,
)
from qsmrim_app.levels.held_out import OutOfFold, predict_held_out, strict_thresholds
from qsmrim_app.levels.making_fits import make_fits
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.levels.sources import MAIN
from qsmrim_app.settings import DetectorSettings, GroupSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MethodFits:
    """All fits of a method, made or not."""

    method: str
    seeds: tuple[int, ...]
    tasks: Mapping[FitName, FitTask]
    place: FitPlace


@dataclass(frozen=True, eq=False)
class Trained:
    """A detector trained on every lesion, and what members trained without them said of held-out subjects."""

    model: RimDetector
    held_out: OutOfFold
    evaluation: Evaluation


def seeds_of(method: str, settings: GroupSettings) -> tuple[int, ...]:
    """One member a seed; a method that is an ensemble by itself takes the first seed alone."""
    return settings.seeds[:1] if DETECTORS[method].one_member else settings.seeds


def require_measured_as_set(settings: GroupSettings, rated: RatedLesions) -> None:
    """Pass silently if the lesions were measured as the settings of the methods to train say.

    Raises
    ------
    FeatureMismatchError
        If not: a model would measure the lesions to come otherwise than those that it learnt from.
    """
    for method in settings.train:
        try:
            new_detector(_method_settings(settings, method, rated)).check_measured(rated.samples)
        except FeatureMismatchError as error:
            raise FeatureMismatchError(
                f"--train {method}: {error}, or give the settings of the samples in a --config-file "
                "([detector.patch], [detector.radiomics])"
            ) from error


def plan_method(
    settings: GroupSettings,
    method: str,
    rated: RatedLesions,
    division: Division,
    start: StartModel | None = None,
) -> MethodFits:
    """The fits of a method: one a fold and seed, one a seed on everything, those of strict thresholds.

    Parameters
    ----------
    settings
        Seeds, machine and work folder, where fits are kept, so that an interrupted training goes on.
    method
        A name of the registry.
    rated
        Lesions of all sites and outlines.
    division
        Folds.
    start
        The model that every fit starts from; None: they start from nothing.
    """
    seeds = seeds_of(method, settings)
    names = [FitName(fold, seed) for fold in (*division.folds, EVERYTHING) for seed in seeds]
    if settings.strict_thresholds:
        names += [FitName(one, seeds[0], other) for one, other in paired_folds(division.folds)]
    work = (settings.work_dir or settings.output_dir / dataset_path("work")) / "training" / method
    logs = settings.output_dir / dataset_path("logs") / "training" / method
    place = FitPlace(work, settings.resources.device, settings.resources.nprocs, logs, start)
    tasks = plan_fits(
        names, _method_settings(settings, method, rated), rated.samples, division.fold_of, place
    )
    return MethodFits(method, seeds, tasks, place)


def _method_settings(settings: GroupSettings, method: str, rated: RatedLesions) -> DetectorSettings:
    """Of what is to be trained: the voxel size is that of the samples, whatever the settings say."""
    return replace(settings.detector, method=method, spacing_mm=rated.samples.spacing_mm)


def train_method(
    fits: MethodFits, rated: RatedLesions, division: Division, question: CostQuestion | None = None
) -> Trained:
    """Train on every rated lesion; thresholds and calibration come from the held-out subjects.

    Fits that are there are not made again. What the fits will cost is said before the first one, if asked.
    """
    to_make = unfinished(fits.tasks)
    logger.info(
        "%s: %s; %d fits to make, %d already there",
        fits.method, rated, len(to_make), len(fits.tasks) - len(to_make),
    )  # fmt: skip
    make_fits(to_make, fits.place.n_workers, question)
    forget_checkpoints(fits.tasks.values())
    models = load_fits(fits.tasks)
    held_out = predict_held_out(models, rated, division.fold_of, fits.seeds, fits.place.device)
    evaluation = evaluate(held_out, division.draws, _strict(fits, models, rated, division))
    final = join_members([models[FitName(EVERYTHING, seed)] for seed in fits.seeds])
    describe(final, evaluation, rated, fits.place.start)
    return Trained(final, held_out, evaluation)


def _strict(
    fits: MethodFits, models: Mapping[FitName, RimDetector], rated: RatedLesions, division: Division
) -> dict[int, float] | None:
    if all(name.second is None for name in fits.tasks):
        return None
    return strict_thresholds(models, rated, division.fold_of, fits.seeds[0], fits.place.device)


def describe(
    model: RimDetector, evaluation: Evaluation, rated: RatedLesions, start: StartModel | None = None
) -> None:
    """Give a trained model its calibration, thresholds, metrics and the story of its data.

    What the model that it started from had seen, it has seen too.
    """
    main = rated.counts[MAIN]
    before = start.load().info if start else BundleInfo()
    n_subjects = len(set(rated.samples.subjects.tolist()))
    seen = {
        "fingerprints": sorted({*fingerprints(rated.samples), *before.training.get("fingerprints", ())}),
        "maps": sorted({*rated.maps, *before.training.get("maps", ())}),
    }
    told = dict(model.info.training)
    if start:
        told["started_from"] = {**told["started_from"], "model_sha256": start.digest}
    model.info = replace(
        model.info,
        version=metadata.version("qsmrim"),
        temperature=evaluation.calibration.temperature,
        log_odds_shift=evaluation.calibration.shift,
        operating_points=evaluation.operating_points,
        trained_on_simulation=rated.is_simulated or before.trained_on_simulation,
        statement=_statement(rated) + (f" {start_sentence(told['started_from'])}" if start else ""),
        training=told
        | {"n_subjects": n_subjects, "n_lesions": main.n_lesions, "n_rim": main.n_rim}
        | {"n_rows": len(rated.samples), "variants": {name: asdict(n) for name, n in rated.counts.items()}}
        | {"scored_on_simulation": rated.is_scored_simulated}
        | seen,
        metrics=evaluation.metrics,
    )


def start_sentence(started: Mapping[str, Any]) -> str:
    """What a model says of the one that it started from, by its ``info.training["started_from"]``."""
    origin = "simulated lesions" if started["trained_on_simulation"] else "lesions labelled by experts"
    return f"Every fit started from {started['name']} ({started['model_sha256'][:12]}), trained on {origin}."


def _statement(rated: RatedLesions) -> str:
    main = rated.counts[MAIN]
    others = [name for name in rated.counts if name != MAIN and name not in rated.train_only]
    origin = "simulated lesions" if rated.is_scored_simulated else "lesions labelled by experts"
    also = f", and on their lesions under other outlines ({', '.join(others)})" if others else ""
    names = sorted(rated.train_only)
    n_more, n_rim_more = (
        sum(getattr(rated.counts[name], what) for name in names) for what in ("n_lesions", "n_rim")
    )
    kind = "simulated" if rated.simulated & rated.train_only and not rated.is_scored_simulated else "more"
    more = (
        f", and on {n_more} {kind} ({n_rim_more} rim+) that were never held out ({', '.join(names)})"
        if names
        else ""
    )
    return (
        f"Trained on {main.n_lesions} {origin} ({main.n_rim} rim+) of {main.n_subjects} participants"
        f"{also}{more}."
    )
