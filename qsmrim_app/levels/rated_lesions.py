"""The lesions that train and are scored: those that experts rated, under every outline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import InputError
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.levels.sources import MAIN
from qsmrim_app.tables.lesion_samples import LesionSamples, SampleKey, concatenate_samples


@dataclass(frozen=True)
class VariantCounts:
    """What one kind of outline holds.

    Rated lesions that could not be classified neither train nor count, nor do lesions that no expert
    rated. ``n_lesions`` are the others.
    """

    n_subjects: int
    n_lesions: int
    n_rim: int
    n_not_classified: int
    n_rim_not_classified: int
    n_without_rating: int


@dataclass(frozen=True, eq=False)
class RatedLesions:
    """Samples with an expert status: those of the main outlines, of each mask variant, of what only trains.

    ``variants`` names the part of each row, shape (n,). ``counts`` is by that name, the main one first.
    ``simulated`` and ``train_only`` name the parts that hold simulated lesions, and those that are never held
    out. ``participants`` are all that could be, those without a rated lesion too. ``maps`` are the digests of
    their susceptibility maps. ``raters`` is what each of two raters said of a row, shape (n, 2):
    1, 0, or NaN where one did not rate; None: nobody knows.
    """

    samples: LesionSamples
    variants: NDArray[np.str_]
    counts: Mapping[str, VariantCounts]
    simulated: frozenset[str]
    train_only: frozenset[str] = frozenset()
    participants: frozenset[str] = frozenset()
    raters: NDArray[np.float64] | None = None
    maps: frozenset[str] = frozenset()

    @property
    def is_simulated(self) -> bool:
        """Whether any lesion is simulated."""
        return bool(self.simulated)

    @property
    def is_scored_simulated(self) -> bool:
        """Whether any lesion that is held out once is simulated."""
        return bool(self.simulated - self.train_only)

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        """Which rows are held out once, shape (n,)."""
        return ~np.isin(self.variants, sorted(self.train_only))

    def __str__(self) -> str:
        parts = ", ".join(
            f"{name}: {count.n_lesions} lesions ({count.n_rim} rim+) of {count.n_subjects} subjects, "
            f"{count.n_not_classified} rated but not classified, {count.n_without_rating} without a rating"
            for name, count in self.counts.items()
        )
        return f"{len(self.samples)} rows ({parts})"

    def rim_counts(self) -> dict[str, int]:
        """Subject -> number of rim+ lesions in the main outlines; a variant's rows are no more lesions."""
        counts = dict.fromkeys(self.samples.subjects[self.is_scored].tolist(), 0)
        main = self.samples.take(self.variants == MAIN)
        for subject, status in zip(main.subjects.tolist(), main.rim, strict=True):
            counts[subject] += int(status == 1)
        return counts


def rated_lesions(gathered: Gathered) -> RatedLesions:
    """The rows that an expert rated.

    Raises
    ------
    InputError
        If there are none, for one kind of outline.
    TableError
        If the samples of a variant do not fit to the others.
    """
    parts = {MAIN: gathered, **gathered.variants, **gathered.train_only}
    rated = {name: _rated(name, part.samples) for name, part in parts.items()}
    samples = rated[MAIN]
    if len(rated) > 1:
        samples = concatenate_samples(list(rated.values()), [f"'{name}'" for name in rated])
    return RatedLesions(
        samples,
        np.repeat(np.array(list(rated)), [len(part) for part in rated.values()]),
        {name: _count(part, rated[name]) for name, part in parts.items()},
        frozenset(name for name, part in parts.items() if part.is_simulated),
        frozenset(gathered.train_only),
        gathered.subjects,
        np.concatenate([_raters(part, rated[name].keys) for name, part in parts.items()]),
        frozenset(image.digest for part in parts.values() for image in part.images),
    )


def _rated(name: str, samples: LesionSamples) -> LesionSamples:
    known = ~np.isnan(samples.rim)
    if not known.any():
        raise InputError(
            f"no lesion ({name}) has an expert rim status; give the experts' tables to the participant level "
            "(--raters)"
        )
    return samples if known.all() else samples.take(known)


def _raters(part: Gathered, keys: Sequence[SampleKey]) -> NDArray[np.float64]:
    """What each rater said of the given lesions, shape (n, 2), by key."""
    said = part.table.frame[["rim_rater1", "rim_rater2"]].astype("float64").to_numpy()
    row_of = {key: row for row, key in enumerate(part.table.keys())}
    return np.asarray(said[[row_of[key] for key in keys]], dtype=np.float64).reshape(-1, 2)


def _count(part: Gathered, rated: LesionSamples) -> VariantCounts:
    frame = part.table.frame
    with_sample, keys = set(rated.keys), part.table.keys()
    lost = frame["rim_expert"][[key not in with_sample for key in keys]].dropna()
    return VariantCounts(
        n_subjects=len(set(rated.subjects.tolist())),
        n_lesions=len(rated),
        n_rim=int(rated.rim.sum()),
        n_not_classified=len(lost),
        n_rim_not_classified=int((lost == 1).sum()),
        n_without_rating=int(frame["rim_expert"].isna().sum()),
    )
