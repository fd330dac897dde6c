"""What the lesions of one participant will be: drawn as numbers, before any voxel is touched.

Counts follow the published cohorts: lesions a participant log-normal; rim+ lesions overdispersed, so that
most participants have none or few and some have many. A gamma-distributed propensity with shape 0.4 gives no
rim+ to 60 % of participants at a prevalence of 4.25 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.settings import SimulationSettings, Vector3

Place = Literal["periventricular", "deep", "juxtacortical", "infratentorial"]
Kind = Literal["rim", "iso", "diffuse", "patchy", "bright", "faint-ring"]

Name = TypeVar("Name", bound=str)

PLACES: dict[Place, float] = {
    "periventricular": 0.4,
    "deep": 0.3,
    "juxtacortical": 0.22,
    "infratentorial": 0.08,
}
KINDS: dict[Kind, float] = {"iso": 0.3, "diffuse": 0.34, "patchy": 0.13, "bright": 0.14, "faint-ring": 0.09}
MEDIAN_VOLUME_MM3, LOG_VOLUME_SD = 54.0, 1.1
GIANT_SHARE, GIANT_RANGE_MM3 = 0.014, (1500.0, 20000.0)  # the confluent tail of real lesion volumes
VOLUME_RANGE_MM3 = (14.0, 20000.0)
RIM_VOLUME_RANGE_MM3 = (70.0, 1800.0)
COUNT_LOG_SD = 0.75
RIM_PROPENSITY_SHAPE = 0.4
RIM_VOLUME_POWER = 0.8  # the odds of a rim grow with this power of the volume
MAX_RIM_SHARE = 0.8  # of the lesions that can carry a rim
VEIN_THROUGH, VEIN_ALONG = 0.4, 0.15  # shares of lesions
ATTACHED = 0.2  # share of lesions that touch another: confluent clusters
MAX_ATTACHED_MM3 = 900.0


@dataclass(frozen=True)
class LesionPlan:
    """One lesion. Susceptibilities are ppb above white matter."""

    place: Place
    kind: Kind
    volume_mm3: float
    stretch: Vector3  # relative radii, geometric mean 1
    turn_deg: Vector3
    roughness: float  # standard deviation of the boundary, in radii
    core_ppb: float
    edge_ppb: float
    thickness_mm: float
    variation: float  # standard deviation of the edge along itself, relative
    gap_share: float  # of the rim that is interrupted
    rim_shift_mm: float  # how far the rim lies outside the lesion's boundary; negative: inside
    patch_ppb: float  # standard deviation of the texture inside
    edge_softness_mm: float
    flair_gain: float  # 1: typical lesion contrast
    flair_growth_mm: float
    vein_through: bool
    vein_along: bool
    attached: bool  # touches another lesion, if there is room
    rater_noise_mm: float
    rater_growth_mm: float
    seed: int

    @property
    def is_rim(self) -> bool:
        """Whether the lesion truly has a paramagnetic rim."""
        return self.kind == "rim"


def draw_lesion_plans(rng: np.random.Generator, settings: SimulationSettings) -> tuple[LesionPlan, ...]:
    """All lesions of one participant."""
    count = max(1, round(settings.lesions_median * np.exp(COUNT_LOG_SD * rng.standard_normal())))
    volumes = _draw_volumes(rng, count)
    rims = _choose_rims(rng, volumes, settings)
    plans = [_draw_lesion(rng, float(volume)) for volume in volumes]
    return tuple(_with_rim(rng, plan) if has_rim else plan for plan, has_rim in zip(plans, rims, strict=True))


def _draw_volumes(rng: np.random.Generator, count: int) -> NDArray[Any]:
    """Cubic millimetres: log-normal with a log-uniform tail of giant, confluent lesions."""
    volumes = MEDIAN_VOLUME_MM3 * np.exp(LOG_VOLUME_SD * rng.standard_normal(count))
    low, high = np.log(GIANT_RANGE_MM3).tolist()
    giants = np.exp(rng.uniform(low, high, size=count))
    drawn: NDArray[Any] = np.where(rng.random(count) < GIANT_SHARE, giants, volumes)
    return np.clip(drawn, *VOLUME_RANGE_MM3)


def _choose_rims(rng: np.random.Generator, volumes: NDArray[Any], settings: SimulationSettings) -> list[bool]:
    """Which lesions are rim+: larger ones rather."""
    propensity = rng.gamma(RIM_PROPENSITY_SHAPE, 1 / RIM_PROPENSITY_SHAPE)
    wanted = int(rng.poisson(settings.rim_prevalence * propensity * len(volumes)))
    order_noise = rng.gumbel(size=len(volumes))
    able = (volumes >= RIM_VOLUME_RANGE_MM3[0]) & (volumes <= RIM_VOLUME_RANGE_MM3[1])
    wanted = min(wanted, int(np.ceil(MAX_RIM_SHARE * able.sum())))
    if settings.guarantee_rim and not wanted:
        wanted = 1
        if not able.any():  # the largest lesion grows or shrinks until it can carry a rim
            largest = int(np.argmax(volumes))
            volumes[largest] = np.clip(volumes[largest], 3 * RIM_VOLUME_RANGE_MM3[0], RIM_VOLUME_RANGE_MM3[1])
            able[largest] = True
    score = np.where(able, RIM_VOLUME_POWER * np.log(volumes) + order_noise, -np.inf)
    chosen = set(np.argsort(-score)[:wanted].tolist())
    return [position in chosen for position in range(len(volumes))]


def _draw_lesion(rng: np.random.Generator, volume_mm3: float) -> LesionPlan:
    """A rim- lesion."""
    kind: Kind = _draw_name(rng, KINDS)
    stretch = np.exp(0.22 * rng.standard_normal(3))
    stretch /= np.cbrt(stretch.prod())
    core = {
        "iso": rng.normal(2, 4),
        "diffuse": rng.uniform(10, 50),
        "patchy": rng.uniform(5, 40),
        "bright": rng.uniform(50, 110),
        "faint-ring": rng.normal(5, 5),
    }[kind]
    ring, patch = rng.uniform(8, 26), rng.uniform(8, 26)
    place: Place = _draw_name(rng, PLACES)
    return LesionPlan(
        place="periventricular" if volume_mm3 > GIANT_RANGE_MM3[0] else place,
        kind=kind,
        volume_mm3=volume_mm3,
        stretch=(float(stretch[0]), float(stretch[1]), float(stretch[2])),
        turn_deg=(float(rng.uniform(0, 180)), float(rng.uniform(0, 180)), float(rng.uniform(0, 180))),
        roughness=float(rng.uniform(0.1, 0.28)),
        core_ppb=float(core),
        edge_ppb=float(ring) if kind == "faint-ring" else 0.0,
        thickness_mm=float(rng.uniform(0.75, 2.0)),
        variation=float(rng.uniform(0.3, 0.6)),
        gap_share=float(rng.uniform(0.1, 0.5)),
        rim_shift_mm=float(rng.normal(0.0, 0.4)),
        patch_ppb=float(patch) if kind == "patchy" else float(rng.uniform(1, 5)),
        edge_softness_mm=float(rng.uniform(0.4, 2.2)),
        flair_gain=float(rng.uniform(0.6, 1.3)),
        flair_growth_mm=float(rng.normal(0.15, 0.45)),
        vein_through=bool(rng.random() < VEIN_THROUGH),
        vein_along=bool(rng.random() < VEIN_ALONG),
        attached=bool(rng.random() < ATTACHED) and volume_mm3 < MAX_ATTACHED_MM3,
        rater_noise_mm=float(rng.uniform(0.2, 0.5)),
        rater_growth_mm=float(rng.normal(0.1, 0.25)),
        seed=int(rng.integers(2**31)),
    )


def _with_rim(rng: np.random.Generator, plan: LesionPlan) -> LesionPlan:
    """The same lesion with a rim of continuously varying strength: from hardly visible to obvious."""
    radius_mm = float(np.cbrt(plan.volume_mm3 * 3 / (4 * np.pi)))
    edge = float(np.clip(92 * np.exp(0.4 * rng.standard_normal()), 30, 200))
    bright_core = rng.random() < 0.22  # such rims are missed most often
    thickness = float(rng.uniform(0.75, np.clip(0.4 * radius_mm, 0.95, 2.5)))
    core = rng.uniform(15, 45) if bright_core else rng.normal(2, 7)
    return replace(
        plan,
        kind="rim",
        core_ppb=float(core),
        edge_ppb=edge,
        thickness_mm=thickness,
        rim_shift_mm=float(np.clip(rng.normal(0.5, 0.2), 0, 1) * thickness),
        variation=float(rng.uniform(0.25, 0.65)),
        gap_share=float((rng.random() < 0.6) * rng.uniform(0.05, 0.5)),
        patch_ppb=float(rng.uniform(2, 10)),
        edge_softness_mm=float(rng.uniform(0.4, 0.9)),
        vein_along=False,
    )


def _draw_name(rng: np.random.Generator, shares: Mapping[Name, float]) -> Name:
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]
