"""One participant of a cohort in numbers: its lesions by either kind of mask, and its whole map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from qsmrim_app.bids_io.label_tables import LabelRow
from qsmrim_app.images import load_labels
from qsmrim_app.lesions.labelling import label_lesions
from qsmrim_app.lesions.matching import match_by_overlap
from qsmrim_app.preprocessing.resampling import resample_labels
from qsmrim_app.records import Volume
from studies.alignment import qsm_to_flair
from studies.cohort_files import Participant, read_lesions, read_qsm, read_ratings
from studies.contrast import LesionContrast, measure_lesions
from studies.map_statistics import MapStatistics, inner_brain, map_statistics

RATINGS = ("rim", "rim_rater1", "rim_rater2", "rim_truth")
_UNRATED = LabelRow(0, "")


@dataclass(frozen=True)
class Request:
    """What to measure: crosses to a worker process."""

    person: Participant
    with_map: bool  # the statistics of the whole map
    with_flair_masks: bool  # register and measure on the plain FLAIR masks


@dataclass(frozen=True)
class Measured:
    """What was found. ``lesions`` and ``flair_lesions`` hold a row a lesion, volumes are in mm3."""

    label: str
    inversion: str
    lesions: tuple[dict[str, Any], ...]
    merged_volumes: tuple[float, ...]  # of the faithful masks, touching lesions taken as one
    flair_volumes: tuple[float, ...]  # on the FLAIR's own grid
    flair_lesions: tuple[dict[str, Any], ...]
    n_flair_lost: int  # plain FLAIR masks that fill no voxel of the QSM
    statistics: MapStatistics | None


def measure_participant(request: Request) -> Measured:
    """Read one participant's files and measure everything that is asked for."""
    person = request.person
    qsm, labels, ratings = read_qsm(person), read_lesions(person), read_ratings(person)
    contrasts = measure_lesions(qsm, labels)
    own = {label: label for label in contrasts}
    flair = load_labels(person.flair_lesions).volume if person.flair_lesions else None
    flair_rows: tuple[dict[str, Any], ...] = ()
    lost = 0
    if flair is not None and request.with_flair_masks:
        flair_rows, lost = _measure_flair_masks(request, qsm, labels, flair)
    return Measured(
        label=person.label,
        inversion=person.inversion,
        lesions=_rows(person.label, contrasts, own, ratings, labels),
        merged_volumes=volumes_mm3(label_lesions(labels)),
        flair_volumes=volumes_mm3(flair) if flair is not None else (),
        flair_lesions=flair_rows,
        n_flair_lost=lost,
        statistics=map_statistics(qsm, inner_brain(qsm)) if request.with_map else None,
    )


def volumes_mm3(labels: Volume) -> tuple[float, ...]:
    """The volume of every lesion of a label map, in ascending order of its label."""
    _, counts = np.unique(labels.data[labels.data > 0], return_counts=True)
    return tuple(float(count * labels.voxel_volume_mm3) for count in counts)


def _measure_flair_masks(
    request: Request, qsm: Volume, labels: Volume, flair: Volume
) -> tuple[tuple[dict[str, Any], ...], int]:
    """The plain FLAIR masks on the QSM; a lesion's rating is that of the faithful mask it overlaps most."""
    masks = resample_labels(flair, qsm, qsm_to_flair(request.person, qsm))
    contrasts = measure_lesions(qsm, masks)
    partners = match_by_overlap(masks, labels)
    rows = _rows(request.person.label, contrasts, partners, read_ratings(request.person), masks)
    return rows, len(volumes_mm3(flair)) - len(contrasts)


def _rows(
    subject: str,
    contrasts: Mapping[int, LesionContrast],
    partners: Mapping[int, int],
    ratings: Mapping[int, LabelRow],
    labels: Volume,
) -> tuple[dict[str, Any], ...]:
    """One row a lesion; a rating that nobody gave, or of a lesion without partner, is NaN."""
    boxes = ndimage.find_objects(labels.data)
    rows = []
    for label, contrast in contrasts.items():
        rated = ratings.get(partners.get(label, 0), _UNRATED)
        given = {name: getattr(rated, name) for name in RATINGS}
        rows.append(
            {
                "subject": subject,
                "index": label,
                "partner": partners.get(label, 0),
                "volume_mm3": contrast.volume_mm3,
                "mean_ppb": contrast.mean_ppb,
                "surround_ppb": contrast.surround_ppb,
                "contrast_ppb": contrast.contrast_ppb,
                "layer_ppb": contrast.layer_ppb,
                "profile_ppb": contrast.profile_ppb,
                "extent_vox": tuple(part.stop - part.start for part in boxes[label - 1]),
                **{name: np.nan if value is None else value for name, value in given.items()},
            }
        )
    return tuple(rows)
