"""What models say of lesions of subjects that they never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.evaluation.folds import TRAIN_ONLY, folds_of_rows, split_rows
from qsmrim_app.evaluation.thresholds import f1_threshold
from qsmrim_app.evaluation.votes import median_of_members
from qsmrim_app.levels.division import folds_in, partners
from qsmrim_app.levels.fitting import FitName
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.levels.sources import raw_session
from qsmrim_app.tables.columns import Column
from qsmrim_app.tables.lesion_samples import SampleKey

HELD_OUT_COLUMNS: Mapping[str, Column] = {
    "variant": Column("text", "Outlines of the lesion: main, or the name of a mask variant"),
    "subject": Column("text", "Participant label without 'sub-', after its site where sites are named"),
    "session": Column("text", "Session label without 'ses-'; n/a where the dataset has no sessions"),
    "index": Column("integer", "Value of the lesion in the label image of the variant"),
    "fold": Column("integer", "Cross-validation fold that held the subject out"),
    "rim_expert": Column("flag", "Rim status given by the expert consensus"),
    "rim_rater1": Column("flag", "Rim status given by the first rater"),
    "rim_rater2": Column("flag", "Rim status given by the second rater"),
    "p_rim": Column("number", "Probability of a rim with the final calibration"),
    "logit": Column("number", "Median of the members' logits, before any calibration"),
    "rim_predicted": Column("flag", "p_rim reaches the F1 threshold that the other folds chose"),
}


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Lesions with the logits of the members that were trained without their subject.

    ``keys``, ``variants``, ``folds`` and ``rim`` have length n, ``logits`` has shape (n, members). ``raters``
    is as in `RatedLesions`, shape (n, 2).
    """

    keys: tuple[SampleKey, ...]
    variants: NDArray[np.str_]
    logits: NDArray[np.float64]
    folds: NDArray[np.int64]
    rim: NDArray[np.float64]
    raters: NDArray[np.float64] | None = None

    @property
    def median_logits(self) -> NDArray[np.float64]:
        """Logit of the median member, shape (n,)."""
        return np.asarray(median_of_members(self.logits))

    def rows(self, p_rim: NDArray[np.float64], called: NDArray[np.bool_]) -> list[tuple[object, ...]]:
        """One row a lesion, in the order of `HELD_OUT_COLUMNS`: all figures follow from them."""
        unknown = np.full((len(self.keys), 2), np.nan)
        raters = (unknown if self.raters is None else self.raters).T.tolist()
        values = zip(
            self.folds.tolist(),
            self.rim.astype(int).tolist(),
            *([None if np.isnan(said) else int(said) for said in rater] for rater in raters),
            p_rim.tolist(),
            self.median_logits.tolist(),
            called.astype(int).tolist(),
            strict=True,
        )
        return [
            (variant, subject, raw_session(session, variant), index, *value)
            for variant, (subject, session, index), value in zip(
                self.variants.tolist(), self.keys, values, strict=True
            )
        ]


def predict_held_out(
    fits: Mapping[FitName, RimDetector],
    rated: RatedLesions,
    fold_of: Mapping[str, int],
    seeds: Sequence[int],
    device: str = "cpu",
) -> OutOfFold:
    """Logits for every lesion by the members, one a seed, that were trained without its subject."""
    scored = rated.is_scored
    samples = rated.samples.take(scored)
    logits = np.full((len(samples), len(seeds)), np.nan)
    for fold in sorted(set(fold_of.values()) - {TRAIN_ONLY}):
        _, test = split_rows(samples.subjects, fold_of, fold)
        held_out = samples.take(test)
        for column, seed in enumerate(seeds):
            logits[test, column] = fits[FitName(fold, seed)].predict_logits(held_out, device)[:, 0]
    folds = folds_of_rows(samples.subjects, fold_of)
    raters = None if rated.raters is None else rated.raters[scored]
    return OutOfFold(samples.keys, rated.variants[scored], logits, folds, samples.rim, raters)


def strict_thresholds(
    fits: Mapping[FitName, RimDetector],
    rated: RatedLesions,
    fold_of: Mapping[str, int],
    seed: int,
    device: str = "cpu",
) -> dict[int, float]:
    """F1-optimal logit of each fold, chosen on its partner's lesions by a member that saw neither fold.

    Nothing reaches infinity, the threshold where the partner has no rim+ lesion.
    """
    samples = rated.samples.take(rated.is_scored)
    folds = folds_of_rows(samples.subjects, fold_of)
    found = {}
    for fold, other in partners(folds_in(fold_of)).items():
        fit = next(
            fits[name] for name in (FitName(fold, seed, other), FitName(other, seed, fold)) if name in fits
        )
        inner = samples.take(folds == other)
        logits = fit.predict_logits(inner, device)[:, 0]
        found[fold] = f1_threshold(logits, inner.rim) if inner.rim.any() else np.inf
    return found
