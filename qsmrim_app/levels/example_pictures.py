"""Pictures of lesions for the group page, from the sites' images or, without them, from the patches."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from qsmrim_app.errors import QsmrimError
from qsmrim_app.evaluation.examples import clearest_examples
from qsmrim_app.evaluation.scored_lesions import LesionKey, ScoredLesions
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.levels.sources import site_of
from qsmrim_app.levels.written_case import has_images, written_case
from qsmrim_app.records import Case, Lesion, SessionKey
from qsmrim_app.reports.cohort_facts import CohortFacts
from qsmrim_app.reports.example_figures import N_EXAMPLES, Example, examples_figure, slice_figure
from qsmrim_app.reports.group_page import PageFigure
from qsmrim_app.reports.lesion_pictures import LesionPicture, picture_from_case, picture_from_patch
from qsmrim_app.reports.montage import focus_voxel
from qsmrim_app.reports.pictures import GreyImages, grey_images

logger = logging.getLogger(__name__)

_KEPT_CASES = 2  # in memory: examples of one session often stand together


class SiteImages:
    """Images of the sessions of all sites, by the names that the gathered tables use."""

    def __init__(self, sites: Mapping[str, Path]) -> None:
        self._sites = sites
        self._load = lru_cache(maxsize=_KEPT_CASES)(_load)

    def case(self, subject: str, session: str) -> tuple[Case, GreyImages] | None:
        """The session with its grey levels; None where its images are not there or cannot be read."""
        folder = self._sites[site_of(subject)]
        key = SessionKey(subject.rpartition(":")[2], session)
        try:
            return self._load(folder, key) if has_images(folder, key) else None
        except QsmrimError as error:
            logger.warning("%s is shown without images: %s", key.prefix, error)
            return None


def examples_png(lesions: ScoredLesions, gathered: Gathered, images: SiteImages, note: str) -> bytes:
    """The clearest right and wrong calls of a method on the main outlines."""
    p_rim = dict(zip(lesions.keys, lesions.p_rim.tolist(), strict=True))
    chosen = clearest_examples(lesions, N_EXAMPLES)
    return examples_figure(
        {
            cell: [Example(_picture(key, gathered, images), _caption(key, p_rim[key])) for key in keys]
            for cell, keys in chosen.items()
        },
        note,
    )


def slice_png(facts: CohortFacts, images: SiteImages) -> PageFigure | None:
    """The axial slice of the largest rim+ lesion whose images are there; None if there is no such lesion."""
    for subject, session, index in _largest_first(facts):
        found = images.case(subject, session)
        if found is None:
            continue
        case = found[0]
        lesions = {lesion.index: lesion for lesion in find_lesions(case.lesions)}
        if index not in lesions:
            continue
        voxel = focus_voxel(case, lesions[index])
        other = _rim_negative(facts, case, (subject, session), voxel[2])
        caption = f"{_name(subject, session)}, rim status: {facts.whose}. 1: the rim+ lesion {index}."
        caption += f" 2: the rim- lesion {other}." if other is not None else ""
        drawing = slice_figure(case, index, other, voxel, facts.note)
        return PageFigure(
            "slice",
            "The largest rim+ lesion on its axial slice",
            f"{caption} The patient's right is on the left. (Compare Figure 1 of the paper.)",
            drawing,
        )
    return None


def _load(folder: Path, key: SessionKey) -> tuple[Case, GreyImages]:
    case = written_case(folder, key)
    return case, grey_images(case)


def _picture(key: LesionKey, gathered: Gathered, images: SiteImages) -> LesionPicture:
    found = images.case(key[0], key[1])
    lesion = None if found is None else _lesion(found[0], key[2])
    if found is not None and lesion is not None:
        return picture_from_case(found[0], lesion, found[1])
    sample = gathered.samples.select([key])
    return picture_from_patch(sample.patches[0], sample.spacing_mm)


def _lesion(case: Case, index: int) -> Lesion | None:
    return next((lesion for lesion in find_lesions(case.lesions) if lesion.index == index), None)


def _caption(key: LesionKey, p_rim: float) -> str:
    p = "p < 0.001" if p_rim < 0.001 else "p > 0.999" if p_rim > 0.999 else f"p = {p_rim:.3f}"
    return f"{_name(key[0], key[1])}, lesion {key[2]}: {p}"


def _name(subject: str, session: str) -> str:
    return f"{subject}, {session}" if session else subject


def _largest_first(facts: CohortFacts) -> Iterator[LesionKey]:
    """Rim+ lesions by volume; equal ones by key."""
    frame = facts.lesions.frame[facts.rim == 1]
    keys = [
        (str(s), str(e), int(i)) for s, e, i in frame[["subject", "session", "index"]].itertuples(index=False)
    ]
    volumes = frame["volume_mm3"].fillna(0).tolist()
    yield from (key for _, key in sorted(zip(volumes, keys, strict=True), key=lambda one: (-one[0], one[1])))


def _rim_negative(facts: CohortFacts, case: Case, session: tuple[str, str], k: int) -> int | None:
    """The rim- lesion with most voxels in a slice; None if there is none."""
    frame = facts.lesions.frame
    own = (frame["subject"] == session[0]) & (frame["session"] == session[1]) & (facts.rim == 0)
    in_slice = np.bincount(case.lesions.data[:, :, k].ravel())
    sizes = {
        index: int(in_slice[index]) for index in frame.loc[own, "index"].tolist() if index < len(in_slice)
    }
    best = max(sizes, key=lambda index: sizes[index], default=None)
    return best if best is not None and sizes[best] else None
