"""Published and measured figures that the simulation stands beside, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PAPER = "Zhang H et al., QSMRim-Net, NeuroImage: Clinical 2022;34:102979"
BASEL = "Basel INsIDER, its public tables"


@dataclass(frozen=True)
class CohortFigures:
    """Counts of a cohort. None where a source does not say."""

    name: str
    n_patients: int
    n_lesions: int
    n_rim: int
    n_with_rim: int | None = None
    rim_median: float | None = None  # among those with at least one
    rim_quartiles: tuple[float, float] | None = None
    rim_most: int | None = None
    lesions_median: float | None = None  # a patient
    largest_rim_vox: tuple[int, int, int] | None = None
    n_beyond_patch: int | None = None  # rim- lesions larger than 32 x 32 x 16 voxels


# METHOD.md, section 1
COHORTS = (
    CohortFigures(
        "paper",
        172,
        4163,
        177,
        rim_median=2,
        rim_quartiles=(1, 4),
        rim_most=17,
        largest_rim_vox=(15, 20, 5),
        n_beyond_patch=7,
    ),
    CohortFigures("Basel (sessions)", 94, 3512, 225, n_with_rim=50, lesions_median=23.5),
)


@dataclass(frozen=True)
class MethodFigures:
    """What a publication says of a method on patients. None where it says nothing."""

    proc_auc: float | None = None
    pr_auc: float | None = None
    sensitivity: float | None = None
    ppv: float | None = None
    count_r: float | None = None
    count_mse: float | None = None
    high_sensitivity_fp: int | None = None
    derived: tuple[str, ...] = ()  # figures that follow from printed percentages, approximately


# METHOD.md, section 8: the paper, on the QSM of 172 patients
METHODS: Mapping[str, MethodFigures] = {
    "qsmrim-net": MethodFigures(0.760, 0.704, 0.678, 0.73, 0.89, 0.98, 538, ("ppv",)),
    "rimnet": MethodFigures(0.726, 0.641, 0.66, 0.63, 0.75, 2.47, 627, ("pr_auc", "sensitivity", "ppv")),
    "aprl-nn": MethodFigures(count_r=0.88, count_mse=1.02),
    "aprl-rf": MethodFigures(0.628, 0.440, 0.59, 0.55, 0.77, 2.26, 665, ("pr_auc", "sensitivity", "ppv")),
}
LAYER_AUC_TARGET = (0.75, 0.90)  # of the hand-made number; higher: too easy, lower: no rim to see
# shared/data/ABOUT.md, "What real QSM looks like in numbers": ppb, percent, ppb a millimetre
MAP_COLUMNS = (
    "p1",
    "p5",
    "p50",
    "p95",
    "p99",
    "p99_9",
    "kurtosis",
    "above_100_percent",
    "above_200_percent",
    "sd_p50",
    "sd_p95",
    "gradient_p50",
    "gradient_p95",
    "gradient_p99",
    "correlation_1mm",
)
REAL_MAPS: Mapping[str, tuple[float, ...]] = {
    "QSM challenge 2016, chi_33": (
        -54, -36, -2, 40, 105, 206, 15, 1.1, 0.11, 9.3, 30, 8.8, 32, 65, 0.75,
    ),
    "same brain, QSMnet": (-48, -33, -4, 40, 106, 201, 17, 1.1, 0.10, 7.9, 28, 8.3, 32, 65, 0.78),
    "same brain, closed-form L2": (-54, -36, -1, 40, 84, 157, 5.7, 0.6, 0.00, 4.4, 13, 5.0, 16, 27, 0.96),
    "haemorrhage patient": (-84, -52, 1, 61, 151, 301, 40, 2.3, 0.39, 10.6, 37, 13, 50, 99, 0.86),
}  # fmt: skip
SEMIREAL_MAPS: Mapping[str, tuple[float, ...]] = {
    "semi-real LJ07": (-85, -74, -39, 3, 51, 152, 9.7, 0.4, 0.03, 3.4, 18, 4.9, 26, 83, 0.90),
    "semi-real LJ19": (-94, -79, -40, 6, 40, 147, 6.3, 0.3, 0.02, 4.1, 19, 5.8, 29, 77, 0.91),
}
