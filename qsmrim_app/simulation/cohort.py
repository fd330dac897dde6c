"""One simulated participant: drawn as a plan of numbers, then made into images."""

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
    AnatomyPlan,
    build_anatomy,
    make_scan_grid,
)
from qsmrim_app.simulation.contrast import Echoes, ScanPlan, acquire_flair, acquire_gradient_echo
from qsmrim_app.simulation.grids import rigid
from qsmrim_app.simulation.inversion import InversionMethod, InversionPlan, invert_field
from qsmrim_app.simulation.lesion_plans import LesionPlan, draw_lesion_plans
from qsmrim_app.simulation.lesions import PlacedLesion, lesion_contrast, lesion_veins, place_lesions
from qsmrim_app.simulation.random_fields import smooth_field
from qsmrim_app.simulation.raters import RimVotes, outline_lesions, rate_rims
from qsmrim_app.simulation.susceptibility import field_of
from qsmrim_app.simulation.veins import VeinPlan, blood_fraction, grow_veins, join_drops

METHODS: tuple[
    tuple[InversionMethod, float, tuple[float, float]], ...
] = (  # method, share, range of its strength
    ("total-variation", 0.6, (1.0, 3.0)),
    ("closed-form", 0.25, (0.003, 0.012)),
    ("truncated", 0.15, (0.12, 0.2)),
)


@dataclass(frozen=True)
class ParticipantPlan:
    """All that makes one participant; everything else follows."""

    label: str
    age_years: int
    sex: str
    anatomy: AnatomyPlan
    veins: VeinPlan
    lesions: tuple[LesionPlan, ...]
    scan: ScanPlan
    inversion: InversionPlan
    white_texture_ppb: float
    rater_seed: int


@dataclass(frozen=True, eq=False)
class SimulatedParticipant:
    """The images of one participant. Susceptibility in ppb, zero = CSF; labels int32 from 1 without gaps.

    ``votes[n]`` and ``lesions[n]`` belong to label n + 1. ``n_not_outlined`` lesions are in the images but
    too small to be labelled; ``n_without_room`` were drawn but found no place.
    """

    plan: ParticipantPlan
    flair: Volume
    magnitude: Volume
    qsm: Volume
    labels: Volume
    votes: tuple[RimVotes, ...]
    lesions: tuple[LesionPlan, ...]
    flair_to_qsm: FloatArray
    n_not_outlined: int
    n_without_room: int


def draw_participant(settings: SimulationSettings, number: int) -> ParticipantPlan:
    """The plan of participant ``number``; it does not depend on how many there are."""
    rng = np.random.default_rng([settings.seed, number])
    age, sex = int(np.clip(rng.normal(42, 11), 18, 75)), str(rng.choice(["F", "F", "M"]))
    anatomy = _draw_anatomy(rng, age)
    veins = _draw_veins(rng)
    scan = _draw_scan(rng)
    inversion = _draw_inversion(rng)
    texture, rater_seed = float(rng.uniform(3, 7)), int(rng.integers(2**31))
    lesions = draw_lesion_plans(rng, settings)
    return ParticipantPlan(
        f"sim{number:03d}", age, sex, anatomy, veins, lesions, scan, inversion, texture, rater_seed
    )


def simulate_participant(plan: ParticipantPlan, settings: SimulationSettings) -> SimulatedParticipant:
    """Images, labels and readings of one participant; the same plan always gives the same arrays."""
    grid = make_scan_grid(plan.anatomy, settings.spacing_mm)
    anatomy = build_anatomy(plan.anatomy, grid)
    placed = place_lesions(plan.lesions, anatomy)
    tissue = _paint(plan, anatomy, placed)
    b0 = grid.affine[2, :3] / grid.spacing_mm  # the scanner's z axis seen from the grid
    direction = (float(b0[0]), float(b0[1]), float(b0[2]))
    field = field_of(tissue.susceptibility_ppb, grid.fine_spacing_mm, direction)
    echoes = acquire_gradient_echo(
        anatomy, field, tissue.filled, tissue.blood, plan.scan, settings.field_strength_t
    )
    qsm = _reconstruct(plan.inversion, anatomy, echoes, direction)
    flair = acquire_flair(anatomy, tissue.flair, plan.scan, settings.flair_spacing_mm)
    outlined = outline_lesions(placed, grid)
    lesions = tuple(lesion.plan for lesion in outlined.lesions)
    votes = rate_rims(np.random.default_rng(plan.rater_seed), lesions)
    motion = rigid(plan.scan.motion_deg, plan.scan.motion_mm)
    return SimulatedParticipant(
        plan=plan,
        flair=flair,
        magnitude=grid.volume(np.rint(echoes.magnitude).astype(np.int16)),
        qsm=grid.volume(qsm),
        labels=grid.volume(outlined.labels),
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


def _paint(plan: ParticipantPlan, anatomy: Anatomy, placed: list[PlacedLesion]) -> _Tissue:
    """Susceptibility with lesions and veins, and the lesions' share and FLAIR contrast."""
    grid = anatomy.grid
    rng = np.random.default_rng([plan.anatomy.seed, 1])
    texture = smooth_field(rng, grid.fine_shape, grid.fine_spacing_mm, 3.0)
    texture += smooth_field(rng, grid.fine_shape, grid.fine_spacing_mm, 1.0)
    chi = WHITE_MATTER_PPB * anatomy.white + GREY_MATTER_PPB * anatomy.grey + CSF_PPB * anatomy.csf
    chi += plan.white_texture_ppb * texture * (anatomy.white + anatomy.grey)
    chi += anatomy.nuclei * anatomy.nuclei_ppb * (1 + 0.15 * texture)
    filled, flair = np.zeros_like(chi), np.zeros_like(chi)
    drops = [grow_veins(plan.veins, anatomy)]
    for lesion in placed:
        part = lesion_contrast(lesion, grid.fine_spacing_mm)
        box, inside = lesion.box, part.filled * (1 - anatomy.csf[lesion.box])
        chi[box] += inside * (WHITE_MATTER_PPB - chi[box]) + part.susceptibility_ppb * anatomy.brain[box]
        filled[box] = np.maximum(filled[box], inside)
        flair[box] = np.maximum(flair[box], part.flair)
        drops += lesion_veins(lesion, grid.fine_spacing_mm)
    blood = blood_fraction(join_drops(drops), grid.fine_shape, grid.fine_spacing_mm) * anatomy.brain
    chi += blood * (plan.veins.blood_ppb - chi)
    return _Tissue(chi, filled, blood, flair)


def _reconstruct(
    plan: InversionPlan, anatomy: Anatomy, echoes: Echoes, direction: tuple[float, float, float]
) -> NDArray[Any]:
    """Invert the field inside the brain and refer it to the ventricles' CSF; 0 outside."""
    grid = anatomy.grid
    brain = grid.average(anatomy.brain.astype(np.float32)) > 0.5
    kept = ndimage.binary_erosion(brain, iterations=1)
    chi = invert_field(echoes.field_ppb * kept, echoes.magnitude, plan, grid.spacing_mm, direction)
    reference = (grid.average(anatomy.csf * anatomy.ventricles) > 0.9) & kept
    zero = chi[reference].mean() if reference.any() else chi[kept].mean()
    referred: NDArray[Any] = np.where(kept, chi - zero, 0).astype(np.float32)
    return referred


def _draw_anatomy(rng: np.random.Generator, age_years: int) -> AnatomyPlan:
    size = rng.normal(1.0, 0.04)
    scale = size * (1 + 0.02 * rng.standard_normal(3))
    small, tilt = rng.normal(0, 2.0, 3), rng.normal([8.0, 0.0, 0.0], [6.0, 2.0, 2.0])
    shift = rng.normal(0, 6.0, 3)
    return AnatomyPlan(
        scale=(float(scale[0]), float(scale[1]), float(scale[2])),
        head_turn_deg=(float(small[0]), float(small[1]), float(small[2])),
        slice_turn_deg=(float(tilt[0]), float(tilt[1]), float(tilt[2])),
        shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        deformation_mm=float(rng.uniform(1.2, 2.6)),
        ventricle_growth=float(np.clip(1.0 + 0.006 * (age_years - 30) + rng.normal(0, 0.12), 0.85, 1.6)),
        iron=float(np.clip(0.85 + 0.006 * age_years + rng.normal(0, 0.12), 0.6, 1.6)),
        seed=int(rng.integers(2**31)),
    )


def _draw_veins(rng: np.random.Generator) -> VeinPlan:
    return VeinPlan(
        n_medullary=int(rng.integers(80, 160)),
        n_sulcal=int(rng.integers(450, 900)),
        medullary_radius_mm=(0.2, 0.5),
        sulcal_radius_mm=(0.3, 0.9),
        blood_ppb=float(rng.uniform(220, 380)),
        seed=int(rng.integers(2**31)),
    )


def _draw_scan(rng: np.random.Generator) -> ScanPlan:
    turn, shift = rng.normal(0, 1.5, 3), rng.normal(0, 1.5, 3)
    return ScanPlan(
        gre_snr=float(rng.uniform(25, 60)),
        flair_snr=float(rng.uniform(15, 35)),
        gre_shading=float(rng.uniform(0.03, 0.12)),
        flair_shading=float(rng.uniform(0.05, 0.18)),
        motion_deg=(float(turn[0]), float(turn[1]), float(turn[2])),
        motion_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        seed=int(rng.integers(2**31)),
    )


def _draw_inversion(rng: np.random.Generator) -> InversionPlan:
    chosen = rng.choice(len(METHODS), p=[share for _, share, _ in METHODS])
    method, _, (low, high) = METHODS[int(chosen)]
    return InversionPlan(method, float(np.exp(rng.uniform(np.log(low), np.log(high)))))
