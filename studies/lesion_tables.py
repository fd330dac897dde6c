"""Volumes, contrasts and raters of a simulated cohort as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qsmrim_app.reports.words import number
from studies.gathering import CohortMeasures, RealVolumes
from studies.markdown import percent, table, with_interval
from studies.published import LAYER_AUC_TARGET
from studies.scores import Ranking, cohen_kappa, rank_over_subjects

SMALLEST_MM3 = 14.0  # what the Lesjak masks and the paper would call a lesion
FEWEST_TO_JUDGE = 10  # lesions of each class
LARGE_MM3 = 40.0  # with a core to compare a layer with
QUANTILES = (5, 25, 50, 75, 95)
_QUANTILE_NAMES = [f"p{q}" for q in QUANTILES]
ALL = "all"  # kappa is for all lesions: within a class nearly all agreement is by chance
CLASSES = {"rim+": 1, "rim-": 0}
REFERENCES = {"truth": "rim_truth", "consensus": "rim"}


def volume_sets(measures: CohortMeasures, real: RealVolumes) -> dict[str, tuple[NDArray[np.float64], int]]:
    """Name -> volumes and how many people they are of."""
    sets = {
        "simulated, faithful masks": (measures.lesions["volume_mm3"].to_numpy(float), measures.n),
        "the same, touching ones as one": (measures.merged_volumes, measures.n),
        "simulated, plain FLAIR masks": (measures.flair_volumes, measures.n),
        "real (Lesjak), components": (real.volumes, real.n_patients),
    }
    return {name: entry for name, entry in sets.items() if len(entry[0])}


def volume_table(measures: CohortMeasures, real: RealVolumes) -> str:
    """Quantiles of lesion volumes, mm3, of all lesions and of those of at least 14 mm3."""
    rows = []
    for name, (volumes, people) in volume_sets(measures, real).items():
        for text, kept in (("all", volumes), ("≥ 14 mm³", volumes[volumes >= SMALLEST_MM3])):
            quantiles = [number(q) for q in np.percentile(kept, QUANTILES)] if len(kept) else []
            biggest = number(kept.max()) if len(kept) else ""
            rows.append([name, text, len(kept), number(len(kept) / people, 1), *quantiles, biggest])
    text = table(["masks", "which", "lesions", "a person", *_QUANTILE_NAMES, "largest"], rows)
    return (
        f"{text}\n\nReal: 26-connected components of the consensus masks of {real.n_patients} patients of "
        "the Ljubljana database (Lesjak et al., Neuroinformatics 2018;16:51-63, CC-BY), 1 mm voxels; the two "
        "patients of the semi-real test set are left out."
    )


def class_table(measures: CohortMeasures) -> str:
    """QSM mean and contrast of lesions by true class, ppb."""
    rows = []
    for name, column in (("mean", "mean_ppb"), ("contrast", "contrast_ppb"), ("layer", "layer_ppb")):
        for kind, value in CLASSES.items():
            for size, chosen in _sizes(measures.lesions[measures.lesions["rim_truth"] == value]):
                kept = chosen[column].dropna()
                quantiles = [number(q) for q in np.percentile(kept, QUANTILES)] if len(kept) else [""] * 5
                rows.append([name, kind, size, len(kept), *quantiles])
    text = table(["ppb", "truth", "which", "lesions", *_QUANTILE_NAMES], rows)
    return (
        f"{text}\n\n*mean*: the map's own zero. *contrast*: lesion mean minus the median of the shell 2 to 5 "
        "mm outside (inside the brain, outside every lesion). *layer*: see the next table."
    )


def layer_table(measures: CohortMeasures) -> str:
    """How far simple numbers tell rim+ from rim- by themselves."""
    inversions = {person.label: person.inversion for person in measures.participants}
    rows: list[list[object]] = []
    for masks, frame in (("faithful", measures.lesions), ("plain FLAIR", measures.flair_lesions)):
        for reference, column in REFERENCES.items():
            rows += [_auc_row(masks, "layer", reference, frame, column)] if len(frame) else []
    large = measures.lesions[measures.lesions["volume_mm3"] >= LARGE_MM3]
    for name in sorted(set(inversions.values())):
        part = large[large["subject"].map(inversions) == name]
        rows.append(_auc_row(f"faithful, {name}", "layer", "truth", part, "rim_truth"))
    for name, column in (("contrast", "contrast_ppb"), ("mean", "mean_ppb"), ("volume", "volume_mm3")):
        rows.append(_auc_row("faithful", name, "truth", measures.lesions, "rim_truth", column))
    text = table(
        ["masks", "number", "against", "lesions", "rim+", "no rest", "no rating", "ROC AUC (95 %)", ""], rows
    )
    low, high = LAYER_AUC_TARGET
    return (
        f"{text}\n\nLesions of at least {LARGE_MM3:g} mm³. *layer*: mean of the lesion's voxels that have "
        "one of their four in-plane neighbours outside the lesion, minus the mean of its other voxels; a "
        "lesion without other voxels has *no rest* and is left out. Target of the layer on faithful masks: "
        f"{low:.2f} to {high:.2f}. Intervals resample participants.{_flair_note(measures)}"
    )


def rater_table(measures: CohortMeasures) -> str:
    """How far the two simulated raters agree, and where they do not."""
    rated = measures.lesions.dropna(subset=["rim_rater1", "rim_rater2"])
    rows = [_rater_row(name, part) for name, part in _rater_groups(rated)]
    return table(["lesions", "n", "both rim+", "both rim-", "differ", "differ, %", "kappa"], rows)


def _auc_row(
    masks: str, name: str, reference: str, frame: pd.DataFrame, column: str, score: str = "layer_ppb"
) -> list[object]:
    large = frame[frame["volume_mm3"] >= LARGE_MM3]
    measured = large.dropna(subset=[score])
    rated = measured.dropna(subset=[column])
    found = rank_over_subjects(
        rated[score].to_numpy(float), rated[column].to_numpy(float), rated["subject"].to_numpy()
    )
    counts = [len(rated), found.n_rim, len(large) - len(measured), len(measured) - len(rated)]
    return [
        masks,
        name,
        reference,
        *counts,
        with_interval(found.roc_auc),
        _verdict(name, found),
    ]


def _verdict(name: str, found: Ranking) -> str:
    """Where the layer's area lies; nothing is said of a handful of lesions."""
    low, high = LAYER_AUC_TARGET
    if name != "layer" or min(found.n_rim, found.n_other) < FEWEST_TO_JUDGE:
        return ""
    if found.roc_auc.value > high:
        return "above: too easy"
    return "in the target" if found.roc_auc.value >= low else "below"


def _flair_note(measures: CohortMeasures) -> str:
    if not len(measures.flair_volumes):
        return " This cohort has no plain FLAIR masks."
    return (
        " Plain FLAIR masks: registered, resampled by majority, and given the rating of the faithful mask "
        f"that they overlap most; {measures.n_flair_lost} filled no voxel of the QSM, and those that overlap "
        "none have *no rating*."
    )


def _sizes(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "all", frame
    yield f"≥ {LARGE_MM3:g} mm³", frame[frame["volume_mm3"] >= LARGE_MM3]


def _rater_groups(rated: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield ALL, rated
    yield "truth rim-", rated[rated["rim_truth"] == 0]
    positive = rated[rated["rim_truth"] == 1]
    yield "truth rim+", positive
    measured = positive.dropna(subset=["layer_ppb"])
    if len(measured) >= 6:
        limits = np.percentile(measured["layer_ppb"], (100 / 3, 200 / 3))
        third = np.digitize(measured["layer_ppb"], limits)
        for place, name in enumerate(("weakest", "middle", "strongest")):
            yield f"truth rim+, {name} third of the measured layer", measured[third == place]


def _rater_row(name: str, part: pd.DataFrame) -> list[object]:
    one, other = part["rim_rater1"].to_numpy(float), part["rim_rater2"].to_numpy(float)
    differ = int((one != other).sum())
    kappa = number(cohen_kappa(one, other), 2) if name == ALL and len(part) else ""
    share = percent(differ / len(part)) if len(part) else ""
    return [
        name,
        len(part),
        int((one * other).sum()),
        int(((1 - one) * (1 - other)).sum()),
        differ,
        share,
        kappa,
    ]
