"""The page of one session: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qsmrim_app.errors import UnknownLesionError
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.records import Case, Lesion, RegistrationResult, SessionKey
from qsmrim_app.reports.cards import Card, expert_summary, lesion_cards, rim_classes
from qsmrim_app.reports.methods_text import MethodsText
from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.montage import Montage, lesion_montage
from qsmrim_app.reports.notices import RESEARCH_ONLY, SIMULATED_IMAGES, model_notice
from qsmrim_app.reports.overlay import OverlaySlice, registration_slices
from qsmrim_app.reports.overview import Projection, lesion_projections
from qsmrim_app.reports.pictures import GreyImages, grey_images
from qsmrim_app.reports.templating import render
from qsmrim_app.tables.lesion_table import LesionTable, lesion_table

__all__ = ["InputRow", "ModelSummary", "QualityRow", "SubjectReport", "subject_page"]


@dataclass(frozen=True)
class InputRow:
    """One file that went in: its role and its BIDS URI or path."""

    role: str
    source: str
    note: str = ""


@dataclass(frozen=True)
class QualityRow:
    """One measure of quality. ``passed`` is None where there is no rule."""

    measure: str
    value: str
    meaning: str = ""
    passed: bool | None = None


@dataclass(frozen=True, eq=False)
class SubjectReport:
    """All that the page of one session says.

    Parameters
    ----------
    key
        The session.
    app_version
        Of qsmrim.
    case
        Images on one grid, native or analysis, RAS+ axis order; None where the session failed before.
    table
        The rows of this session; every label of ``case.lesions`` has one.
    model
        None where nothing was classified.
    registration
        None where the session failed before.
    inputs, quality
        Rows of the two tables.
    warnings, errors
        Sentences, in the order to show.
    methods
        The methods paragraph and its references.
    simulated_images
        Whether the images are simulated, in whole or in part: then every picture says so.
    """

    key: SessionKey
    app_version: str
    case: Case | None = None
    table: LesionTable | None = None
    model: ModelSummary | None = None
    registration: RegistrationResult | None = None
    inputs: tuple[InputRow, ...] = ()
    quality: tuple[QualityRow, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    methods: MethodsText | None = None
    simulated_images: bool = False


def subject_page(report: SubjectReport) -> str:
    """The HTML of a session's report; the same report always gives the same text.

    A session without lesions has a page that says so; a failed one a page with its errors and what is known.

    Raises
    ------
    UnknownLesionError
        If the label map holds a lesion that the table does not.
    """
    content: dict[str, Any] = {
        "report": report,
        "notice": model_notice(report.model.trained_on_simulation) if report.model else RESEARCH_ONLY,
        "simulated_notice": SIMULATED_IMAGES if report.simulated_images else "",
    }
    content |= _findings(report, grey_images(report.case) if report.case else None)
    return render("subject.html", content)


def _findings(report: SubjectReport, grey: GreyImages | None) -> dict[str, Any]:
    table = report.table or lesion_table([])
    lesions = _lesions_by_label(report, table)
    montages: dict[int, Montage] = {}
    projections: tuple[Projection, ...] = ()
    slices: tuple[OverlaySlice, ...] = ()
    if report.case is not None and grey is not None:
        case = report.case
        montages = {label: lesion_montage(case, lesion, grey) for label, lesion in lesions.items()}
        projections = lesion_projections(case, lesions, rim_classes(table))
        slices = registration_slices(case, grey)
    cards = lesion_cards(table, montages, report.model.n_members if report.model else None)
    return {
        "cards": cards,
        "expert": expert_summary(table),
        "positive": _of_kind(cards, "rim_positive"),
        "negative": _of_kind(cards, "rim_negative"),
        "unclassified": _of_kind(cards, "unclassified"),
        "projections": projections,
        "slices": slices,
        "grey": grey,
    }


def _lesions_by_label(report: SubjectReport, table: LesionTable) -> dict[int, Lesion]:
    if report.case is None:
        return {}
    lesions = {lesion.index: lesion for lesion in find_lesions(report.case.lesions)}
    missing = sorted(set(lesions) - set(rim_classes(table)))
    if missing:
        raise UnknownLesionError(
            f"{report.key.prefix}: the label map holds lesion(s) {missing[:10]} that the table does not"
        )
    return lesions


def _of_kind(cards: Sequence[Card], kind: str) -> tuple[Card, ...]:
    return tuple(card for card in cards if card.kind == kind)
