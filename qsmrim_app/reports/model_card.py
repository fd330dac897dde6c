"""The card that goes with a trained model: what it is, on whom it was trained, how good it is, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qsmrim_app.plain_data import to_plain
from qsmrim_app.reports.evaluation_section import evaluation_section
from qsmrim_app.reports.markdown import escaped, leaves, markdown_table, value_text
from qsmrim_app.reports.notices import model_notice
from qsmrim_app.settings import DetectorSettings

LIMITS = (
    "It classifies lesions that a lesion map outlines; it does not find lesions, and its probabilities "
    "depend on how the lesions were outlined.",
    "It was made for 3 T QSM in ppb with T2-FLAIR. Other field strengths, reconstructions or voxel sizes "
    "were not tested unless the training data above names them.",
    "Known confusions: veins that curve along the edge of a lesion and bright lesions without a rim (taken "
    "for rim+); faint rims and unevenly bright rim+ lesions (missed).",
    "Lesions of one to a few voxels are not classified, and are listed as such.",
)
VARIANT_COLUMNS: Mapping[str, str] = {
    "n_subjects": "Subjects",
    "n_lesions": "Lesions",
    "n_rim": "Rim+",
    "n_not_classified": "Rated, not classified",
    "n_rim_not_classified": "Rim+ among them",
    "n_without_rating": "Without a rating",
}


def model_card(settings: DetectorSettings, info: object, n_members: int | None = None) -> str:
    """A model card in Markdown.

    Parameters
    ----------
    settings
        Of the model.
    info
        What the bundle says of itself, as a dataclass or plain data: ``name``, ``version``, ``statement``,
        ``engine``, ``feature_names``, ``operating_points``, ``temperature``, ``trained_on_simulation``,
        ``training`` and ``metrics``. A metric is a number, or a mapping of ``value``, ``low`` and ``high``.
        Names that are missing are left out.
    n_members
        Of the ensemble; None leaves it out.

    Returns
    -------
    str
        Markdown; texts of ``info`` are escaped, so that none can add markup.
    """
    told = info if isinstance(info, Mapping) else to_plain(info)
    simulated = bool(told.get("trained_on_simulation", False))
    parts = [
        f"# Model card: {escaped(told.get('name', 'unnamed'))}",
        f"**{model_notice(simulated)}**",
        escaped(told.get("statement", "")),
        "## What it is",
        markdown_table(("Property", "Value"), _properties(settings, told, n_members)),
        "## Training data",
        _simulated_sentence(simulated),
        *_training(told.get("training", {})),
        "## How good it is",
        _where_measured(bool(told.get("training", {}).get("scored_on_simulation", simulated))),
        evaluation_section(told.get("metrics", {})),
        "## Thresholds",
        markdown_table(("Operating point", "Probability"), leaves(told.get("operating_points", {}))),
        "## Limits",
        "\n".join(f"- {limit}" for limit in LIMITS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _properties(
    settings: DetectorSettings, told: Mapping[str, Any], n_members: int | None
) -> list[tuple[str, str]]:
    found = {
        "Method": settings.method,
        "Members of the ensemble": n_members,
        "Trained with qsmrim": told.get("version"),
        "Voxel size, mm": settings.spacing_mm,
        "Patch, voxels": settings.patch.shape_vox,
        "Radiomic features": len(told.get("feature_names", ())),
        "Feature engine": told.get("engine"),
        "Temperature": told.get("temperature"),
        "Shift of the log-odds": told.get("log_odds_shift"),
    }
    return [(name, value_text(value)) for name, value in found.items() if value not in (None, "")]


def _training(told: Mapping[str, Any]) -> list[str]:
    variants = told.get("variants", {})
    rest = {name: value for name, value in told.items() if name != "variants"}
    parts = [markdown_table(("What", "Value"), leaves(rest))]
    if variants:
        rows = [
            (escaped(name), *(value_text(found.get(column)) for column in VARIANT_COLUMNS))
            for name, found in variants.items()
        ]
        parts.append(markdown_table(("Outlines", *VARIANT_COLUMNS.values()), rows))
    return parts


def _simulated_sentence(simulated: bool) -> str:
    return (
        "The training lesions, or some of them, are **simulated**: no patient showed them, and no clinician "
        "rated them."
        if simulated
        else ""
    )


def _where_measured(simulated: bool) -> str:
    if simulated:
        return "Measured on held-out simulated subjects: the figures say nothing of patients."
    return "Measured on held-out subjects of the training cohort."
