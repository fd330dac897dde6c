"""Output folders of the participant level for phantoms, made without preprocessing and without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from qsmrim_app.bids_io.description import write_description
from qsmrim_app.bids_io.label_tables import LabelRow
from qsmrim_app.levels.expert_rim import ExpertRim
from qsmrim_app.levels.measuring import load_session, measure_session
from qsmrim_app.levels.session_tasks import WriteTask, write_outputs
from qsmrim_app.records import SubjectInputs
from qsmrim_app.settings import (
    DetectorSettings,
    GroupSettings,
    LesionSettings,
    NetworkSettings,
    ResourceSettings,
    TrainingSettings,
)
from tests import phantoms
from tests.levels.prepared import prepare_phantom

SUBJECTS = ("01", "02", "03", "04")


def write_subject(
    subject: str, output_dir: Path, scratch: Path, outlines: str = "main", rated: bool = True
) -> tuple[str, ...]:
    """The outputs of a phantom, whose label is also its seed. The second rater misses lesion 4, a rim+ one.

    In the outlines "flair" the touching lesions 2 and 3 are one, and all numbers are others.
    """
    case = phantoms.phantom_case(subject=subject, seed=int(subject))
    truth = phantoms.rim_truth()
    if outlines == "flair":
        merged = np.array([0, 14, 12, 12, 11, 10], dtype=np.int32)[case.lesions.data]
        case = replace(case, lesions=case.lesions.with_data(merged))
        truth = {14: truth[1], 12: truth[2], 11: truth[4], 10: truth[5]}
    prepared = prepare_phantom(case, scratch)
    rows = {
        label: LabelRow(label, "", int(rim), int(rim), int(rim and label != 4), int(rim))
        for label, rim in truth.items()
    }
    expert = ExpertRim(rows, case.lesions) if rated else None
    measured = measure_session(load_session(prepared), {}, expert, LesionSettings(), DetectorSettings())
    inputs = SubjectInputs(
        case.key, prepared.native_qsm, prepared.native_flair, prepared.native_lesions, "instances", "QSM",
        datasets=dict.fromkeys(("qsm", "flair", "lesions"), "bids:raw:x"),
    )  # fmt: skip
    return write_outputs(WriteTask(inputs, prepared, measured.table, measured.samples, output_dir))


def write_outputs_of(folder: Path, subjects: Sequence[str], outlines: str = "main") -> Path:
    """An output folder of several phantoms."""
    for subject in subjects:
        scratch = folder.parent / "scratch" / folder.name / subject
        scratch.mkdir(parents=True)
        write_subject(subject, folder, scratch, outlines)
    write_description(folder, "0", {})
    return folder


def group_settings(output_dir: Path, **changes) -> GroupSettings:
    """A group run that trains in seconds; ``bids`` beside the output folder is its dataset."""
    detector = DetectorSettings(
        network=NetworkSettings(width=4, radiomic_hidden=16, embedding=16, classifier_hidden=8),
        training=TrainingSettings(epochs=2, batch_size=8),
    )
    bids_dir = output_dir.parent / "bids"
    bids_dir.mkdir(exist_ok=True)
    base = GroupSettings(
        bids_dir, output_dir, ("qsmrim-net",), folds=2, seeds=(0, 1, 2), detector=detector,
        resources=ResourceSettings(nprocs=2, device="cpu"),
    )  # fmt: skip
    return replace(base, **changes)


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file of an output folder but logs and fits, by its path."""
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        str(file): (folder / file).read_bytes() for file in files if file.parts[0] not in ("logs", "work")
    }
