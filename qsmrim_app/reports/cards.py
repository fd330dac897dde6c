"""What the page says of each lesion, in the order in which it says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qsmrim_app.reports import words
from qsmrim_app.reports.montage import Montage
from qsmrim_app.reports.overview import RimClass
from qsmrim_app.tables.lesion_table import LesionTable

CLASS_NAMES: Mapping[RimClass, str] = {
    "rim_positive": "rim+",
    "rim_negative": f"rim{words.MINUS}",
    "unclassified": "not classified",
}


@dataclass(frozen=True)
class Card:
    """One lesion in words, with its pictures where it lies in the image."""

    label: int
    name: str
    kind: RimClass
    p_rim: float | None
    p_percent: float  # 0 to 100: the length of the bar
    p_sd: str
    votes: str
    expert: str
    agreement: str  # "agrees", "differs" or empty
    others: tuple[tuple[str, str], ...]  # raters and simulated truth, where the table has them
    volume: str
    position: tuple[str, str, str]
    qsm_mean: str
    remarks: tuple[str, ...]
    montage: Montage | None

    @property
    def kind_name(self) -> str:
        """The class as a reader says it."""
        return CLASS_NAMES[self.kind]

    @property
    def p_text(self) -> str:
        """The probability with three decimals."""
        return words.number(self.p_rim, 3)


@dataclass(frozen=True)
class ExpertSummary:
    """How many lesions an expert rated, called rim+, and called otherwise than the model."""

    rated: int
    positive: int
    differing: int


def expert_summary(table: LesionTable) -> ExpertSummary:
    """What the expert said of the rows of a table; a lesion without a prediction differs from nothing."""
    expert = table.frame["rim_expert"]
    differing = [_agreement(row) == "differs" for _, row in table.frame.iterrows()]
    return ExpertSummary(int(expert.notna().sum()), int(expert.fillna(0).sum()), sum(differing))


def rim_classes(table: LesionTable) -> dict[int, RimClass]:
    """Label -> class of every row; a row without a prediction is not classified."""
    return {int(row["index"]): _kind(row) for _, row in table.frame.iterrows()}


def lesion_cards(
    table: LesionTable, montages: Mapping[int, Montage], n_members: int | None
) -> tuple[Card, ...]:
    """One card a row: rim+, then rim-, then not classified; within these the highest probability first.

    Parameters
    ----------
    table
        Rows of one session.
    montages
        By label; a lesion that is not in the image has none.
    n_members
        Of the ensemble, for the votes; None where no model was used.
    """
    cards = [_card(row, montages.get(int(row["index"])), n_members) for _, row in table.frame.iterrows()]
    order = list(CLASS_NAMES)
    return tuple(
        sorted(cards, key=lambda card: (order.index(card.kind), -_or_minus_one(card.p_rim), card.label))
    )


def _card(row: pd.Series[Any], montage: Montage | None, n_members: int | None) -> Card:
    kind = _kind(row)
    p_rim = None if pd.isna(row["p_rim"]) else float(row["p_rim"])
    return Card(
        label=int(row["index"]),
        name=str(row["name"]),
        kind=kind,
        p_rim=p_rim,
        p_percent=0.0 if p_rim is None else round(100 * p_rim, 1),
        p_sd=words.number(row["p_rim_sd"], 3),
        votes=_votes(row["votes"], n_members),
        expert=words.rim_status(row["rim_expert"]),
        agreement=_agreement(row),
        others=_other_opinions(row),
        volume=words.number(row["volume_mm3"], 0 if _or_minus_one(row["volume_mm3"]) >= 100 else 1),
        position=(words.number(row["x_mm"], 1), words.number(row["y_mm"], 1), words.number(row["z_mm"], 1)),
        qsm_mean=words.number(row["qsm_mean_ppb"], 1),
        remarks=_remarks(row, kind),
        montage=montage,
    )


def _kind(row: pd.Series[Any]) -> RimClass:
    if row["excluded_because"] != "" or pd.isna(row["rim_predicted"]):
        return "unclassified"
    return "rim_positive" if int(row["rim_predicted"]) == 1 else "rim_negative"


def _votes(votes: Any, n_members: int | None) -> str:
    if pd.isna(votes):
        return words.MISSING
    return f"{int(votes)} of {n_members}" if n_members else str(int(votes))


def _agreement(row: pd.Series[Any]) -> str:
    if pd.isna(row["rim_expert"]) or pd.isna(row["rim_predicted"]) or row["excluded_because"] != "":
        return ""
    return "agrees" if int(row["rim_expert"]) == int(row["rim_predicted"]) else "differs"


def _other_opinions(row: pd.Series[Any]) -> tuple[tuple[str, str], ...]:
    titles = {"rim_rater1": "Rater 1", "rim_rater2": "Rater 2", "rim_truth": "Simulated truth"}
    return tuple(
        (title, words.rim_status(row[name])) for name, title in titles.items() if not pd.isna(row[name])
    )


def _remarks(row: pd.Series[Any], kind: RimClass) -> tuple[str, ...]:
    remarks = list(words.flags(row["flags"]))
    if row["excluded_because"] != "":
        remarks.insert(0, words.reason(row["excluded_because"]))
    elif kind == "unclassified":
        remarks.insert(0, "no prediction was made")
    if not pd.isna(row["in_training_set"]) and int(row["in_training_set"]) == 1:
        remarks.append("the model was trained on this lesion: its probability is no test of the model")
    return tuple(remarks)


def _or_minus_one(value: Any) -> float:
    return -1.0 if value is None or math.isnan(float(value)) else float(value)
