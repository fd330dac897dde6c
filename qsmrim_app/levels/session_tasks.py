"""The tasks of a session that run in worker processes: prepare, measure, write."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsmrim_app.bids_io.label_tables import read_label_table
from qsmrim_app.bids_io.names import SessionRole, session_path
from qsmrim_app.bids_io.tables_io import lesion_table_sidecar, write_lesion_table, write_table
from qsmrim_app.bids_io.writing import remove_file, write_bytes, write_image, write_json, write_text
from qsmrim_app.errors import QsmrimError
from qsmrim_app.images import in_storage_order, read_grid, to_ppm
from qsmrim_app.lesions.painting import paint_lesions
from qsmrim_app.levels.expert_rim import (
    NOT_CLASSIFIED,
    RIM_NEGATIVE,
    RIM_POSITIVE,
    read_expert,
    some_labels,
)
from qsmrim_app.levels.former_ratings import keep_ratings
from qsmrim_app.levels.measuring import (
    MeasuredSession,
    load_native_case,
    load_session,
    measure_session,
)
from qsmrim_app.levels.run_log import begin_writing
from qsmrim_app.levels.session_report import forget_page
from qsmrim_app.levels.unlike_training import unlike_training_warnings
from qsmrim_app.preprocessing.brain_mask import is_masked
from qsmrim_app.preprocessing.workflow import prepare_subjects
from qsmrim_app.records import Case, PreparedSubject, SubjectInputs, Volume
from qsmrim_app.settings import (
    DetectorSettings,
    LesionSettings,
    PreprocessingSettings,
    ResourceSettings,
    Vector3,
)
from qsmrim_app.tables.lesion_samples import LesionSamples, samples_to_bytes
from qsmrim_app.tables.lesion_table import LesionTable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrepareTask:
    """What is needed to prepare a session."""

    inputs: SubjectInputs
    preprocessing: PreprocessingSettings
    spacing_mm: Vector3
    work_dir: Path
    resources: ResourceSettings


def prepare_inputs(task: PrepareTask) -> PreparedSubject:
    """Prepare the images of a session, one node after the other in this process.

    Raises
    ------
    QsmrimError
        Why the session could not be prepared.
    """
    alone = replace(task.resources, nprocs=1)
    outcome = prepare_subjects([task.inputs], task.preprocessing, task.spacing_mm, task.work_dir, alone)[
        task.inputs.key
    ]
    if isinstance(outcome, QsmrimError):
        raise outcome
    return outcome


@dataclass(frozen=True)
class MeasureTask:
    """What is needed to measure a session."""

    inputs: SubjectInputs
    prepared: PreparedSubject
    lesions: LesionSettings
    detector: DetectorSettings


def measure_inputs(task: MeasureTask) -> MeasuredSession:
    """Measure the lesions of a session whose images are prepared."""
    table = task.inputs.lesions_table
    rows = read_label_table(table) if table else {}
    names = {index: row.name for index, row in rows.items() if row.name}
    images = load_session(task.prepared)
    expert, doubts = read_expert(task.inputs, task.prepared)
    measured = measure_session(images, names, expert, task.lesions, task.detector)
    measured = replace(measured, warnings=(*measured.warnings, *doubts))
    without = sorted(set(rows) - set(images.source_labels))
    if table is None or not without:
        return measured
    note = f"{table.name}: {len(without)} row(s) name no lesion of the map: {some_labels(without)}"
    return replace(measured, warnings=(*measured.warnings, note))


@dataclass(frozen=True)
class WriteTask:
    """What is needed to write the maps and tables of a session."""

    inputs: SubjectInputs
    prepared: PreparedSubject
    table: LesionTable
    samples: LesionSamples
    output_dir: Path


def write_outputs(task: WriteTask) -> tuple[str, ...]:
    """Write every map and table of a session, on the QSM's own grid and in its own axis order.

    From the first file on neither status nor page of an earlier run says any more that the session is done.

    Returns
    -------
    tuple of str
        What a user should know of results that were replaced; it stands in the log already.

    Raises
    ------
    OutputError
        If a file cannot be written or removed.
    """
    key, case = task.prepared.key, load_native_case(task.prepared)
    doubts = keep_ratings(task.output_dir, key, task.table)
    begin_writing(task.output_dir, key)
    forget_page(task.output_dir, key)
    remove_file(_path(task, "lesions", ".tsv"))  # an earlier one does not say that these maps are whole
    _write_maps(task, case)
    doubts += _write_images(task, case)
    _write_samples(task)
    _write_transform(task)
    # last, since it says that the session is complete: the counts are made from it
    write_lesion_table(_path(task, "lesions", ".tsv"), task.table)
    for doubt in doubts:  # not on the page, which says the same whatever was there before
        logger.warning("%s: %s", key.prefix, doubt)
    return doubts


def rim_classes(table: LesionTable) -> dict[int, int]:
    """Lesion -> its value in the rim map."""
    values = {0: RIM_NEGATIVE, 1: RIM_POSITIVE}
    predicted = zip(table.frame["index"], table.frame["rim_predicted"].fillna(-1), strict=True)
    return {int(index): values.get(int(rim), NOT_CLASSIFIED) for index, rim in predicted}


def _write_maps(task: WriteTask, case: Case) -> None:
    frame = task.table.frame
    p_rim = {
        int(index): float(p) for index, p in zip(frame["index"], frame["p_rim"].fillna(0.0), strict=True)
    }
    classes = {index: float(value) for index, value in rim_classes(task.table).items()}
    doubts = [*unlike_training_warnings(task.table), *(item.warning for item in task.prepared.findings)]
    common = _sidecar(task, "qsm", "flair", "lesions") | {"PlausibilityWarnings": list(filter(None, doubts))}
    _write_native(task, "lesions", case.lesions, common | lesion_table_sidecar())
    _write_native(task, "rim", paint_lesions(case.lesions, classes, dtype=np.int16), common)
    _write_native(
        task,
        "probability",
        paint_lesions(case.lesions, p_rim),
        common | {"Description": "Probability of a rim, painted on each classified lesion; 0 elsewhere"},
    )


def _write_images(task: WriteTask, case: Case) -> tuple[str, ...]:
    _write_native(
        task, "flair", case.flair,
        _sidecar(task, "flair", "qsm", skull_stripped=False)
        | {"Description": "T2-FLAIR, bias-corrected with N4, on the grid of the QSM"},
    )  # fmt: skip
    map_path = _path(task, "qsm", ".nii.gz")
    former = map_path.read_bytes() if map_path.is_file() else None
    _write_native(
        task,
        "qsm",
        to_ppm(case.qsm),
        _sidecar(task, "qsm", skull_stripped=is_masked(case.qsm)) | {"Units": "ppm"},
    )
    if former is None or former == map_path.read_bytes():
        return ()
    return (  # in a container every dataset has one path
        f"the results of another susceptibility map, or of one that was read otherwise, stood in "
        f"{map_path.parent} and were replaced; give each dataset an output folder of its own",
    )


def _write_samples(task: WriteTask) -> None:
    samples = task.samples
    write_bytes(_path(task, "samples", ".safetensors"), samples_to_bytes(samples))
    rows = [
        [index, *values]
        for (_, _, index), values in zip(samples.keys, samples.features.tolist(), strict=True)
    ]
    write_table(_path(task, "features", ".tsv"), ("index", *samples.feature_names), rows)
    write_json(
        _path(task, "features", ".json"),
        {
            "Description": "Radiomic features of the QSM in ppb, one row a classified lesion",
            "Engine": samples.engine,
            "VoxelSize": list(samples.spacing_mm),
            "Sources": [task.inputs.datasets["qsm"], task.inputs.datasets["lesions"]],
        },
    )


def _write_transform(task: WriteTask) -> None:
    result = task.prepared.registration
    drop = result.similarity_drop
    matrix = "\n".join(" ".join(f"{value:.8f}" for value in row) for row in result.flair_to_qsm)
    write_text(_path(task, "transform", ".txt"), matrix + "\n")
    write_json(
        _path(task, "transform", ".json"),
        {
            "Description": "World point of the FLAIR to that of the QSM, RAS millimetres, 4 x 4, row by row",
            "Kind": result.kind,
            "Backend": result.backend,
            "FellBackToHeader": result.fell_back,
            "MutualInformationBefore": round(result.similarity_before, 6),
            "MutualInformationAfter": round(result.similarity_after, 6),
            "MutualInformationLostIfMoved": drop if drop is None else round(drop, 6),
            "HeadOverlapBefore": round(result.overlap_before, 6),
            "HeadOverlapAfter": round(result.overlap_after, 6),
            "Sources": [task.inputs.datasets[role] for role in ("flair", "qsm")],
        },
    )


def _write_native(task: WriteTask, role: SessionRole, volume: Volume, sidecar: Mapping[str, Any]) -> None:
    stored = read_grid(task.inputs.qsm)
    write_image(_path(task, role, ".nii.gz"), in_storage_order(volume, stored), sidecar)


def _sidecar(task: WriteTask, *roles: str, skull_stripped: bool = True) -> dict[str, Any]:
    datasets = task.inputs.datasets
    return {
        "SkullStripped": skull_stripped,
        "SpatialReference": datasets["qsm"],
        "Sources": [datasets[role] for role in roles],
    }


def _path(task: WriteTask, role: SessionRole, extension: str) -> Path:
    return task.output_dir / session_path(task.prepared.key, role, extension)
