"""What one simulated participant will be: every number, drawn before any voxel is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.anatomy import AnatomyPlan
from qsmrim_app.simulation.background import BackgroundPlan
from qsmrim_app.simulation.contrast import ScanPlan
from qsmrim_app.simulation.flair_masks import FlairMaskPlan, draw_flair_mask
from qsmrim_app.simulation.inversion import InversionMethod, InversionPlan
from qsmrim_app.simulation.lesion_plans import LesionPlan, draw_lesion_plans
from qsmrim_app.simulation.protocols import Protocol, draw_protocol
from qsmrim_app.simulation.veins import VeinPlan

Reference = Literal["csf", "brain"]

METHODS: tuple[
    tuple[InversionMethod, float, tuple[float, float]], ...
] = (  # method, share, range of its strength
    ("total-variation", 0.4, (0.8, 3.0)),
    ("isotropic-total-variation", 0.18, (0.8, 2.5)),
    ("closed-form", 0.18, (0.0006, 0.005)),
    ("truncated", 0.12, (0.1, 0.2)),
    ("early-stopped", 0.12, (15.0, 90.0)),
)

FILTERED_SHARE = 0.5  # of participants whose scanner smooths its images
CSF_REFERENCE_SHARE = 0.6  # of participants; the others' maps have mean zero over the brain


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
    background: BackgroundPlan
    inversion: InversionPlan
    reference: Reference
    reference_error_ppb: float
    erosion_vox: int  # of the brain, before the inversion
    white_texture_ppb: float
    flair_mask: FlairMaskPlan
    rater_seed: int


def draw_participant(settings: SimulationSettings, number: int) -> ParticipantPlan:
    """The plan of participant ``number``; it does not depend on how many there are."""
    rng = np.random.default_rng([settings.seed, number])
    age = int(np.clip(rng.normal(42, 11), 18, 75))
    return ParticipantPlan(
        label=f"sim{number:03d}",
        age_years=age,
        sex=str(rng.choice(["F", "F", "M"])),
        anatomy=_draw_anatomy(rng, age),
        veins=_draw_veins(rng),
        scan=_draw_scan(rng, draw_protocol(rng, settings)),
        background=_draw_background(rng),
        inversion=_draw_inversion(rng),
        reference="csf" if rng.random() < CSF_REFERENCE_SHARE else "brain",
        reference_error_ppb=float(rng.normal(0, 5)),
        erosion_vox=int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1])),
        white_texture_ppb=float(rng.uniform(2, 7)),
        flair_mask=draw_flair_mask(rng),
        rater_seed=int(rng.integers(2**31)),
        lesions=draw_lesion_plans(rng, settings),
    )


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
        folding_mm=float(rng.uniform(0.6, 1.5)),
        ventricle_growth=float(np.clip(1.0 + 0.006 * (age_years - 30) + rng.normal(0, 0.12), 0.85, 1.6)),
        iron=float(np.clip(0.85 + 0.006 * age_years + rng.normal(0, 0.12), 0.6, 1.6)),
        seed=int(rng.integers(2**31)),
    )


def _draw_veins(rng: np.random.Generator) -> VeinPlan:
    return VeinPlan(
        n_medullary=int(rng.integers(80, 160)),
        n_sulcal=int(rng.integers(550, 1100)),
        medullary_radius_mm=(0.12, 0.4),
        sulcal_radius_mm=(0.3, 1.1),
        blood_ppb=float(rng.uniform(230, 420)),
        seed=int(rng.integers(2**31)),
    )


def _draw_scan(rng: np.random.Generator, protocol: Protocol) -> ScanPlan:
    turn, shift = rng.normal(0, 1.5, 3), rng.normal(0, 1.5, 3)
    return ScanPlan(
        protocol=protocol,
        gre_snr=float(rng.uniform(25, 60)),
        flair_snr=float(rng.uniform(10, 30)),
        gre_shading=float(rng.uniform(0.03, 0.12)),
        flair_shading=float(rng.uniform(0.05, 0.18)),
        motion_deg=(float(turn[0]), float(turn[1]), float(turn[2])),
        motion_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
        filter_strength=float(rng.uniform(0, 1) * (rng.random() < FILTERED_SHARE)),
        seed=int(rng.integers(2**31)),
    )


def _draw_background(rng: np.random.Generator) -> BackgroundPlan:
    return BackgroundPlan(
        residual_ppb=float(rng.uniform(10, 60)),
        air_ppb=float(rng.normal(0, 180)),
        seed=int(rng.integers(2**31)),
    )


def _draw_inversion(rng: np.random.Generator) -> InversionPlan:
    chosen = rng.choice(len(METHODS), p=[share for _, share, _ in METHODS])
    method, _, (low, high) = METHODS[int(chosen)]
    return InversionPlan(method, float(np.exp(rng.uniform(np.log(low), np.log(high)))))
