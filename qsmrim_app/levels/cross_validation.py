"""Train a method on all lesions, and learn from held-out subjects where to put its thresholds."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.evaluation.calibration import fit_temperature
from qsmrim_app.evaluation.curves import partial_roc, precision_recall
from qsmrim_app.evaluation.folds import assign_folds, folds_of_rows, split_rows
from qsmrim_app.evaluation.metrics import confusion
from qsmrim_app.evaluation.thresholds import cross_fitted_thresholds, f1_threshold, high_sensitivity_threshold
from qsmrim_app.evaluation.votes import median_of_members
from qsmrim_app.levels.classifying import fingerprints
from qsmrim_app.levels.fitting import EVERYTHING, FitName, FitPlace, join_members, run_fits
from qsmrim_app.levels.gathering import Gathered, labelled, rim_counts
from qsmrim_app.settings import DetectorSettings, GroupSettings
from qsmrim_app.tables.lesion_samples import LesionSamples, SampleKey

logger = logging.getLogger(__name__)

_FIGURES = ("tp", "fp", "fn", "tn", "f1", "sensitivity", "specificity", "ppv")  # of the confusion, by name


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What models say of lesions of subjects that they never saw.

    ``keys``, ``folds`` and ``rim`` have length n, ``logits`` has shape (n, members).
    """

    keys: tuple[SampleKey, ...]
    logits: NDArray[np.float64]
    folds: NDArray[np.int64]
    rim: NDArray[np.float64]
    columns: ClassVar = ("subject", "session", "index", "fold", "rim_expert", "p_rim")

    def p_rim(self, temperature: float) -> NDArray[np.float64]:
        """Calibrated probability of the median member, shape (n,)."""
        return median_of_members(np.asarray(expit(self.logits / temperature)))

    def rows(self, temperature: float) -> list[tuple[object, ...]]:
        """One row a lesion, in the order of ``columns``: every figure of the model card follows from them."""
        values = zip(self.folds.tolist(), self.rim.astype(int).tolist(), self.p_rim(temperature), strict=True)
        return [(*key, *value) for key, value in zip(self.keys, values, strict=True)]


def train_method(
    settings: GroupSettings, detector: DetectorSettings, gathered: Gathered, work: Path
) -> tuple[RimDetector, OutOfFold]:
    """A detector trained on every labelled lesion, and what members said of held-out subjects.

    Thresholds and temperature of the detector come from the held-out subjects.

    Parameters
    ----------
    settings
        Folds, seeds and machine.
    detector
        The method.
    gathered
        Lesions of all sites.
    work
        Where fits are kept, so that an interrupted training goes on.
    """
    samples = labelled(gathered.samples)
    rng = np.random.default_rng(settings.random_seed)
    fold_of = assign_folds(rim_counts(list(samples.subjects), list(samples.rim)), settings.folds, rng)
    place = FitPlace(work, settings.resources.device, settings.resources.nprocs)
    names = [FitName(fold, seed) for fold in (*range(settings.folds), EVERYTHING) for seed in settings.seeds]
    logger.info("%s: %d fits on %d lesions", detector.method, len(names), len(samples))
    fits = run_fits(names, detector, samples, fold_of, place)
    final = join_members([fits[FitName(EVERYTHING, seed)] for seed in settings.seeds])
    held_out = predict_held_out(fits, samples, fold_of, settings.seeds)
    describe(final, held_out, samples, gathered.is_simulated)
    return final, held_out


def predict_held_out(
    fits: Mapping[FitName, RimDetector],
    samples: LesionSamples,
    fold_of: Mapping[str, int],
    seeds: Sequence[int],
) -> OutOfFold:
    """Logits for every lesion by the members that were trained without its subject."""
    logits = np.full((len(samples), len(seeds)), np.nan)
    for fold in sorted(set(fold_of.values())):
        _, test = split_rows(samples.subjects, fold_of, fold)
        for column, seed in enumerate(seeds):
            logits[test, column] = fits[FitName(fold, seed)].predict_logits(samples.take(test))[:, 0]
    return OutOfFold(samples.keys, logits, folds_of_rows(samples.subjects, fold_of), samples.rim)


def describe(model: RimDetector, held_out: OutOfFold, samples: LesionSamples, is_simulated: bool) -> None:
    """Give a trained model its temperature, thresholds, metrics and the story of its data."""
    temperature = fit_temperature(held_out.logits, held_out.rim)
    p_rim = held_out.p_rim(temperature)
    sensitive = high_sensitivity_threshold(p_rim, held_out.rim)
    points = {"f1": f1_threshold(p_rim, held_out.rim)}
    if sensitive is not None:
        points["high-sensitivity"] = sensitive
    n_rim, n_subjects = int(samples.rim.sum()), len(set(samples.subjects.tolist()))
    origin = "simulated lesions" if is_simulated else "lesions labelled by experts"
    model.info = replace(
        model.info,
        version=metadata.version("qsmrim"),
        temperature=temperature,
        operating_points=points,
        trained_on_simulation=is_simulated,
        statement=f"Trained on {len(samples)} {origin} ({n_rim} rim+) of {n_subjects} participants.",
        training=dict(model.info.training) | {"fingerprints": fingerprints(samples)},
        metrics=held_out_metrics(p_rim, held_out, n_subjects),
    )


def held_out_metrics(p_rim: NDArray[np.float64], held_out: OutOfFold, n_subjects: int) -> Mapping[str, Any]:
    """Figures over all held-out lesions; no F1 threshold saw the fold it scores."""
    thresholds = cross_fitted_thresholds(p_rim, held_out.rim, held_out.folds)
    called = p_rim >= np.array([thresholds[int(fold)] for fold in held_out.folds])
    counts = confusion(called, held_out.rim)
    return {
        "protocol": "cross-validation by subject, cross-fitted F1 thresholds",
        "n_subjects": n_subjects,
        "n_lesions": len(p_rim),
        "n_rim": int(held_out.rim.sum()),
        "n_folds": len(set(held_out.folds.tolist())),
        "proc_auc": partial_roc(p_rim, held_out.rim, held_out.folds).mean.area,
        "pr_auc": precision_recall(p_rim, held_out.rim, held_out.folds).mean.area,
    } | {name: getattr(counts, name) for name in _FIGURES}
