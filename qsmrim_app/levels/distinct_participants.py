"""No person may stand under two names: one would train, the other be held out."""

from __future__ import annotations

from collections.abc import Iterator

from qsmrim_app.errors import InputError
from qsmrim_app.levels.classifying import fingerprints
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.tables.lesion_samples import LesionSamples


def require_distinct_participants(gathered: Gathered) -> None:
    """Pass silently if no two subjects share the image of a lesion, under whatever outlines they stand.

    Raises
    ------
    InputError
        If two do: the same participant is in two sites, in one site twice, or in what only trains.
    """
    seen: dict[str, str] = {}
    for samples in _parts(gathered):
        rows = zip(samples.subjects.tolist(), fingerprints(samples), samples.patches, strict=True)
        for subject, print_, patch in rows:
            if patch.any() and seen.setdefault(print_, subject) != subject:  # an empty patch is nobody's
                raise InputError(
                    f"participants '{seen[print_]}' and '{subject}' have a lesion with the same image: they "
                    "are one under two names; leave one of them out, or give other outlines of the same "
                    "participants as a --mask-variant"
                )


def _parts(gathered: Gathered) -> Iterator[LesionSamples]:
    yield gathered.samples
    for part in (*gathered.variants.values(), *gathered.train_only.values()):
        yield part.samples
