"""A simulated cohort as a BIDS dataset: raw images, and derivatives with QSM, lesions and rim ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qsmrim_app.bids_io.datasets import RAW, read_description
from qsmrim_app.bids_io.description import BIDS_VERSION
from qsmrim_app.bids_io.label_tables import read_cells
from qsmrim_app.bids_io.names import dataset_path, simulation_path
from qsmrim_app.bids_io.simulated_sidecars import (
    gradient_echo_sidecar,
    label_sidecar,
    map_sidecar,
    uri,
)
from qsmrim_app.bids_io.tables_io import column_descriptions, write_table
from qsmrim_app.bids_io.writing import remove_file, write_image, write_json, write_text
from qsmrim_app.errors import OutputError
from qsmrim_app.images.units import to_ppm
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import FlairMasks, SimulationSettings
from qsmrim_app.simulation.cohort import SimulatedParticipant
from qsmrim_app.tables.columns import Column

GENERATOR = "qsmrim-simulate"
DERIVATIVES: Mapping[str, str] = {  # folder -> what it holds
    "qsm": "Simulated susceptibility maps",
    "lesions": "Lesion instances of a simulated cohort",
    "raters": "Simulated rim ratings",
}
FLAIR_MASKS = {"lesions-flair": "Plain FLAIR lesion masks of a simulated cohort"}
REFERENCES = (
    "Fonov V et al. Unbiased average age-appropriate atlases. NeuroImage 2011;54:313-327",
    "Marques JP et al. QSM reconstruction challenge 2.0. Magn Reson Med 2021;86:526-542",
)
PARTICIPANT_COLUMNS: Mapping[str, Column] = {
    "participant_id": Column("text", "Participant label with 'sub-'"),
    "age": Column("integer", "Age, as simulated", "year"),
    "sex": Column("text", "Sex, as simulated", levels={"F": "female", "M": "male"}),
    "seed": Column("integer", "Seed of the cohort that the participant belongs to"),
    "recipe": Column("text", "Digest of the settings and the version that made the participant"),
    "n_lesions": Column("integer", "Lesions in the label map"),
    "n_rim": Column("integer", "Lesions that the raters call rim positive"),
    "n_rim_truth": Column("integer", "Lesions of the label map that were given a rim"),
    "n_not_outlined": Column("integer", "Lesions in the images that are too small to be in the label map"),
    "n_without_room": Column("integer", "Lesions that were drawn but found no place in the brain"),
    "protocol": Column("text", "Gradient-echo protocol"),
    "field_strength": Column("number", "Main field", "T"),
    "reference": Column("text", "What the susceptibility map calls zero: CSF or the mean of the brain"),
    "flair_mask_shift": Column("number", "How far the plain FLAIR mask lies from the lesions", "mm"),
    "flair_mask_growth": Column("number", "By how much the plain FLAIR mask is dilated (or eroded)", "mm"),
    "inversion": Column("text", "How the susceptibility map was reconstructed"),
    "inversion_strength": Column("number", "Regularisation, in the method's own unit"),
}
_TOUCHING: Mapping[FlairMasks, str] = {
    "merged": "one value a component",
    "split": "one value a lesion, or a piece of a large one",
}
_RIM_LEVELS = {"1": "rim positive", "0": "rim negative"}
LESION_COLUMNS: Mapping[str, Column] = {
    "index": Column("integer", "Value of the lesion in the label image"),
    "name": Column("text", "Name of the lesion"),
}
RATER_COLUMNS: Mapping[str, Column] = {
    **LESION_COLUMNS,
    "rim": Column(
        "flag",
        "Consensus: what both raters say; where they differ a third reader decides",
        levels=_RIM_LEVELS,
    ),
    "rim_rater1": Column("flag", "What the first simulated rater says", levels=_RIM_LEVELS),
    "rim_rater2": Column("flag", "What the second simulated rater says", levels=_RIM_LEVELS),
    "rim_truth": Column("flag", "Whether the simulation gave the lesion a rim", levels=_RIM_LEVELS),
}
_README = """# A simulated cohort

Every image here was computed by qsmrim-simulate; no person was scanned. Brains are deformed copies of the
MNI152 template, lesions and their paramagnetic rims are drawn at random, susceptibility is turned into a
field by the dipole model and reconstructed again. Figures obtained on it say nothing about patients.

`derivatives/qsm` holds the susceptibility maps, `derivatives/lesions` the lesion instances,
`derivatives/raters` the rim status as two simulated raters see it, beside the truth.
`derivatives/lesions-flair`, where it is there, holds masks as a reader of FLAIR alone would draw them: moved
by up to 1.5 mm, grown or shrunk; `participants.tsv` says how much. Lesions that touch are one in it, or cut
apart, as the sidecars of the masks say.

The template: Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological
Institute, McGill University; see https://www.bic.mni.mcgill.ca/ServicesAtlases/ICBM152NLin2009.
"""


def open_simulated_dataset(output_dir: Path, version: str, flair_masks: bool = False) -> None:
    """Make the folder and describe the raw dataset and its derivatives.

    Parameters
    ----------
    output_dir
        Of the raw dataset.
    version
        Of the simulator.
    flair_masks
        Whether there will be plain FLAIR masks.

    Raises
    ------
    OutputError
        If the folder holds something else than a simulated cohort, or cannot be written.
    """
    found = read_description(output_dir)
    own = found is not None and any(
        isinstance(entry, dict) and entry.get("Name") == GENERATOR for entry in found.get("GeneratedBy") or ()
    )
    if output_dir.exists() and not own and (not output_dir.is_dir() or any(output_dir.iterdir())):
        raise OutputError(f"{output_dir} is not empty and holds no simulated cohort; choose another folder")
    generator = {"Name": GENERATOR, "Version": version, "Description": "Simulated; see README.md"}
    raw = {"Name": "Simulated rim lesions on QSM", "BIDSVersion": BIDS_VERSION, "DatasetType": "raw"}
    shared = {"GeneratedBy": [generator], "ReferencesAndLinks": list(REFERENCES)}
    _describe(output_dir, {**raw, **shared})
    derivatives = {**DERIVATIVES, **(FLAIR_MASKS if flair_masks else {})}
    for folder, name in derivatives.items():
        links = {RAW: "../.."} | {other: f"../{other}" for other in derivatives if other != folder}
        entry = {
            "Name": name,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "DatasetLinks": links,
        }
        _describe(output_dir / "derivatives" / folder, {**entry, **shared})


def write_simulated_participant(
    output_dir: Path, participant: SimulatedParticipant, settings: SimulationSettings
) -> dict[str, Any]:
    """Write all files of one participant.

    Returns
    -------
    dict
        The participant's row of ``participants.tsv``.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    key = SessionKey(participant.plan.label)
    protocol = participant.plan.scan.protocol
    scan = {"SkullStripped": True, "MagneticFieldStrength": protocol.field_strength_t}
    write_image(
        output_dir / simulation_path(key, "flair"), participant.flair, {**scan, "ImageComments": "SIMULATED"}
    )
    write_image(
        output_dir / simulation_path(key, "magnitude"),
        participant.magnitude,
        {**scan, **gradient_echo_sidecar(protocol)},
    )
    write_image(
        output_dir / simulation_path(key, "qsm"), to_ppm(participant.qsm), map_sidecar(participant, key)
    )
    rows = list(enumerate(participant.votes, start=1))
    names = [(index, f"lesion-{index:03d}") for index, _ in rows]
    ratings = [(vote.consensus, vote.rater1, vote.rater2, vote.truth) for _, vote in rows]
    for role, columns, table in (
        ("lesions", LESION_COLUMNS, names),
        ("raters", RATER_COLUMNS, [(*name, *rating) for name, rating in zip(names, ratings, strict=True)]),
    ):
        path = output_dir / simulation_path(key, role)  # type: ignore[arg-type]
        write_table(output_dir / simulation_path(key, role, ".tsv"), tuple(columns), table)  # type: ignore[arg-type]
        write_image(path, participant.labels, {**label_sidecar(key), **column_descriptions(columns)})
    if settings.flair_masks is not None:
        _write_flair_masks(output_dir, participant, key, _TOUCHING[settings.flair_masks])
    else:
        _remove_flair_masks(output_dir, key)
    return _participant_row(participant, settings)


def _write_flair_masks(
    output_dir: Path, participant: SimulatedParticipant, key: SessionKey, touching: str
) -> None:
    numbers = range(1, int(participant.flair_labels.data.max()) + 1)
    table = [(index, f"lesion-{index:03d}") for index in numbers]
    write_table(output_dir / simulation_path(key, "flair_lesions", ".tsv"), tuple(LESION_COLUMNS), table)
    flair = uri(RAW, simulation_path(key, "flair"))
    sidecar = {
        "Description": f"SIMULATED mask drawn on FLAIR alone; {touching}",
        "Manual": False,
        "SkullStripped": True,
        "SpatialReference": flair,
        "Sources": [flair],
    }
    write_image(
        output_dir / simulation_path(key, "flair_lesions"),
        participant.flair_labels,
        {**sidecar, **column_descriptions(LESION_COLUMNS)},
    )


def _remove_flair_masks(output_dir: Path, key: SessionKey) -> None:
    """Remove the masks of a former participant of the same label, who had other lesions."""
    table = output_dir / simulation_path(key, "flair_lesions", ".tsv")
    for stale in (output_dir / simulation_path(key, "flair_lesions"), table, table.with_suffix(".json")):
        remove_file(stale)


def write_participants(output_dir: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``participants.tsv``; rows of participants that an earlier run simulated are kept.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    path = output_dir / dataset_path("participants", ".tsv")
    merged = dict(read_participants(output_dir))
    merged.update({row["participant_id"]: row for row in rows})
    write_json(output_dir / dataset_path("participants", ".json"), column_descriptions(PARTICIPANT_COLUMNS))
    table = [[merged[name].get(column) for column in PARTICIPANT_COLUMNS] for name in sorted(merged)]
    write_table(path, tuple(PARTICIPANT_COLUMNS), table)


def read_participants(output_dir: Path) -> Mapping[str, Mapping[str, Any]]:
    """The rows of ``participants.tsv``, by participant; empty where there is none.

    Raises
    ------
    TableError
        If the table cannot be read.
    """
    path = output_dir / dataset_path("participants", ".tsv")
    return {cells["participant_id"]: cells for _, cells in read_cells(path)} if path.exists() else {}


def _describe(folder: Path, description: Mapping[str, Any]) -> None:
    write_json(folder / dataset_path("description", ".json"), description)
    write_text(folder / dataset_path("readme", ".md"), _README)


def _participant_row(participant: SimulatedParticipant, settings: SimulationSettings) -> dict[str, Any]:
    plan, votes = participant.plan, participant.votes
    return {
        "participant_id": f"sub-{plan.label}",
        "age": plan.age_years,
        "sex": plan.sex,
        "seed": settings.seed,
        "n_lesions": len(votes),
        "n_rim": sum(vote.consensus for vote in votes),
        "n_rim_truth": sum(vote.truth for vote in votes),
        "n_not_outlined": participant.n_not_outlined,
        "n_without_room": participant.n_without_room,
        "protocol": plan.scan.protocol.name,
        "field_strength": plan.scan.protocol.field_strength_t,
        "reference": plan.reference,
        "flair_mask_shift": round(float(np.linalg.norm(plan.flair_mask.shift_mm)), 3),
        "flair_mask_growth": round(plan.flair_mask.growth_mm, 3),
        "inversion": plan.inversion.method,
        "inversion_strength": plan.inversion.strength,
    }
