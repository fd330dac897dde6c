"""What the App found on the semi-real participants, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from qsmrim_app.evaluation.metrics import Confusion, confusion
from qsmrim_app.reports.words import MISSING, number, reason
from studies.lesion_tables import LARGE_MM3
from studies.markdown import percent, table, with_interval
from studies.scores import Ranking, rank_over_lesions


def judged(lesions: pd.DataFrame) -> pd.DataFrame:
    """The lesions that count: classified, rated, at least 40 mm3; with their rank by ``p_rim``.

    1 is the highest. Equal probabilities share the mean of their ranks.
    """
    kept = lesions[
        lesions["p_rim"].notna() & lesions["rim_expert"].notna() & (lesions["volume_mm3"] >= LARGE_MM3)
    ]
    return kept.assign(rank=kept["p_rim"].rank(ascending=False))


def area_table(lesions: pd.DataFrame, true_masks: pd.DataFrame) -> str:
    """Areas of the model, pooled and of each participant, and of the hand-made layer contrast.

    Parameters
    ----------
    lesions
        Lesion tables of the App, with ``layer_ppb`` on its own masks.
    true_masks
        Rows of `lesion_measures`, on the true labels.
    """
    counted = judged(lesions)
    true_large = true_masks[true_masks["volume_mm3"] >= LARGE_MM3].rename(columns={"rim": "rim_expert"})
    rows = [_area_row("model", "both", counted, "p_rim")]
    for subject, part in counted.groupby("subject"):
        rows.append(_area_row("model", str(subject), part, "p_rim"))
    rows.append(_area_row("layer contrast, the App's masks", "both", counted, "layer_ppb"))
    rows.append(_area_row("layer contrast, true labels", "both", true_large, "layer_ppb"))
    text = table(["number", "participants", "lesions", "rim+", "ROC AUC (95 %)", "PR AUC (95 %)"], rows)
    return (
        f"{text}\n\nLesions of at least {LARGE_MM3:g} mm³. Intervals resample lesions within each class, "
        "because two participants cannot be resampled; they are too narrow by what participants differ. PR "
        f"AUC of chance is the share of rim+, {percent(_share(counted))}."
    )


def count_table(lesions: pd.DataFrame, points: Mapping[str, float]) -> str:
    """True and false calls at the model's thresholds."""
    rows = []
    for name, threshold in points.items():
        for size, part in _sizes(lesions):
            found = confusion((part["p_rim"] >= threshold).to_numpy(bool), part["rim_expert"].to_numpy(int))
            rows.append([name, number(threshold, 3), size, *_counts(found)])
    heads = ["threshold", "p_rim", "lesions", "TP", "FP", "FN", "TN", "sensitivity", "PPV", "F1"]
    return table(heads, rows)


def rim_table(lesions: pd.DataFrame, points: Mapping[str, float]) -> str:
    """Every rim+ lesion with its rank among the judged lesions, the highest first."""
    counted = judged(lesions)
    ranks = counted["rank"]
    positive = lesions[lesions["rim_expert"] == 1].sort_values("p_rim", ascending=False, na_position="last")
    rows = []
    for row, lesion in positive.iterrows():
        rank = (
            number(ranks[row], 0 if float(ranks[row]).is_integer() else 1)
            if row in ranks.index
            else "not judged"
        )
        calls = [_call(lesion, threshold) for threshold in points.values()]
        label = f"{lesion['subject']} {lesion['index']}"
        rows.append(
            [label, number(lesion["volume_mm3"]), number(lesion["p_rim"], 3), rank, *calls, _remark(lesion)]
        )
    heads = ["rim+ lesion", "mm³", "p_rim", f"rank of {len(counted)}", *points, "remark"]
    return table(heads, rows)


def left_out_table(lesions: pd.DataFrame) -> str:
    """Lesions that were not classified, by reason; rim+ among them by name."""
    absent = lesions[lesions["p_rim"].isna()]
    rows = []
    for code, part in absent.groupby("excluded_because"):
        positive = part[part["rim_expert"] == 1]
        names = ", ".join(f"{s} {i}" for s, i in zip(positive["subject"], positive["index"], strict=True))
        who = ", ".join(f"{subject} {_indices(group)}" for subject, group in part.groupby("subject"))
        rows.append(
            [reason(str(code)) or MISSING, len(part), number(part["volume_mm3"].max()), names or "none", who]
        )
    if not rows:
        return "Every lesion was classified."
    return table(["reason", "lesions", "largest, mm³", "rim+ among them", "which"], rows)


def _area_row(name: str, who: str, rows: pd.DataFrame, score: str) -> list[object]:
    measured = rows.dropna(subset=[score])
    found: Ranking = rank_over_lesions(measured[score].to_numpy(float), measured["rim_expert"].to_numpy(int))
    areas = with_interval(found.roc_auc), with_interval(found.pr_auc)
    return [name, who, len(measured), found.n_rim, *areas]


def _sizes(lesions: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield f"≥ {LARGE_MM3:g} mm³", judged(lesions)
    yield "all classified", lesions[lesions["p_rim"].notna() & lesions["rim_expert"].notna()]


def _counts(found: Confusion) -> list[object]:
    ratios = [number(value, 2) for value in (found.sensitivity, found.ppv, found.f1)]
    return [found.tp, found.fp, found.fn, found.tn, *ratios]


def _call(lesion: pd.Series, threshold: float) -> str:
    if np.isnan(lesion["p_rim"]):
        return MISSING
    return "found" if lesion["p_rim"] >= threshold else "missed"


def _remark(lesion: pd.Series) -> str:
    if np.isnan(lesion["p_rim"]):
        return reason(lesion["excluded_because"])
    return f"below {LARGE_MM3:g} mm³" if lesion["volume_mm3"] < LARGE_MM3 else ""


def _indices(lesions: pd.DataFrame) -> str:
    return " ".join(str(index) for index in lesions["index"])


def _share(lesions: pd.DataFrame) -> float:
    return float((lesions["rim_expert"] == 1).mean()) if len(lesions) else float("nan")
