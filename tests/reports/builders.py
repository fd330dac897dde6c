"""Reports of phantom subjects, for every test of the report package."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.records import Case, RegistrationResult
from qsmrim_app.reports.methods_text import methods_text
from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.pages import InputRow, QualityRow, SubjectReport
from qsmrim_app.settings import DetectorSettings, ParticipantSettings
from qsmrim_app.tables.lesion_table import LesionTable, lesion_table

MODEL = ModelSummary("demo", "0.1.0", "qsmrim-net", 3, "f1", 0.42, True, "Trained on 9 simulated lesions.")


def rows_of(case: Case, p_rim: Mapping[int, float]) -> list[dict[str, Any]]:
    """A row for each lesion of the label map; those without a probability are too small."""
    rows: list[dict[str, Any]] = []
    for lesion in find_lesions(case.lesions):
        x, y, z = lesion.center_mm
        row: dict[str, Any] = {
            "subject": case.key.subject,
            "session": case.key.session,
            "index": lesion.index,
            "name": f"lesion-{lesion.index:03d}",
            "volume_mm3": lesion.volume_mm3,
            "x_mm": x,
            "y_mm": y,
            "z_mm": z,
        }
        if lesion.index in p_rim:
            p = p_rim[lesion.index]
            row |= {"p_rim": p, "votes": 3 if p >= 0.42 else 0, "rim_predicted": int(p >= 0.42)}
        else:
            row["excluded_because"] = "too_small"
        rows.append(row)
    return rows


def report_of(case: Case, table: LesionTable | None = None) -> SubjectReport:
    """A full report of a case; by default every lesion is rim- with p = 0.1."""
    if table is None:
        table = lesion_table(rows_of(case, {lesion.index: 0.1 for lesion in find_lesions(case.lesions)}))
    settings = ParticipantSettings(Path("bids"), Path("out"))
    return SubjectReport(
        key=case.key,
        app_version="0.1.0",
        case=case,
        table=table,
        model=MODEL,
        registration=RegistrationResult(np.eye(4), "rigid", "sitk", 0.4, 0.9, 0.8, 0.96),
        inputs=(InputRow("QSM", "bids:qsm:sub-01/anat/sub-01_Chimap.nii.gz", "ppm"),),
        quality=(QualityRow("Overlap", "0.96", "of the heads", True), QualityRow("Noise", "9", "", False)),
        methods=methods_text(settings, DetectorSettings(), MODEL, "0.1.0"),
    )


def without_neighbours(case: Case, keep: int) -> Case:
    """The case with one lesion alone."""
    labels = np.where(case.lesions.data == keep, case.lesions.data, 0).astype(np.int32)
    return replace(case, lesions=case.lesions.with_data(labels))


def pixels(uri: str) -> np.ndarray:
    """The picture in a ``data:`` address, shape (rows, columns) or (rows, columns, 3)."""
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(body))))


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and the visible text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        """All text, runs of white space as one space."""
        return " ".join("".join(self.pieces).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every tag of a name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        """Attributes of every tag of a class."""
        return [attributes for _, attributes in self.tags if name in (attributes.get("class") or "").split()]
