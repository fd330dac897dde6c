"""Train a method on all lesions, and learn from held-out subjects where to put its thresholds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.registry import DETECTORS
from qsmrim_app.evaluation.bootstrap import SubjectDraws, draw_subjects
from qsmrim_app.evaluation.folds import TRAIN_ONLY, assign_folds
from qsmrim_app.levels.classifying import fingerprints
from qsmrim_app.levels.evaluating import Evaluation, evaluate
from qsmrim_app.levels.fitting import (
    EVERYTHING,
    FitName,
    FitPlace,
    join_members,
    load_fits,
    plan_fits,
    run_fits,
    unfinished,
)
from qsmrim_app.levels.gathering import MAIN
from qsmrim_app.levels.held_out import OutOfFold, predict_held_out
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.settings import DetectorSettings, GroupSettings

logger = logging.getLogger(__name__)

_DRAWS = 1  # names the random stream of the bootstrap; folds have the seed alone


@dataclass(frozen=True, eq=False)
class Division:
    """Subject -> fold (or `TRAIN_ONLY`), and the resampled subjects: the same for every method of a run."""

    fold_of: Mapping[str, int]
    draws: SubjectDraws


@dataclass(frozen=True, eq=False)
class Trained:
    """A detector trained on every lesion, and what members trained without them said of held-out subjects."""

    model: RimDetector
    held_out: OutOfFold
    evaluation: Evaluation


def divide(settings: GroupSettings, rated: RatedLesions) -> Division:
    """Folds by subject, stratified by the rim+ lesions of the main outlines, and draws of subjects.

    Raises
    ------
    UsageError
        If the number of folds does not fit the number of subjects.
    """
    fold_of = assign_folds(rated.rim_counts(), settings.folds, np.random.default_rng(settings.random_seed))
    draws = draw_subjects(fold_of, np.random.default_rng([settings.random_seed, _DRAWS]))
    always = rated.samples.subjects[~rated.is_scored].tolist()
    return Division({**fold_of, **dict.fromkeys(always, TRAIN_ONLY)}, draws)


def seeds_of(method: str, settings: GroupSettings) -> tuple[int, ...]:
    """One member a seed; a method that is an ensemble by itself takes the first seed alone."""
    one_member = getattr(DETECTORS[method], "one_member", False)
    return settings.seeds[:1] if one_member else settings.seeds


def train_method(
    settings: GroupSettings, detector: DetectorSettings, rated: RatedLesions, division: Division, work: Path
) -> Trained:
    """Train on every rated lesion; thresholds and temperature come from the held-out subjects.

    Parameters
    ----------
    settings
        Folds, seeds and machine.
    detector
        The method.
    rated
        Lesions of all sites and outlines.
    division
        Folds and draws.
    work
        Where fits are kept, so that an interrupted training goes on.
    """
    seeds = seeds_of(detector.method, settings)
    names = [FitName(fold, seed) for fold in (*range(settings.folds), EVERYTHING) for seed in seeds]
    place = FitPlace(work, settings.resources.device, settings.resources.nprocs)
    tasks = plan_fits(names, detector, rated.samples, division.fold_of, place)
    to_make = unfinished(tasks)
    logger.info(
        "%s: %s; %d fits to make, %d already there",
        detector.method, rated, len(to_make), len(tasks) - len(to_make),
    )  # fmt: skip
    run_fits(to_make, place.n_workers)
    fits = load_fits(tasks)
    held_out = predict_held_out(fits, rated, division.fold_of, seeds, place.device)
    evaluation = evaluate(held_out, division.draws)
    final = join_members([fits[FitName(EVERYTHING, seed)] for seed in seeds])
    describe(final, evaluation, rated)
    return Trained(final, held_out, evaluation)


def describe(model: RimDetector, evaluation: Evaluation, rated: RatedLesions) -> None:
    """Give a trained model its temperature, thresholds, metrics and the story of its data."""
    main = rated.counts[MAIN]
    n_subjects = len(set(rated.samples.subjects.tolist()))
    model.info = replace(
        model.info,
        version=metadata.version("qsmrim"),
        temperature=evaluation.temperature,
        operating_points=evaluation.operating_points,
        trained_on_simulation=rated.is_simulated,
        statement=_statement(rated),
        training=dict(model.info.training)
        | {"n_subjects": n_subjects, "n_lesions": main.n_lesions, "n_rim": main.n_rim}
        | {"n_rows": len(rated.samples), "variants": {name: asdict(n) for name, n in rated.counts.items()}}
        | {"fingerprints": fingerprints(rated.samples)},
        metrics=evaluation.metrics,
    )


def _statement(rated: RatedLesions) -> str:
    main = rated.counts[MAIN]
    others = [name for name in rated.counts if name != MAIN and name not in rated.train_only]
    origin = "simulated lesions" if rated.is_simulated else "lesions labelled by experts"
    also = f", and on their lesions under other outlines ({', '.join(others)})" if others else ""
    names = sorted(rated.train_only)
    n_more, n_rim_more = (
        sum(getattr(rated.counts[name], what) for name in names) for what in ("n_lesions", "n_rim")
    )
    more = (
        f", and on {n_more} more ({n_rim_more} rim+) that were never held out ({', '.join(names)})"
        if names
        else ""
    )
    return (
        f"Trained on {main.n_lesions} {origin} ({main.n_rim} rim+) of {main.n_subjects} participants"
        f"{also}{more}."
    )
