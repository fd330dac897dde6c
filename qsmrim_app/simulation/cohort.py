"""One simulated participant: from its plan to images, masks and readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.anatomy import (
    CSF_PPB,
    GREY_MATTER_PPB,
    WHITE_MATTER_PPB,
    Anatomy,
    build_anatomy,
    make_scan_grid,
)
from qsmrim_app.simulation.background import outer_sources
from qsmrim_app.simulation.contrast import Echoes, acquire_flair, acquire_gradient_echo
from qsmrim_app.simulation.drawing import ParticipantPlan
from qsmrim_app.simulation.flair_masks import outline_on_flair, pieces_on_flair
from qsmrim_app.simulation.grids import rigid
from qsmrim_app.simulation.inversion import invert_field
from qsmrim_app.simulation.lesion_plans import LesionPlan
from qsmrim_app.simulation.lesion_veins import lesion_veins
from qsmrim_app.simulation.lesions import PlacedLesion, lesion_contrast, place_lesions
from qsmrim_app.simulation.random_fields import smooth_field
from qsmrim_app.simulation.raters import RimVotes, outline_lesions, rate_rims
from qsmrim_app.simulation.sinuses import large_veins
from qsmrim_app.simulation.susceptibility import field_of
from qsmrim_app.simulation.veins import BloodDrops, blood_fraction, grow_veins, join_drops

IN_SINUS = 0.3  # share of blood from which on a voxel belongs to a large vein, where no lesion is


@dataclass(frozen=True, eq=False)
class SimulatedParticipant:
    """The images of one participant. Susceptibility in ppb; labels int32 from 1 without gaps.

    ``labels`` are faithful outlines on the grid of the QSM; ``votes[n]`` and ``lesions[n]`` belong to its
    label n + 1. ``flair_labels`` are those of a plain FLAIR mask, on the grid of the FLAIR.
    ``n_not_outlined`` lesions are in the images but too small to be labelled; ``n_without_room`` were drawn
    but found no place.
    """

    plan: ParticipantPlan
    flair: Volume
    magnitude: Volume
    qsm: Volume
    labels: Volume
    flair_labels: Volume
    votes: tuple[RimVotes, ...]
    lesions: tuple[LesionPlan, ...]
    flair_to_qsm: FloatArray
    n_not_outlined: int
    n_without_room: int


def simulate_participant(plan: ParticipantPlan, settings: SimulationSettings) -> SimulatedParticipant:
    """Images, labels and readings of one participant; the same plan always gives the same arrays."""
    grid = make_scan_grid(plan.anatomy, plan.scan.protocol.spacing_mm)
    anatomy = build_anatomy(plan.anatomy, grid)
    sinuses = large_veins(plan.veins, anatomy)
    in_sinus = blood_fraction(sinuses, grid.fine_shape, grid.fine_spacing_mm) > IN_SINUS
    placed = place_lesions(plan.lesions, anatomy, in_sinus)
    tissue = _paint(plan, anatomy, placed, sinuses)
    b0 = grid.affine[2, :3] / grid.spacing_mm  # the scanner's z axis seen from the grid
    direction = (float(b0[0]), float(b0[1]), float(b0[2]))
    field = field_of(tissue.susceptibility_ppb, grid.fine_spacing_mm, direction)
    echoes = acquire_gradient_echo(anatomy, field, tissue.filled, tissue.blood, plan.scan)
    qsm = _reconstruct(plan, anatomy, echoes, direction)
    flair = acquire_flair(anatomy, tissue.flair, plan.scan, settings.flair_spacing_mm)
    outlined = outline_lesions(placed, grid)
    lesions = tuple(lesion.plan for lesion in outlined.lesions)
    votes = rate_rims(np.random.default_rng(plan.rater_seed), lesions)
    motion = rigid(plan.scan.motion_deg, plan.scan.motion_mm)
    outline = pieces_on_flair if settings.flair_masks == "split" else outline_on_flair
    return SimulatedParticipant(
        plan=plan,
        flair=flair,
        magnitude=grid.volume(np.rint(echoes.magnitude).astype(np.int16)),
        qsm=grid.volume(qsm),
        labels=grid.volume(outlined.labels),
        flair_labels=outline(placed, anatomy, plan.flair_mask, plan.scan, settings.flair_spacing_mm),
        votes=tuple(votes),
        lesions=lesions,
        flair_to_qsm=np.linalg.inv(motion),
        n_not_outlined=len(placed) - len(lesions),
        n_without_room=len(plan.lesions) - len(placed),
    )


@dataclass(frozen=True, eq=False)
class _Tissue:
    """Fine-grid maps of what lesions and veins change, float32."""

    susceptibility_ppb: NDArray[Any]
    filled: NDArray[Any]
    blood: NDArray[Any]
    flair: NDArray[Any]


def _paint(
    plan: ParticipantPlan, anatomy: Anatomy, placed: list[PlacedLesion], sinuses: BloodDrops
) -> _Tissue:
    """Susceptibility with lesions and veins, and the lesions' share and FLAIR contrast."""
    grid = anatomy.grid
    rng = np.random.default_rng([plan.anatomy.seed, 1])
    texture = smooth_field(rng, grid.fine_shape, grid.fine_spacing_mm, 3.0)
    texture += smooth_field(rng, grid.fine_shape, grid.fine_spacing_mm, 1.0)
    chi = WHITE_MATTER_PPB * anatomy.white + GREY_MATTER_PPB * anatomy.grey + CSF_PPB * anatomy.csf
    chi += plan.white_texture_ppb * texture * (anatomy.white + anatomy.grey)
    chi += anatomy.nuclei * anatomy.nuclei_ppb * (1 + 0.15 * texture)
    filled, flair = np.zeros_like(chi), np.zeros_like(chi)
    drops = [grow_veins(plan.veins, anatomy), sinuses]
    for lesion in placed:
        part = lesion_contrast(lesion, grid.fine_spacing_mm)
        box, inside = lesion.box, part.filled * (1 - anatomy.csf[lesion.box])
        chi[box] += inside * (WHITE_MATTER_PPB - chi[box]) + part.susceptibility_ppb * anatomy.brain[box]
        filled[box] = np.maximum(filled[box], inside)
        flair[box] = np.maximum(flair[box], part.flair)
        drops += lesion_veins(lesion, grid.fine_spacing_mm)
    blood = blood_fraction(join_drops(drops), grid.fine_shape, grid.fine_spacing_mm) * anatomy.brain
    chi += blood * (plan.veins.blood_ppb - chi)
    chi += outer_sources(plan.background, anatomy)
    return _Tissue(chi, filled, blood, flair)


def _reconstruct(
    plan: ParticipantPlan, anatomy: Anatomy, echoes: Echoes, direction: tuple[float, float, float]
) -> NDArray[Any]:
    """Invert the field inside the brain and refer it to the ventricles' CSF or to the brain; 0 outside."""
    grid = anatomy.grid
    brain = grid.average(anatomy.brain.astype(np.float32)) > 0.5
    kept = ndimage.binary_erosion(brain, iterations=plan.erosion_vox)
    chi = invert_field(echoes.field_ppb * kept, echoes.magnitude, plan.inversion, grid.spacing_mm, direction)
    csf = (grid.average(anatomy.csf * anatomy.ventricles) > 0.9) & kept
    reference = csf if plan.reference == "csf" and csf.any() else kept
    zero = chi[reference].mean() + plan.reference_error_ppb
    referred: NDArray[Any] = np.where(kept, chi - zero, 0).astype(np.float32)
    return referred
