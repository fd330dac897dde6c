"""A whole cohort in numbers: every participant measured, in a few processes, joined into tables."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qsmrim_app.images import load_labels
from qsmrim_app.lesions.labelling import label_lesions
from studies.cohort_files import Cohort, Participant, reconstructions
from studies.lesion_measures import RATINGS, Measured, Request, measure_participant, volumes_mm3

LESION_COLUMNS = (
    "subject",
    "index",
    "partner",
    "volume_mm3",
    "mean_ppb",
    "surround_ppb",
    "contrast_ppb",
    "layer_ppb",
    "profile_ppb",
    "extent_vox",
    *RATINGS,
)
SEMIREAL_PATIENTS = ("patient07", "patient19")  # the test subjects: nothing may be learned from them


@dataclass(frozen=True, eq=False)
class RealVolumes:
    """Volumes (mm3) of the lesions of real patients and how many patients there are."""

    volumes: np.ndarray
    n_patients: int


@dataclass(frozen=True, eq=False)
class CohortMeasures:
    """Everything that the report says, before it is put into words.

    ``lesions`` are the faithful masks, ``flair_lesions`` the plain FLAIR masks on the grid of the QSM, both
    with one row a lesion; ``maps`` has one row a map. Volumes in mm3.
    """

    participants: tuple[Participant, ...]
    incomplete: tuple[str, ...]
    lesions: pd.DataFrame
    merged_volumes: np.ndarray
    flair_volumes: np.ndarray
    flair_lesions: pd.DataFrame
    n_flair_lost: int
    maps: pd.DataFrame

    @property
    def n(self) -> int:
        """Participants."""
        return len(self.participants)

    def per_participant(self, flags: pd.Series) -> np.ndarray:
        """How many lesions of each participant carry a flag; those without lesions count 0."""
        counts = flags.groupby(self.lesions["subject"]).sum()
        return counts.reindex([person.label for person in self.participants], fill_value=0).to_numpy(int)


def measure_cohort(cohort: Cohort, n_maps: int, n_processes: int) -> CohortMeasures:
    """Measure every participant of a cohort, and the whole map of ``n_maps`` of them."""
    mapped = {person.label for person in spread_over_reconstructions(cohort.participants, n_maps)}
    requests = [Request(person, person.label in mapped, True) for person in cohort.participants]
    with ProcessPoolExecutor(n_processes, multiprocessing.get_context("forkserver")) as pool:
        measured = list(pool.map(measure_participant, requests))
    return _join(cohort, measured)


def spread_over_reconstructions(people: Sequence[Participant], wanted: int) -> tuple[Participant, ...]:
    """As many of each reconstruction as there are, the first of each in turn: no drawing, so no choosing."""
    queues = {name: [p for p in people if p.inversion == name] for name in reconstructions(people)}
    chosen: list[Participant] = []
    while len(chosen) < min(wanted, len(people)):
        for queue in queues.values():
            if queue and len(chosen) < wanted:
                chosen.append(queue.pop(0))
    return tuple(chosen)


def real_volumes(folder: Path) -> RealVolumes:
    """The 26-connected components of real consensus masks, without the two patients of the test set."""
    paths = [
        path for path in sorted(folder.glob("patient*.nii.gz")) if path.name[:9] not in SEMIREAL_PATIENTS
    ]
    volumes = [volumes_mm3(label_lesions(load_labels(path).volume)) for path in paths]
    return RealVolumes(np.concatenate([np.zeros(0), *volumes]), len(paths))


def _join(cohort: Cohort, measured: Sequence[Measured]) -> CohortMeasures:
    return CohortMeasures(
        participants=cohort.participants,
        incomplete=cohort.incomplete,
        lesions=_frame([row for one in measured for row in one.lesions]),
        merged_volumes=np.array([value for one in measured for value in one.merged_volumes]),
        flair_volumes=np.array([value for one in measured for value in one.flair_volumes]),
        flair_lesions=_frame([row for one in measured for row in one.flair_lesions]),
        n_flair_lost=sum(one.n_flair_lost for one in measured),
        maps=pd.DataFrame(
            [
                {"subject": one.label, "inversion": one.inversion, **asdict(one.statistics)}
                for one in measured
                if one.statistics is not None
            ]
        ),
    )


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(LESION_COLUMNS))
