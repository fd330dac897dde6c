"""The card that goes with a trained model: what it is, on whom it was trained, how good it is, its limits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qsmrim_app.reports.notices import model_notice
from qsmrim_app.reports.words import visible
from qsmrim_app.settings import DetectorSettings, to_plain

LONGEST_LIST = 12  # a longer one is counted, not printed
LIMITS = (
    "It classifies lesions that a lesion map outlines; it does not find lesions, and its probabilities "
    "depend on how the lesions were outlined.",
    "It was made for 3 T QSM in ppb with T2-FLAIR. Other field strengths, reconstructions or voxel sizes "
    "were not tested unless the training data above names them.",
    "Known confusions: veins that curve along the edge of a lesion and bright lesions without a rim (taken "
    "for rim+); faint rims and unevenly bright rim+ lesions (missed).",
    "Lesions of one to a few voxels are not classified, and are listed as such.",
)
_MARKUP = re.compile(r"([\\`*\[\]<>|#~!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_INTERVAL = ("value", "low", "high")


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
        f"# Model card: {_text(told.get('name', 'unnamed'))}",
        f"**{model_notice(simulated)}**",
        _text(told.get("statement", "")),
        "## What it is",
        _table(("Property", "Value"), _properties(settings, told, n_members)),
        "## Training data",
        _simulated_sentence(simulated),
        _table(("What", "Value"), _rows(told.get("training", {}))),
        "## How good it is",
        _where_measured(simulated),
        _table(("Measure", "Value (95 % interval where given)"), _rows(told.get("metrics", {}))),
        "## Thresholds",
        _table(("Operating point", "Probability"), _rows(told.get("operating_points", {}))),
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
    }
    return [(name, _value(value)) for name, value in found.items() if value not in (None, "")]


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


def _rows(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Leaves of nested mappings; their names are joined."""
    rows = []
    for name, value in tree.items():
        label = f"{prefix}{name}"
        if isinstance(value, Mapping) and not set(_INTERVAL) <= set(value):
            rows += _rows(value, f"{label}, ")
        else:
            rows.append((_text(label), _value(value)))
    return rows


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        middle, low, high = (_value(value[name]) for name in _INTERVAL)
        return f"{middle} ({low} to {high})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "undefined"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"{len(value)} values" if len(value) > LONGEST_LIST else ", ".join(_value(v) for v in value)
    return _text(value)


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    if not listed:
        return "Not recorded."
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in listed])


def _text(value: Any) -> str:
    one_line = " ".join(str(visible(str(value))).split())
    return _MARKUP.sub(r"\\\1", one_line)
