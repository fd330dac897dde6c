"""Synthetic subjects with known truth: a head-like ellipsoid with shells (rim+) and balls (rim-).

The head is a function of world points, so the same anatomy can be drawn on any grid: the QSM grid
(0.75 x 0.75 x 3 mm, straight or oblique) and the FLAIR grid (1 mm), where the head lies in another position
(`FLAIR_TO_QSM_MM`). Nothing is interpolated. One builder per thing; tests of every package use these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.images import (
    in_storage_order,
    load_image,
    load_labels,
    read_grid,
    robust_z_score,
    save_volume,
    to_ppm,
)
from qsmrim_app.records import Case, SessionKey, Volume

QSM_SHAPE = (64, 64, 20)
QSM_SPACING_MM = (0.75, 0.75, 3.0)
FLAIR_SHAPE = (56, 56, 66)
FLAIR_SPACING_MM = (1.0, 1.0, 1.0)
HEAD_RADII_MM = np.array([19.0, 21.0, 26.0])
VENTRICLE_RADII_MM = np.array([3.0, 8.0, 5.0])

LESION_PPB = 40.0
RIM_PPB = 90.0
RIM_WIDTH_MM = 1.2


@dataclass(frozen=True)
class PhantomLesion:
    """A ball (rim-) or, with ``rim``, a bright shell around a dark core; the centre is a QSM world point."""

    label: int
    center_mm: tuple[float, float, float]
    radius_mm: float
    rim: bool


# Two rim+ and three rim-; 2 and 3 touch: two instances, one component of a mask.
LESIONS: tuple[PhantomLesion, ...] = (
    PhantomLesion(1, (9.0, 8.0, 6.0), 5.0, rim=True),
    PhantomLesion(2, (-9.0, 5.0, 0.0), 4.0, rim=False),
    PhantomLesion(3, (-9.0, -1.5, 0.0), 3.5, rim=False),
    PhantomLesion(4, (7.0, -10.0, -6.0), 4.5, rim=True),
    PhantomLesion(5, (-6.0, -9.0, 12.0), 3.5, rim=False),
)


# ---- affines ----
def rotation_mm(angles_deg: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotation about x, then y, then z, shape (3, 3)."""
    x, y, z = np.deg2rad(angles_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def centred_affine(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    angles_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> NDArray[np.float64]:
    """Affine (4, 4) of a grid whose centre is the world's origin; non-zero angles make it oblique."""
    affine = np.eye(4)
    affine[:3, :3] = rotation_mm(angles_deg) @ np.diag(spacing_mm)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def rigid(
    angles_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Rigid motion (4, 4): rotation about the origin, then shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_mm(angles_deg)
    matrix[:3, 3] = shift_mm
    return matrix


OBLIQUE_DEG = (12.0, -7.0, 5.0)
FLAIR_TO_QSM_MM = rigid((2.0, -1.0, 3.0), (1.5, -1.0, 0.8))  # world points of the FLAIR to those of the QSM


def qsm_grid(oblique: bool = False) -> Volume:
    """The empty QSM grid of every phantom."""
    affine = centred_affine(QSM_SHAPE, QSM_SPACING_MM, OBLIQUE_DEG if oblique else (0.0, 0.0, 0.0))
    return Volume(np.zeros(QSM_SHAPE, dtype=bool), affine)


def flair_grid() -> Volume:
    """The empty FLAIR grid of every phantom."""
    return Volume(np.zeros(FLAIR_SHAPE, dtype=bool), centred_affine(FLAIR_SHAPE, FLAIR_SPACING_MM))


# ---- drawing ----
@dataclass(frozen=True)
class Drawing:
    """The anatomy on one grid: QSM in ppb (0 outside the head), FLAIR and magnitude in arbitrary units."""

    qsm: Volume
    flair: Volume
    magnitude: Volume
    labels: Volume
    brain_mask: Volume


def draw_head(
    grid: Volume,
    lesions: Sequence[PhantomLesion] = LESIONS,
    grid_to_qsm_mm: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Drawing:
    """The head with its lesions at the voxel centres of a grid; of two that overlap the first one stays."""
    points = _world_points(grid, np.eye(4) if grid_to_qsm_mm is None else grid_to_qsm_mm)
    rng = np.random.default_rng(seed)
    brain = (np.square(points / HEAD_RADII_MM).sum(axis=-1)) <= 1
    ventricle = np.square(points / VENTRICLE_RADII_MM).sum(axis=-1) <= 1
    folds = _folds(points)
    qsm = 12 * folds + np.where(ventricle, 0, -30)
    flair = 100 + 15 * folds - np.where(ventricle, 70, 0)
    magnitude = 300 - 40 * folds + np.where(ventricle, 150, 0)
    labels = np.zeros(grid.shape, dtype=np.int32)
    for lesion in lesions:
        distance = np.linalg.norm(points - lesion.center_mm, axis=-1)
        inside = (distance <= lesion.radius_mm) & (labels == 0)
        shell = inside & (distance > lesion.radius_mm - RIM_WIDTH_MM)
        labels[inside] = lesion.label
        qsm[inside] += 0 if lesion.rim else LESION_PPB
        qsm[shell] += RIM_PPB if lesion.rim else 0
        flair[inside] += 60
        magnitude[inside] += 30
    noise = rng.normal(size=(3, *grid.shape))
    return Drawing(
        grid.with_data(np.where(brain, qsm + 3 * noise[0], 0).astype(np.float32)),
        grid.with_data(np.abs(np.where(brain, flair, 2) + 2 * noise[1]).astype(np.float32)),
        grid.with_data(np.abs(np.where(brain, magnitude, 5) + 5 * noise[2]).astype(np.float32)),
        grid.with_data(labels),
        grid.with_data(brain),
    )


def _world_points(grid: Volume, to_qsm_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """World millimetres of every voxel centre, shape (i, j, k, 3)."""
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    matrix = to_qsm_mm @ grid.affine
    return voxels @ matrix[:3, :3].T + matrix[:3, 3]


def _folds(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth pattern without symmetry, about -1 to 1: something for a registration to hold on to."""
    x, y, z = np.moveaxis(points, -1, 0)
    return (
        np.cos(0.45 * x + 0.21 * y)
        + np.sin(0.38 * y - 0.17 * z + 1)
        + np.cos(0.33 * z + 0.29 * x * np.sign(y) + 2)
    ) / 3


# ---- one subject in memory ----
def phantom_case(
    lesions: Sequence[PhantomLesion] = LESIONS, oblique: bool = False, subject: str = "01", seed: int = 0
) -> Case:
    """A subject on the QSM grid: QSM in ppb, FLAIR as z-score in the brain. ``lesions=()``: an empty map."""
    drawn = draw_head(qsm_grid(oblique), lesions, seed=seed)
    flair = robust_z_score(drawn.flair, drawn.brain_mask)
    return Case(
        SessionKey(subject),
        drawn.qsm,
        flair,
        drawn.labels,
        drawn.brain_mask,
    )


def rim_truth(lesions: Sequence[PhantomLesion] = LESIONS) -> dict[int, bool]:
    """Label -> whether the lesion has a rim."""
    return {lesion.label: lesion.rim for lesion in lesions}


# ---- a dataset on disk ----
@dataclass(frozen=True)
class DatasetSpec:
    """What to write. Subjects that ``lesions`` does not name get `LESIONS`; ``{"02": ()}`` empties one.

    ``lesion_files``: any of "instances", "mask". ``lesions_space``: "FLAIR" or "Chimap". ``units``: of the
    Chimap and its sidecar; "ppb-unstated" and "ppm-unstated" leave the sidecar without Units.
    """

    subjects: tuple[str, ...] = ("01", "02")
    sessions: tuple[str, ...] = ()
    lesions: Mapping[str, Sequence[PhantomLesion]] = field(default_factory=dict)
    lesion_files: tuple[str, ...] = ("instances", "mask")
    lesions_space: str = "FLAIR"
    raters: bool = True
    units: str = "ppm"
    oblique: bool = True


def write_dataset(root: Path, spec: DatasetSpec | None = None) -> Path:
    """A raw BIDS dataset with ``derivatives/{qsm,lesions[,raters]}``; returns ``root``.

    FLAIR and magnitude are raw, the Chimap is in ``derivatives/qsm``, lesion maps in ``derivatives/lesions``,
    expert rim status in ``derivatives/raters`` (rim, rim_rater1, rim_rater2; the raters disagree on the last
    lesion).
    """
    spec = spec or DatasetSpec()
    _write_description(root, "Phantom", "raw")
    (root / "README.md").write_text("# Phantom\n\nGeometric shapes for tests; no person was imaged.\n")
    rows = ["participant_id\tage\tsex", *(f"sub-{subject}\t40\tn/a" for subject in spec.subjects)]
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    for name in ("qsm", "lesions", *(("raters",) if spec.raters else ())):
        _write_description(root / "derivatives" / name, f"Phantom {name}", "derivative")
    for number, subject in enumerate(spec.subjects):
        for session in spec.sessions or ("",):
            _write_session(root, spec, SessionKey(subject, session), seed=number)
    return root


def _write_session(root: Path, spec: DatasetSpec, key: SessionKey, seed: int) -> None:
    lesions = spec.lesions.get(key.subject, LESIONS)
    on_qsm = draw_head(qsm_grid(spec.oblique), lesions, seed=2 * seed)
    on_flair = draw_head(flair_grid(), lesions, FLAIR_TO_QSM_MM, seed=2 * seed + 1)
    anat = key.folder / "anat" / key.prefix
    _write_image(root / f"{anat}_FLAIR", on_flair.flair, {"MagneticFieldStrength": 3})
    _write_image(
        root / f"{anat}_part-mag_T2starw", on_qsm.magnitude, {"MagneticFieldStrength": 3, "EchoTime": 0.02}
    )
    unit, _, unstated = spec.units.partition("-")
    sidecar = {"SkullStripped": True, **({} if unstated else {"Units": unit})}
    chimap = to_ppm(on_qsm.qsm) if unit == "ppm" else on_qsm.qsm
    _write_image(root / "derivatives" / "qsm" / f"{anat}_Chimap", chimap, sidecar)
    labels = (on_flair if spec.lesions_space == "FLAIR" else on_qsm).labels
    _write_lesions(root / "derivatives", spec, key, labels, lesions)


def _write_lesions(
    derivatives: Path, spec: DatasetSpec, key: SessionKey, labels: Volume, lesions: Sequence[PhantomLesion]
) -> None:
    name = key.folder / "anat" / f"{key.prefix}_space-{spec.lesions_space}"
    sidecar = {"Manual": True, "SkullStripped": False, "SpatialReference": _reference(spec, key)}
    if "instances" in spec.lesion_files:
        table = ["index\tname", *(f"{lesion.label}\tlesion-{lesion.label:03d}" for lesion in lesions)]
        _write_image(derivatives / "lesions" / f"{name}_desc-lesions_dseg", labels, sidecar, table)
    if "mask" in spec.lesion_files:
        mask = labels.with_data(labels.data > 0)
        _write_image(
            derivatives / "lesions" / f"{name}_label-lesion_mask", mask, {**sidecar, "Type": "Lesion"}
        )
    if spec.raters:
        rows = ["index\tname\trim\trim_rater1\trim_rater2"]
        for lesion in lesions:
            second = int(lesion.rim) if lesion is not lesions[-1] else 1 - int(lesion.rim)
            rows.append(
                f"{lesion.label}\tlesion-{lesion.label:03d}\t{lesion.rim:d}\t{lesion.rim:d}\t{second}"
            )
        _write_image(derivatives / "raters" / f"{name}_desc-lesions_dseg", labels, sidecar, rows)


def _reference(spec: DatasetSpec, key: SessionKey) -> str:
    anat = key.folder / "anat" / key.prefix
    return (
        f"bids:raw:{anat}_FLAIR.nii.gz" if spec.lesions_space == "FLAIR" else f"bids:qsm:{anat}_Chimap.nii.gz"
    )


def _write_image(
    stem: Path, volume: Volume, sidecar: Mapping[str, Any], table: Sequence[str] | None = None
) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    save_volume(volume, Path(f"{stem}.nii.gz"))
    Path(f"{stem}.json").write_text(json.dumps(sidecar, indent=2) + "\n")
    if table is not None:
        Path(f"{stem}.tsv").write_text("\n".join(table) + "\n")


def _write_description(root: Path, name: str, kind: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    description: dict[str, Any] = {
        "Name": name,
        "BIDSVersion": "1.10.0",
        "DatasetType": kind,
        "License": "CC0",
        "Authors": ["The qsmrim developers"],
    }
    if kind == "derivative":
        description["GeneratedBy"] = [{"Name": "phantom"}]
        description["DatasetLinks"] = {"raw": "../..", "qsm": "../qsm"}
    (root / "dataset_description.json").write_text(json.dumps(description, indent=2) + "\n")


def store_in_axes(path: Path, axes: str) -> None:
    """Write an image again with its axes in another order and direction; the image in the world stays."""
    stored = read_grid(path)
    volume = (
        load_labels(path).volume if "seg" in path.name or "mask" in path.name else load_image(path).volume
    )
    directions = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    target = np.zeros((4, 4))
    target[3, 3] = 1
    for column, letter in enumerate(axes):
        axis, sign = directions[letter]
        target[axis, column] = sign
    assert stored.shape == volume.shape  # phantoms are stored in RAS+ order
    save_volume(in_storage_order(volume, Volume(np.zeros((1, 1, 1), dtype=bool), target)), path)
