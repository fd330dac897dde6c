"""Who is held out with whom: folds from a number, the sites or a table, checked before any training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from qsmrim_app.bids_io.fold_table import read_folds
from qsmrim_app.errors import InputError, UsageError
from qsmrim_app.evaluation.bootstrap import SubjectDraws, draw_subjects
from qsmrim_app.evaluation.folds import TRAIN_ONLY, assign_folds, folds_of_rows, folds_of_sites
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.levels.sources import MAIN, site_of
from qsmrim_app.settings import LEAVE_ONE_SITE_OUT, GroupSettings

DRAWS = 1  # names the random stream of the bootstrap; folds have the seed alone
_MIN_FOLDS_STRICT = 3  # two are left out of a fit, and something must train


@dataclass(frozen=True, eq=False)
class Division:
    """Subject -> fold (or `TRAIN_ONLY`), and the resampled subjects: the same for every method of a run.

    ``warnings`` say what the folds cannot show.
    """

    fold_of: Mapping[str, int]
    draws: SubjectDraws
    warnings: tuple[str, ...] = ()

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds, ascending."""
        return folds_in(self.fold_of)

    def rows(self, rated: RatedLesions) -> list[tuple[object, ...]]:
        """One row a held-out subject, in the order of `FOLD_COLUMNS`."""
        main = rated.samples.take(rated.variants == MAIN)
        counts = {subject: np.zeros(2, dtype=int) for subject in self.fold_of}
        for subject, rim in zip(main.subjects.tolist(), main.rim.tolist(), strict=True):
            counts[subject] += (1, int(rim))
        return [
            (subject, fold, *counts[subject].tolist())
            for subject, fold in self.fold_of.items()
            if fold != TRAIN_ONLY
        ]


def divide(settings: GroupSettings, rated: RatedLesions) -> Division:
    """Folds of the held-out subjects, and draws of them.

    Raises
    ------
    UsageError
        If the number of folds does not fit the number of subjects, or is too small for strict thresholds.
    InputError
        If sites are lacking, a table of folds does not fit the subjects, or a fold leaves nothing to learn
        from.
    TableError
        If the table of folds cannot be read.
    """
    fold_of = _folds(settings, rated)
    always = rated.samples.subjects[~rated.is_scored].tolist()
    everyone = {**fold_of, **dict.fromkeys(always, TRAIN_ONLY)}
    _require_both_classes(rated, everyone, settings)
    draws = draw_subjects(fold_of, np.random.default_rng([settings.random_seed, DRAWS]))
    return Division(everyone, draws, tuple(_warnings(rated, fold_of, settings)))


def folds_in(fold_of: Mapping[str, int]) -> tuple[int, ...]:
    """The folds of a division, ascending."""
    return tuple(sorted(set(fold_of.values()) - {TRAIN_ONLY}))


def paired_folds(folds: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Folds two by two, neighbours together; of an odd number the last one stands with the first."""
    alone = folds[-1:] if len(folds) % 2 else ()
    pairs = tuple(pairwise(folds))[::2]
    return (*pairs, *((fold, folds[0]) for fold in alone))


def partners(folds: tuple[int, ...]) -> dict[int, int]:
    """Fold -> the one on which its strict threshold is chosen, by a model that saw neither."""
    found: dict[int, int] = {}
    for one, other in paired_folds(folds):
        found.setdefault(one, other)
        found.setdefault(other, one)
    return dict(sorted(found.items()))


# ---- from what was asked for -----------------------------------------------------------------------------
def _folds(settings: GroupSettings, rated: RatedLesions) -> dict[str, int]:
    n_rim = rated.rim_counts()
    if settings.folds == LEAVE_ONE_SITE_OUT:
        return folds_of_sites({subject: site_of(subject) for subject in n_rim})
    if isinstance(settings.folds, str):
        return _given_folds(Path(settings.folds), rated)
    return assign_folds(n_rim, settings.folds, np.random.default_rng(settings.random_seed))


def _given_folds(path: Path, rated: RatedLesions) -> dict[str, int]:
    """The folds of a table; participants without rated lesions may stand in it, too."""
    given, subjects = read_folds(path), sorted(rated.rim_counts())
    if missing := [subject for subject in subjects if subject not in given]:
        raise InputError(
            f"{path} gives no fold for {_some(missing)}; every subject with a rated lesion needs one"
        )
    if unknown := sorted(set(given) - rated.participants):
        raise InputError(
            f"{path} names {_some(unknown)}, and no such participant was gathered (they are called as "
            f"'{subjects[0]}' is); correct or remove the rows"
        )
    fold_of = {subject: given[subject] for subject in subjects}
    if len(set(fold_of.values())) < 2:
        raise InputError(f"{path} puts all rated subjects into one fold; cross-validation needs two")
    return fold_of


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{len(names)} subject(s): {', '.join(names[:5])}{more}"


# ---- what the folds allow --------------------------------------------------------------------------------
def _require_both_classes(rated: RatedLesions, fold_of: Mapping[str, int], settings: GroupSettings) -> None:
    scored = rated.samples.rim[rated.is_scored]
    if not 0 < scored.sum() < len(scored):
        raise InputError(
            f"{int(scored.sum())} of {len(scored)} rated lesions are rim+; training and evaluation need both "
            "rim+ and rim- lesions"
        )
    folds = folds_in(fold_of)
    if settings.strict_thresholds and len(folds) < _MIN_FOLDS_STRICT:
        raise UsageError(
            f"strict thresholds leave two folds out of a fit and need three, found {len(folds)}; use more "
            "--folds"
        )
    of_rows = folds_of_rows(rated.samples.subjects, fold_of)
    left_out = [(fold,) for fold in folds] + (list(paired_folds(folds)) if settings.strict_thresholds else [])
    for out in left_out:
        rim = rated.samples.rim[~np.isin(of_rows, out)]
        if not 0 < rim.sum() < len(rim):
            raise InputError(
                f"without fold {' and '.join(map(str, out))} there are {int(rim.sum())} rim+ among "
                f"{len(rim)} lesions to train on; training needs both classes: use other folds or more "
                "subjects"
            )


def _warnings(rated: RatedLesions, fold_of: Mapping[str, int], settings: GroupSettings) -> Iterator[str]:
    main = rated.samples.take(rated.variants == MAIN)
    of_rows, folds = folds_of_rows(main.subjects, fold_of), folds_in(fold_of)
    one_class = [fold for fold in folds if len(set(main.rim[of_rows == fold].tolist())) < 2]
    if one_class:
        yield (
            f"{len(one_class)} of {len(folds)} folds hold out lesions of one class alone "
            f"({_listed(one_class)}); they have no curve and are left out of the areas"
        )
    if settings.strict_thresholds and (unable := _without_strict_threshold(rated, fold_of)):
        yield (
            f"the strict threshold of fold(s) {_listed(unable)} is chosen on a fold without rim+ lesions; "
            "nothing is called there"
        )
    if len(folds) == len(fold_of):
        yield (
            "every fold holds out one subject; the intervals, which resample subjects within folds, have no "
            "width"
        )


def _without_strict_threshold(rated: RatedLesions, fold_of: Mapping[str, int]) -> list[int]:
    scored = rated.samples.take(rated.is_scored)
    of_rows = folds_of_rows(scored.subjects, fold_of)
    pairs = partners(folds_in(fold_of))
    return [fold for fold, other in pairs.items() if not scored.rim[of_rows == other].any()]


def _listed(folds: list[int]) -> str:
    return ", ".join(map(str, folds[:8])) + (" ..." if len(folds) > 8 else "")
