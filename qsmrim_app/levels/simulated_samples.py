"""What the participant level would measure on a simulated participant, without its files.

The images go the way of preprocessing, but for the registration: the true alignment, with an error as a good
registration leaves it, takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qsmrim_app.bids_io.label_tables import LabelRow
from qsmrim_app.bids_io.names import session_path
from qsmrim_app.bids_io.tables_io import lesion_table_sidecar, write_lesion_table
from qsmrim_app.bids_io.writing import write_bytes, write_json
from qsmrim_app.images import grid_with_spacing, robust_z_score, same_grid
from qsmrim_app.lesions.labelling import present_labels
from qsmrim_app.levels.expert_rim import ExpertRim
from qsmrim_app.levels.measuring import MeasuredSession, SessionImages, measure_session
from qsmrim_app.preprocessing.bias_correction import correct_bias
from qsmrim_app.preprocessing.brain_mask import mask_from_support
from qsmrim_app.preprocessing.grids import Sources, on_grid
from qsmrim_app.records import Case, SessionKey, Volume
from qsmrim_app.settings import DetectorSettings, LesionSettings
from qsmrim_app.simulation.cohort import SimulatedParticipant
from qsmrim_app.simulation.grids import rigid
from qsmrim_app.tables.lesion_samples import samples_to_bytes

FAITHFUL, FLAIR = "faithful", "flair"  # the two kinds of masks; also the names of their output folders
_LABELS = "labels-"  # before the kind of a mask, in names beside those of the images
N4_SHRINK_FACTOR = 12  # the shading of a simulated FLAIR is smooth
REGISTRATION_ERROR = (0.3, 0.3)  # standard deviation, degrees and mm, an axis


def measure_simulated(
    participant: SimulatedParticipant, detector: DetectorSettings
) -> dict[str, MeasuredSession]:
    """Lesions and samples of one participant for each kind of mask."""
    key, sources = SessionKey(participant.plan.label), _sources(participant)
    native = on_grid(sources, sources.qsm)
    grid = grid_with_spacing(sources.qsm, detector.spacing_mm)
    analysis = native if same_grid(sources.qsm, grid) else on_grid(sources, grid)
    expert = ExpertRim(_readings(participant), native[_LABELS + FAITHFUL])
    measured = {}
    for kind in (FAITHFUL, FLAIR):
        labels, _ = sources.labels[_LABELS + kind]
        images = SessionImages(
            _case(key, native, kind), _case(key, analysis, kind, scored=True), present_labels(labels)
        )
        measured[kind] = measure_session(images, {}, expert, LesionSettings(), detector)
    return measured


def write_simulated_samples(
    samples_dir: Path, key: SessionKey, measured: Mapping[str, MeasuredSession]
) -> None:
    """Lesion tables and samples of one participant, where the participant level would put them.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    for kind, session in measured.items():
        folder = samples_dir / kind
        write_bytes(folder / session_path(key, "samples", ".safetensors"), samples_to_bytes(session.samples))
        write_json(folder / session_path(key, "lesions", ".json"), lesion_table_sidecar())
        write_lesion_table(folder / session_path(key, "lesions", ".tsv"), session.table)


def has_samples(samples_dir: Path, key: SessionKey) -> bool:
    """Whether `write_simulated_samples` got to its end for a participant."""
    tables = [samples_dir / kind / session_path(key, "lesions", ".tsv") for kind in (FAITHFUL, FLAIR)]
    return all(table.exists() for table in tables)


def _sources(participant: SimulatedParticipant) -> Sources:
    flair = participant.flair.with_data(participant.flair.data.astype(np.float32))
    flair = correct_bias(flair, flair.with_data(flair.data > 0), N4_SHRINK_FACTOR)
    rng = np.random.default_rng([participant.plan.flair_mask.seed, 1])
    turn, shift = rng.normal(0, REGISTRATION_ERROR, (3, 2)).T.tolist()
    return Sources(
        qsm=participant.qsm,
        flair=flair,
        brain_mask=mask_from_support(participant.qsm),
        labels={
            _LABELS + FAITHFUL: (participant.labels, "QSM"),
            _LABELS + FLAIR: (participant.flair_labels, "FLAIR"),
        },
        flair_to_qsm=rigid(tuple(turn), tuple(shift)) @ participant.flair_to_qsm,
    )


def _readings(participant: SimulatedParticipant) -> dict[int, LabelRow]:
    rows = {}
    for label, vote in enumerate(participant.votes, start=1):
        said = (int(vote.consensus), int(vote.rater1), int(vote.rater2), int(vote.truth))
        rows[label] = LabelRow(label, "", *said)
    return rows


def _case(key: SessionKey, placed: Mapping[str, Volume], kind: str, scored: bool = False) -> Case:
    flair = robust_z_score(placed["flair"], placed["brain_mask"]) if scored else placed["flair"]
    return Case(key, placed["qsm"], flair, placed[_LABELS + kind], placed["brain_mask"])
